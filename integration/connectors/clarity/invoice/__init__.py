"""What is done with invoices at Clarity."""
