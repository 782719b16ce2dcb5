"""What `klipkit check` and `klipkit estimate` are told alike: files, and the machine that is to print them."""

import click

FILES = click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path())
CONFIG = click.option(
    "-c", "--config", "config_file", metavar="CONFIG", required=True, help="The printer.cfg."
)
CHIPS = click.option(
    "--mcu", "told", multiple=True, metavar="[NAME=]CHIP", help="The chip of a microcontroller; repeatable."
)
SEED = click.option(
    "--seed",
    metavar="N",
    type=int,
    default=0,
    show_default=True,
    help="Where the toolhead is at the beginning.",
)
