"""What the commands share: drawing, option types, the selection of deliveries, the session with the stores."""
