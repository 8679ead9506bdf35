"""What an analyst may change without a programmer: mappings, value tables, workflows, and their samples.

``<system>/in/`` and ``<system>/out/`` have one mapping a file, named as its place; ``README.md`` explains all of it.
``fleet mapping check`` runs everything here.
"""

from pathlib import Path

FOLDER = Path(__file__).parent
