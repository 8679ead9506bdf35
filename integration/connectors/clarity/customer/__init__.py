"""What is done with customers at Clarity."""
