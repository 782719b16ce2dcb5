"""Floor 7: from a printer.cfg to running parts; the API socket and the console."""
