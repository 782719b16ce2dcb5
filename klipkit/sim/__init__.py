"""Floor 7: virtual clock, co-simulation with the firmware, physical models, faults."""
