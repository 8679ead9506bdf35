"""What is done with shipments at Clarity."""
