"""What is done with orders at Fusion."""
