"""What is done with products at Clarity."""
