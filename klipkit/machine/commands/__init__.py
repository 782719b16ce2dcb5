"""G-code commands of the machine: one file per group."""
