"""What is done with invoices at Odoo."""
