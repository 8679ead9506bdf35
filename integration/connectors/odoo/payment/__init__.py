"""What is done with payments at Odoo."""
