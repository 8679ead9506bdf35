"""``fleet doctor``: checks of the fleet, of each system, and a round trip."""
