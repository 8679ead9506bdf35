"""Stock levels at Clarity."""
