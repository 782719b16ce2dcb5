"""Around a print: texts, progress, what is counted, pausing, idling, G-code after a while."""

import asyncio
from typing import Any

import pytest

from klipkit.base.errors import ConfigError
from klipkit.base.faults import GcodeError
from klipkit.daemon.host import Host
from klipkit.machine.commands.print_stats import PrintStats
from klipkit.sim.printer import SimulatedPrinter
from tests.machine_bench import AT_ZERO, CARTESIAN, HOTEND, live, said_by

PAUSE = CARTESIAN + "[pause_resume]\n"


def status(host: Host, section: str) -> Any:
    return host.parts[section].status()


def test_texts_are_told_with_what_stands_before_them() -> None:
    said = said_by(
        CARTESIAN + "[respond]\n",
        "M118 Hello; World",
        'RESPOND MSG="two words"',
        "RESPOND TYPE=error MSG=bad",
        "respond type=command msg=action:pause",
        "RESPOND TYPE=echo_no_space MSG=x",
        "RESPOND PREFIX=>> MSG=y TYPE=error",
    )
    assert said == [
        "echo: Hello; World",
        "echo: two words",
        "!! bad",
        "// action:pause",
        "echo:x",
        ">> y",
    ]


@pytest.mark.parametrize(
    ("options", "said"), [("default_type: command", "// hi"), ("default_prefix: me:", "me: hi")]
)
def test_the_usual_prefix_is_configured(options: str, said: str) -> None:
    assert said_by(f"{CARTESIAN}[respond]\n{options}\n", "M118 hi", "RESPOND MSG=hi") == [said, said]


def test_an_unknown_type_of_response_is_refused() -> None:
    with pytest.raises(GcodeError, match="RESPOND TYPE 'eror' is invalid; did you mean 'error'"):
        said_by(CARTESIAN + "[respond]\n", "RESPOND TYPE=eror MSG=x")


def test_message_and_progress_are_shown() -> None:
    async def act(host: Host, printer: SimulatedPrinter) -> None:
        assert status(host, "display_status").message is None
        await host.run(["M117 Printing; layer 3", "M73 P25.5 R10"], "a")
        assert (status(host, "display_status").message, status(host, "display_status").progress) == (
            "Printing; layer 3",
            0.255,
        )
        await host.run(['SET_DISPLAY_TEXT MSG="all is well"'], "b")
        assert status(host, "display_status").message == "all is well"
        await host.run(["M117"], "c")
        assert status(host, "display_status").message is None

    live(CARTESIAN + "[display_status]\n", act)


def stats_of(host: Host) -> PrintStats:
    part = host.parts["print_stats"]
    assert isinstance(part, PrintStats)
    return part


def test_a_print_is_counted_without_pauses_and_without_the_time_before_filament() -> None:
    async def act(host: Host, printer: SimulatedPrinter) -> None:
        stats = stats_of(host)
        await host.run([AT_ZERO, "M83"], "a")
        stats.reset("part.gcode")
        assert (stats.status().state, stats.status().total_duration) == ("standby", 0)
        stats.start()
        await asyncio.sleep(10)
        assert stats.status().total_duration == pytest.approx(10)
        assert stats.status().print_duration == 0
        await host.run(["G1 X50 E2 F6000", "G1 E-1 F1200"], "b")
        begin = stats.status().total_duration
        stats.pause()
        await host.run(["G1 E5 F600"], "a change of filament")
        await asyncio.sleep(100)
        paused = stats.status()
        assert paused.state == "paused"
        assert paused.filament_used == pytest.approx(1)
        assert paused.total_duration > begin + 100
        assert paused.print_duration == pytest.approx(begin - 10)
        stats.start()
        await asyncio.sleep(5)
        stats.complete()
        await asyncio.sleep(50)
        end = stats.status()
        assert (end.state, end.filename) == ("complete", "part.gcode")
        assert end.print_duration == pytest.approx(begin - 10 + 5)
        assert end.total_duration - paused.total_duration == pytest.approx(5, abs=0.01)

    live(CARTESIAN + HOTEND, act)


@pytest.mark.parametrize("paused", [False, True])
def test_a_print_that_is_given_up_or_fails_says_so_and_its_times_stand_still(paused: bool) -> None:
    async def act(host: Host, printer: SimulatedPrinter) -> None:
        stats = stats_of(host)
        stats.start()
        await asyncio.sleep(3)
        if paused:
            stats.pause()
            await asyncio.sleep(4)
        stats.cancel()
        total = 7 if paused else 3
        await asyncio.sleep(5)
        assert stats.status().state == "cancelled"
        assert stats.status().total_duration == pytest.approx(total)
        stats.reset("other.gcode")
        stats.start()
        stats.fail("Move out of range")
        seen = stats.status()
        assert (seen.state, seen.message, seen.filename) == ("error", "Move out of range", "other.gcode")

    live(CARTESIAN, act)


def test_layers_are_what_the_slicer_says_and_never_above_their_number() -> None:
    async def act(host: Host, printer: SimulatedPrinter) -> None:
        def layers() -> tuple[int | None, int | None]:
            info = stats_of(host).status().info
            return info.total_layer, info.current_layer

        assert layers() == (None, None)
        await host.run(["SET_PRINT_STATS_INFO TOTAL_LAYER=10", "SET_PRINT_STATS_INFO CURRENT_LAYER=3"], "a")
        assert layers() == (10, 3)
        await host.run(["SET_PRINT_STATS_INFO CURRENT_LAYER=30"], "b")
        assert layers() == (10, 10)
        await host.run(["SET_PRINT_STATS_INFO TOTAL_LAYER=0"], "c")
        assert layers() == (None, None)

    live(CARTESIAN, act)


