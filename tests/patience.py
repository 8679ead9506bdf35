"""How long a test waits for what must come: long for a busy machine, short where a planted defect keeps it away."""

from __future__ import annotations

import os

NAME = "TEST_PATIENCE"
PATIENCE = float(os.environ.get(NAME, "20"))
"""In seconds."""
SHORT = "5"
"""In a trial: what is sound in it must still come in this time on a busy machine."""
