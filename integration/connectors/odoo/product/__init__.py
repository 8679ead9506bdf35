"""What is done with products at Odoo."""
