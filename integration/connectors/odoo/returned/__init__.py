"""What is done with goods that come back in Odoo."""
