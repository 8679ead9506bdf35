"""What is done with goods that come back at Clarity."""
