"""What is done with invoices at Fusion."""
