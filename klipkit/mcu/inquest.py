"""What became of a board whose link was lost: unplugged, reset, hanging, or running on while the link failed.

The port is opened once more, and the board's clock compared with what it would be had it run on.
"""

import asyncio

from klipkit.base.errors import KlipkitError
from klipkit.base.faults import Shutdown
from klipkit.link.way import Way
from klipkit.mcu.mcu import Mcu

SLACK = 1.0  # s by which a clock may be behind and still be the same
PAUSE = 0.5  # s until a port that vanishes has vanished


async def inquest(way: Way, lost: Mcu) -> str:
    """One sentence for people. `lost` was connected by this way, and is closed. Takes 6 s at most; raises nothing."""
    await lost.close()
    await asyncio.sleep(PAUSE)
    try:
        pipe = await way.open()
    except KlipkitError as error:
        return f"{way.where} {error.what} now as well: the cable was pulled, or the board lost its power or was reset"
    found = Mcu(lost.name, pipe)
    try:
        await found.identify()
        return await _told(lost, found)
    except KlipkitError:
        return f"{way.where} is there, but the board does not answer: its firmware hangs, or the line is disturbed"
    finally:
        await found.close()


async def _told(lost: Mcu, found: Mcu) -> str:
    now = found.sync.last
    missing = lost.sync.line.clock(found.pipe.now()) - now
    if missing > SLACK * lost.frequency:
        return (
            f"the board was reset {now / found.frequency:.0f} s ago: by its power supply, its watchdog or its reset "
            "button"
        )
    try:
        await found.state()
    except Shutdown as error:
        return f"the board has run on and answers again, but has shut down: {error.what}"
    return "the board has run on and answers again: the cable, the USB or this computer failed, not the board"
