"""What is done with customers at Fusion."""
