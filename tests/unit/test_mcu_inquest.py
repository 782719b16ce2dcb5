"""What is told of a board whose link was lost: four fates, four sentences."""

import asyncio

import pytest

from klipkit.base.faults import LinkError
from klipkit.mcu.inquest import inquest
from klipkit.mcu.restart import Reach
from klipkit.sim.cosim import Cosim, Faults
from klipkit.sim.pipe import SimPipe
from tests.unit.test_mcu_restart import Board, configured, missing, virtually


@pytest.mark.parametrize(
    ("fate", "told"),
    [
        (
            "pulled",
            "/dev/ttyS7 cannot open: No such file or directory now as well: the cable was pulled, or the board lost "
            "its power or was reset",
        ),
        (
            "reset",
            "the board was reset 4 s ago: by its power supply, its watchdog or its reset button",
        ),
        (
            "hangs",
            "/dev/ttyS7 is there, but the board does not answer: its firmware hangs, or the line is disturbed",
        ),
        (
            "shut down",
            "the board has run on and answers again, but has shut down: Previous MCU 'mcu' shutdown: Command request",
        ),
        (
            "runs on",
            "the board has run on and answers again: the cable, the USB or this computer failed, not the board",
        ),
    ],
)
def test_a_lost_link_is_looked_into(fate: str, told: str) -> None:
    async def main(cosim: Cosim, way: Board) -> None:
        mcu = await configured(Reach("mcu", way), "PA0")
        await asyncio.sleep(10)
        if fate == "reset":
            mcu.is_resetting = True  # the host does not see it
            mcu.talk.send("reset")
            await asyncio.sleep(0.001)
        if fate == "shut down":
            mcu.talk.send("emergency_stop")
            await asyncio.sleep(0.001)
        pipe = mcu.pipe
        assert isinstance(pipe, SimPipe)
        pipe.unplug()
        mcu.is_resetting = False
        await mcu.fault
        if fate == "pulled":
            way.fails = [missing()]
        if fate == "hangs":
            way.faults = Faults(drop=1.0)
        if fate == "reset":
            await asyncio.sleep(3.5)
        assert await inquest(way, mcu) == told

    virtually(main)


def test_a_fault_that_was_no_link_is_no_matter_here() -> None:
    async def main(cosim: Cosim, way: Board) -> None:
        mcu = await configured(Reach("mcu", way), "PA0")
        mcu.failed(LinkError("Lost communication with MCU 'mcu'"))
        assert "has run on" in await inquest(way, mcu)

    virtually(main)