def test_a_paused_print_goes_on_where_it_was_with_its_modes() -> None:
    async def act(host: Host, printer: SimulatedPrinter) -> None:
        await host.run([AT_ZERO, "G91", "G1 X30 Y20 F6000", "PAUSE"], "a")
        assert status(host, "pause_resume").is_paused
        await host.run(["PAUSE", "G90", "G1 X100 Y100 Z5"], "park")
        await host.run(["RESUME VELOCITY=80"], "b")
        assert not status(host, "pause_resume").is_paused
        assert host.toolhead.position == pytest.approx((30, 20, 0))
        assert host.planner.moves.is_relative
        await host.run(["RESUME", "PAUSE", "CLEAR_PAUSE", "CANCEL_PRINT"], "c")
        assert not status(host, "pause_resume").is_paused

    assert live(PAUSE, act) == [
        "// action:paused",
        "// Print already paused",
        "// action:resumed",
        "// Print is not paused, resume aborted",
        "// action:paused",
        "// action:cancel",
    ]


def test_the_way_back_has_the_configured_speed() -> None:
    async def act(host: Host, printer: SimulatedPrinter) -> None:
        await host.run([AT_ZERO, "PAUSE", "G1 X100 F12000"], "a")
        begin = host.toolhead.now()
        await host.run(["RESUME"], "b")
        assert host.toolhead.now() - begin == pytest.approx(10, abs=0.6)

    live(PAUSE + "recover_velocity: 10\n", act)


def test_the_printer_idles_after_a_while_and_its_motors_are_let_go() -> None:
    async def act(host: Host, printer: SimulatedPrinter) -> None:
        await host.run([AT_ZERO, "SET_IDLE_TIMEOUT TIMEOUT=20"], "a")
        move = asyncio.ensure_future(host.run(["G1 X100 F600"], "b"))
        await asyncio.sleep(5)
        assert (status(host, "idle_timeout").state, host.toolhead.is_on) == ("Printing", True)
        assert 3 < status(host, "idle_timeout").printing_time < 6
        await move
        await asyncio.sleep(15)
        assert (status(host, "idle_timeout").state, host.toolhead.is_on) == ("Ready", True)
        await asyncio.sleep(8)
        assert (status(host, "idle_timeout").state, host.toolhead.is_on) == ("Idle", False)
        assert status(host, "idle_timeout").idle_timeout == 20
        await host.run([AT_ZERO, "G1 X99 F600"], "c")
        assert status(host, "idle_timeout").state == "Printing"

    live(CARTESIAN, act)


def test_its_own_g_code_is_carried_out_when_it_idles() -> None:
    async def act(host: Host, printer: SimulatedPrinter) -> None:
        await asyncio.sleep(6)
        assert status(host, "idle_timeout").state == "Idle"

    config = (
        CARTESIAN + "[respond]\n[idle_timeout]\ntimeout: 5\ngcode:\n  M118 good night\n  M118 sleep well\n"
    )
    assert live(config, act) == ["echo: good night", "echo: sleep well"]


def test_g_code_of_the_configuration_that_fails_is_told_with_its_line() -> None:
    async def act(host: Host, printer: SimulatedPrinter) -> None:
        await asyncio.sleep(6)
        assert status(host, "idle_timeout").state == "Ready"

    config = "[idle_timeout]\ntimeout: 5\ngcode:\n  G4 P1\n  M220 S0\n" + CARTESIAN
    assert live(config, act) == ["!! printer.cfg:5 (idle_timeout): M220: S=0 is not above 0"]


def test_a_malformed_expression_is_refused_with_its_line() -> None:
    config = "[delayed_gcode a]\ngcode:\n  M118\n  M118 {printer.toolhead.\n" + CARTESIAN
    with pytest.raises(ConfigError, match=r"printer\.cfg:4: Error loading template 'delayed_gcode a:gcode'"):
        said_by(config)


def test_delayed_g_code_comes_when_it_is_due_and_again_when_it_says_so() -> None:
    async def act(host: Host, printer: SimulatedPrinter) -> None:
        host.responses.listen(lambda line: times.append(asyncio.get_running_loop().time()))
        begin = asyncio.get_running_loop().time()
        await asyncio.sleep(21)
        await host.run(
            ["UPDATE_DELAYED_GCODE ID=again DURATION=0", "UPDATE_DELAYED_GCODE ID=once DURATION=4"], "a"
        )
        await asyncio.sleep(30)
        times[:] = [round(time - begin) for time in times]

    times: list[float] = []
    config = (
        CARTESIAN
        + "[respond]\n[delayed_gcode again]\ninitial_duration: 5\ngcode:\n"
        + "  M118 again\n  UPDATE_DELAYED_GCODE ID=again DURATION=10\n[delayed_gcode once]\ngcode: M118 once\n"
    )
    assert live(config, act) == ["echo: again", "echo: again", "echo: once"]
    assert times == [5, 15, 25]
