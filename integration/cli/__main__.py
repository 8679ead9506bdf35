"""``python -m integration.cli``: the same as the command ``fleet``."""

from integration.cli import main

main(prog_name="fleet")
