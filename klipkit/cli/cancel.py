"""`klipkit cancel`: give up the print, or what it waits for."""

import click

from klipkit.base.output import Output
from klipkit.cli.talk import daemon_options, talk
from klipkit.cli.tool import tool
from klipkit.daemon.session import SocketSession


@tool(
    "cancel",
    examples=(
        ("klipkit cancel", "gives up the print, as CANCEL_PRINT"),
        ("klipkit cancel --wait", "ends the wait for a temperature; the print goes on"),
    ),
)
@click.option(
    "--wait",
    is_flag=True,
    help="End only what is waited for (a temperature, a time), as M108; the print goes on.",
)
@daemon_options
def cancel(out: Output, wait: bool, socket: str) -> int:
    """The print of the running daemon is given up, whatever it waits for.

    Exit status 3 when no daemon answers, 4 when the printer is not ready.
    """
    method = "cancel_wait" if wait else "pause_resume/cancel"

    async def work(session: SocketSession) -> None:
        await session.request(method)

    talk(socket, work)
    if out.json:
        out.document({"done": method})
    return 0


COMMAND = cancel
