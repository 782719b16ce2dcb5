"""A print from the virtual SD card on a simulated printer: chosen, printed, paused, resumed, cancelled, failed."""

import asyncio
from pathlib import Path

import pytest

from klipkit.base.faults import GcodeError
from klipkit.daemon.host import Host
from klipkit.machine.commands.print_stats import PrintStats
from klipkit.machine.sdcard import VirtualSdcard
from tests.machine_bench import CARTESIAN, CardAct, live_with_card

PART = "SET_KINEMATIC_POSITION X=10 Y=10 Z=10\nG1 X20 F120\nG1 X30\nM117 half\nG1 X40\nG1 X50\nM400\n"  # 5 s a move


def live(folder: Path, act: CardAct, text: str = PART) -> list[str]:
    """Run `act` on a printer whose card has part.gcode; gives what it said."""
    return live_with_card(folder, CARTESIAN, text, act)


def state(host: Host) -> str:
    stats = host.parts["print_stats"]
    assert isinstance(stats, PrintStats)
    return stats.status().state


async def until_done(card: VirtualSdcard) -> None:
    while card.is_active:
        await asyncio.sleep(0.1)


def test_a_file_is_listed_printed_to_its_end_and_said_to_be_done(tmp_path: Path) -> None:
    async def act(host: Host, card: VirtualSdcard) -> None:
        await host.scripts.run("M20\nSDCARD_PRINT_FILE FILENAME=part.gcode", "a")
        assert (state(host), card.status().is_active) == ("printing", True)
        await until_done(card)
        assert (state(host), card.status().progress) == ("complete", 1.0)
        assert host.toolhead.position[0] == pytest.approx(50)

    said = live(tmp_path, act)
    assert said[:3] == ["Begin file list", f"part.gcode {len(PART)}", "End file list"]
    assert "Done printing file" in said


def test_a_pause_stops_between_lines_and_resume_prints_the_rest(tmp_path: Path) -> None:
    async def act(host: Host, card: VirtualSdcard) -> None:
        await host.scripts.run("SDCARD_PRINT_FILE FILENAME=part.gcode", "a")
        await asyncio.sleep(1.0)
        await host.scripts.run("PAUSE", "b")
        assert (state(host), card.is_active) == ("paused", False)
        place = host.toolhead.position[0]
        await asyncio.sleep(20)
        assert host.toolhead.position[0] == place < 50
        await host.scripts.run("RESUME", "c")
        await until_done(card)
        assert state(host) == "complete"
        assert host.toolhead.position[0] == pytest.approx(50)

    live(tmp_path, act)


def test_a_line_of_the_file_may_pause_it(tmp_path: Path) -> None:
    async def act(host: Host, card: VirtualSdcard) -> None:
        await host.scripts.run("SDCARD_PRINT_FILE FILENAME=part.gcode", "a")
        await until_done(card)
        assert state(host) == "paused"
        assert host.toolhead.position[0] == pytest.approx(30)
        await host.scripts.run("RESUME", "c")
        await until_done(card)
        assert state(host) == "complete"
        assert host.toolhead.position[0] == pytest.approx(50)

    live(tmp_path, act, PART.replace("M117 half", "PAUSE"))


def test_a_print_that_is_cancelled_is_forgotten_and_another_can_begin(tmp_path: Path) -> None:
    async def act(host: Host, card: VirtualSdcard) -> None:
        await host.scripts.run("SDCARD_PRINT_FILE FILENAME=part.gcode", "a")
        await asyncio.sleep(1.0)
        with pytest.raises(GcodeError, match="SD busy"):
            await host.scripts.run("SDCARD_PRINT_FILE FILENAME=part.gcode", "b")
        await host.scripts.run("CANCEL_PRINT", "c")
        assert (state(host), card.is_active) == ("cancelled", False)
        await host.scripts.run("SDCARD_PRINT_FILE FILENAME=part.gcode", "d")
        await until_done(card)
        assert state(host) == "complete"

    live(tmp_path, act)


def test_a_wrong_line_ends_the_print_with_its_place(tmp_path: Path) -> None:
    async def act(host: Host, card: VirtualSdcard) -> None:
        await host.scripts.run("SDCARD_PRINT_FILE FILENAME=part.gcode", "a")
        await until_done(card)
        assert state(host) == "error"

    said = live(tmp_path, act, PART.replace("G1 X40", "G1 X4000"))
    assert any(line.startswith("!! ") and "part.gcode:5: Move out of range" in line for line in said)


@pytest.mark.parametrize("name", ["nothing.gcode", "../part.gcode", "/etc/passwd", "a" * 300, "\ud800"])
def test_a_file_that_is_not_there_or_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "card"
    folder.mkdir()
    (tmp_path / "part.gcode").write_text(PART)

    async def act(host: Host, card: VirtualSdcard) -> None:
        with pytest.raises(GcodeError, match="Unable to open file"):
            await host.scripts.run(f"SDCARD_PRINT_FILE FILENAME={name}", "a")

    live(folder, act)
