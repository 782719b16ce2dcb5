"""Floor 3: serial ports and other ways bytes travel to an MCU."""
