"""Floor 5: sensors, drivers, heaters, fans, probes, LEDs, displays: one file each."""
