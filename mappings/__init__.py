"""What an analyst may change without a programmer: mappings, value tables, workflows, and the samples that hold them.

``clarity/`` and ``odoo/`` hold one mapping per file, named ``<folder>.<file>``; ``samples/<mapping>/`` its samples.
``fleet mapping check`` runs everything here.
"""

from pathlib import Path

FOLDER = Path(__file__).parent
