"""What is done with refunds at Odoo: its credit notes."""
