"""A small Odoo 19 over real HTTP, held against recorded exchanges of the real one.

It speaks JSON-2 and JSON-RPC for the models an order needs, keeps its records in one SQLite file, and answers 501
``sandbox.NotFaked`` for everything else.
"""

from integration.sandbox.odoo.errors import OdooError
from integration.sandbox.odoo.fulfilment import Manner
from integration.sandbox.odoo.server import Odoo

__all__ = ["Manner", "Odoo", "OdooError"]
