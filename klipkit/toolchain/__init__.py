"""Floor 3: the firmware's sources, their settings and the programs that build them for a board."""
