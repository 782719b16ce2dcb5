"""`python -m klipkit`: the same as the `klipkit` command."""

from klipkit.cli.main import main

main()
