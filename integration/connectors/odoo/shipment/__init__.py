"""What is done with shipments at Odoo."""
