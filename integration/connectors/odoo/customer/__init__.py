"""What is done with customers at Odoo."""
