"""What is done with shipments at Fusion."""
