"""The AVR runner: the firmware's real ELF file in a simulated chip, in lock step or behind a pty."""
