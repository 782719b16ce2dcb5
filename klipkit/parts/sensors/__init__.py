"""Temperature sensors: what they are, their curves, and how they are read."""
