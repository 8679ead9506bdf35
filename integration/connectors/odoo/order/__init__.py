"""What is done with orders at Odoo."""
