"""What is done with orders at the ledger."""
