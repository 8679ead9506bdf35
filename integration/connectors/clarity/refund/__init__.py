"""What is done with refunds at Clarity."""
