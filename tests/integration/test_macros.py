"""Macros around prints on a simulated printer, in virtual time."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from klipkit.base.config import parse_config
from klipkit.boards.mcuchips import chips_of
from klipkit.cli.sections import SCHEMA
from klipkit.cli.simulate import OBJECT
from klipkit.daemon.host import Host
from klipkit.machine.commands.print_stats import PrintStats, PrintStatsStatus
from klipkit.machine.sdcard import VirtualSdcard
from klipkit.sim.firmware import build
from klipkit.sim.loop import run_virtual
from klipkit.sim.printer import SimulatedPrinter
from tests.machine_bench import HOTEND, lost
from tests.reference import TOP

CONFIG = (TOP / "config-examples" / "ramps-cartesian.cfg").read_text() + HOTEND
Act = Callable[[Host, VirtualSdcard], Awaitable[None]]


def live(folder: Path, config: str, text: str, act: Act) -> list[str]:
    """Run `act` on a printer whose card has part.gcode; gives what it said. No step is lost."""
    (folder / "part.gcode").write_text(text)
    config = (
        CONFIG + f"\n[virtual_sdcard]\npath: {folder}\n[pause_resume]\n[display_status]\n[respond]\n{config}"
    )
    loaded = SCHEMA.load(parse_config(config, "printer.cfg"))
    chips = chips_of(loaded.config, ("mcu=atmega2560",))
    printer = SimulatedPrinter(loaded, chips, build(OBJECT), begin=(10, 10, 10))
    said: list[str] = []

    async def whole() -> None:
        host = Host(loaded, printer.reaches())
        host.responses.listen(said.append)
        try:
            await host.start()
            card = host.parts["virtual_sdcard"]
            assert isinstance(card, VirtualSdcard)
            await act(host, card)
            await host.guarded(host.toolhead.drain())
            assert set(lost(host, printer).values()) == {0}
        finally:
            await host.stop()

    try:
        run_virtual(whole(), printer.cosim)
    finally:
        printer.close()
    return said


def stats(host: Host) -> PrintStatsStatus:
    part = host.parts["print_stats"]
    assert isinstance(part, PrintStats)
    return part.status()


async def until_done(card: VirtualSdcard) -> None:
    while card.is_active:
        await asyncio.sleep(0.1)


async def printed(host: Host, card: VirtualSdcard) -> None:
    await host.scripts.run("SDCARD_PRINT_FILE FILENAME=part.gcode", "console")
    await until_done(card)


PLACE = "SET_KINEMATIC_POSITION X=10 Y=10 Z=10\n"


@pytest.mark.parametrize("name", ["G1", "M204", "G0", "G92"])
def test_the_quick_way_leaves_a_command_to_the_macro_in_its_place(tmp_path: Path, name: str) -> None:
    lines = {"G1": "G1 X20 F3000", "M204": "M204 S500", "G0": "G0 X20 F3000", "G92": "G92 X10"}
    text = PLACE + f"{lines[name]}\n" * 3 + "G90\nG1 X22 F3000\nM400\n"
    config = (
        f"[gcode_macro {name}]\nvariable_calls: 0\nrename_existing: {name}.1\ngcode:\n"
        f"  SET_GCODE_VARIABLE MACRO={name} VARIABLE=calls VALUE={{calls + 1}}\n  {name}.1 {{rawparams}}\n"
    )

    async def act(host: Host, card: VirtualSdcard) -> None:
        await printed(host, card)
        assert stats(host).state == "complete"
        calls = host.parts[f"gcode_macro {name}"].status()["calls"]
        assert calls == (4 if name == "G1" else 3)
        assert host.toolhead.position[0] == pytest.approx(22)

    live(tmp_path, config, text, act)
