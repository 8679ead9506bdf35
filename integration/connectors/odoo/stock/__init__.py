"""Stock levels of Odoo."""
