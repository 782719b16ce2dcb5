"""Floor 8: one file per tool, loaded when it is called."""
