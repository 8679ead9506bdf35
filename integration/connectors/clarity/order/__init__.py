"""What is done with orders at Clarity."""
