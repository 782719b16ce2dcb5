"""`klipkit reload`: a running daemon takes on what has changed in its configuration."""

from typing import Any

from klipkit.base.errors import EXIT_DONE, EXIT_NO
from klipkit.base.output import Column, Output
from klipkit.cli.talk import daemon_options, talk
from klipkit.cli.tool import tool
from klipkit.daemon.session import SocketSession

COLUMNS = (
    Column("section", "Section"),
    Column("action", "What was done"),
    Column("options", "Options"),
    Column("where", "Where"),
)


@tool(
    "reload",
    examples=(
        (
            "klipkit reload",
            "macros that were edited are as they are written now, and nothing need be homed anew",
        ),
        ("klipkit reload --name left", "the same for one of several printers"),
        ("klipkit reload | grep restart", "what takes effect at the next RESTART only"),
    ),
)
@daemon_options
def reload(out: Output, socket: str) -> int:
    """Have a running daemon read its configuration again, and take on what can be changed without a restart.

    That is macros, delayed G-code, the G-code of other sections, PID parameters, limits of fans and the like; what
    needs a restart is told, and stays as it was. When something is wrong in the configuration nothing changes at all.
    It waits for the command that is being carried out; a print goes on. Exit status 1 when something needs a restart.
    """
    answer = talk(socket, _asked)
    changes: list[dict[str, Any]] = answer["changes"]
    rows = [{**change, "action": _said(change["action"])} for change in changes]
    if rows or out.json:
        out.records(COLUMNS, rows, **answer)
    else:
        out.note("nothing has changed")
    return EXIT_NO if answer["needs_restart"] else EXIT_DONE


async def _asked(session: SocketSession) -> dict[str, Any]:
    answer: dict[str, Any] = await session.request("reload")
    return answer


def _said(action: str) -> str:
    return "needs a restart" if action == "restart" else action


COMMAND = reload
