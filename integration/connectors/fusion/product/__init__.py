"""What is done with products at Fusion."""
