"""Faults of the simulated printer: their text, and what each does to it at its time."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from klipkit._core import lib
from klipkit.base.errors import KlipkitError, UsageError
from klipkit.base.faults import LinkError
from klipkit.base.schema import Loaded
from klipkit.daemon.host import Host
from klipkit.sim.faults import KINDS, FaultPlan, fault_help
from klipkit.sim.loop import run_virtual
from klipkit.sim.printer import HostKilled, SimulatedPrinter
from tests.unit.test_sim_printer import FANS, level, loaded_from, printer

THERMISTOR = "extruder"


@pytest.fixture
def loaded(tmp_path: Path) -> Loaded:
    return loaded_from("ramps-corexy", tmp_path, FANS.replace("pin: !PH6", "pin: PH6\nhardware_pwm: False"))


@pytest.fixture
def made(loaded: Loaded) -> Iterator[SimulatedPrinter]:
    with printer(loaded) as simulated:
        yield simulated


def analog(made: SimulatedPrinter, loaded: Loaded) -> int:
    sensor = loaded.sections[THERMISTOR].sensor  # type: ignore[attr-defined]
    return int(lib.cosim_analog(made.cosim.handle, *made.place(sensor.sensor_pin, "")))


def through(made: SimulatedPrinter, until: float) -> None:
    while made.cosim.run(until) != lib.COSIM_TIME:
        pass


def test_a_fault_comes_at_its_time_and_not_before(made: SimulatedPrinter) -> None:
    FaultPlan(["lost-steps:stepper_x:+40@12.5", "lost-steps:stepper_y:-3"]).begin(made)
    through(made, 12.4999)
    assert (made.carriages["stepper_x"].slipped, made.carriages["stepper_y"].slipped) == (0, -3)
    before = made.rails.toolhead()
    through(made, 12.5)
    assert made.carriages["stepper_x"].slipped == 40
    assert made.truth()["steppers"]["stepper_x"]["slipped"] == 40
    assert made.rails.toolhead()[0] - before[0] == pytest.approx(20 * 0.0125)  # CoreXY: half, in X and in Y


def test_an_endstop_that_is_stuck(made: SimulatedPrinter, loaded: Loaded) -> None:
    opened = level(made, loaded, "stepper_y")
    FaultPlan(["endstop-stuck:stepper_y:closed@1", "endstop-stuck:stepper_y:open@2"]).begin(made)
    for until, wanted in ((0.9, opened), (1.1, 1 - opened), (2.1, opened)):
        through(made, until)
        assert level(made, loaded, "stepper_y") == wanted


def test_an_endstop_that_gets_noisy(made: SimulatedPrinter) -> None:
    FaultPlan(["endstop-noise:stepper_z:0.016/0.05@1"]).begin(made)
    through(made, 2)
    carriage, switch, step = made.carriages["stepper_z"], made.rails.switches["stepper_z"], 0.0025
    carriage.slip(-round((made.rails.toolhead()[2] - 0.5) / step) - 200)
    offs = []
    for _ in range(300):
        for steps in (400, 1, -401):
            carriage.slip(steps)
        offs.append(switch.off)
    assert max(map(abs, offs)) <= 0.05
    assert 0.013 < (sum(off**2 for off in offs) / 300) ** 0.5 < 0.019


def test_a_motor_that_is_weak_loses_cycles_of_its_own_microsteps(made: SimulatedPrinter) -> None:
    """Nothing moves here: that it is told to the model, in steps, is seen where it moves (test_lost_steps)."""
    FaultPlan(["weak-motor:stepper_x:150/3000"]).begin(made)
    through(made, 1)
    assert made.truth()["steppers"]["stepper_x"]["cycles"] == 0


def test_a_thermistor_that_breaks_and_one_that_is_shorted(made: SimulatedPrinter, loaded: Loaded) -> None:
    FaultPlan(["thermistor-open:extruder@1", "thermistor-short:extruder@2"]).begin(made)
    through(made, 0.5)
    assert 900 < analog(made, loaded) < 1000
    through(made, 1.5)
    assert analog(made, loaded) == 1023
    through(made, 2.5)
    assert analog(made, loaded) == 0


def test_a_heater_that_is_stuck_on_and_then_broken(made: SimulatedPrinter) -> None:
    FaultPlan(["heater-stuck-on:extruder@10", "heater-broken:extruder@30"]).begin(made)
    through(made, 10.0)
    assert made.heats.bodies["extruder"].now.body == 25.0
    through(made, 30.0)
    hot = made.heats.bodies["extruder"].now
    assert hot.body > 75 and hot.heating == pytest.approx(20.0)
    through(made, 60.0)
    assert made.heats.bodies["extruder"].now.heating == hot.heating
    assert made.heats.bodies["extruder"].now.body < hot.body


def host_does(made: SimulatedPrinter, loaded: Loaded, *lines: str, wait: float = 0.0) -> None:
    """Start a host, let it carry out lines and wait; raises what it raises."""

    async def main() -> None:
        host = Host(loaded, made.reaches())
        try:
            await host.start()
            await host.run(lines, "test")
            await host.guarded(asyncio.sleep(wait))
        finally:
            await host.stop()

    run_virtual(main(), made.cosim)


def test_a_fan_that_is_blocked_comes_to_rest(made: SimulatedPrinter, loaded: Loaded) -> None:
    FaultPlan(["fan-blocked:fan@12"]).begin(made)
    speeds: list[float] = []
    made.cosim.at(11.9, lambda: speeds.append(made.fans.fans["fan"].speed))
    host_does(made, loaded, "M106 S255", wait=30.0)
    assert speeds[0] == pytest.approx(80.0, rel=1e-3)
    assert made.fans.fans["fan"].speed < 1e-3


def test_a_link_that_is_pulled_out_ends_what_the_host_does(made: SimulatedPrinter, loaded: Loaded) -> None:
    FaultPlan(["unplug:mcu@5"]).begin(made)
    with pytest.raises(LinkError, match="unplugged"):
        host_does(made, loaded, wait=30.0)
    assert 5.0 <= made.cosim.now() < 10.0
    assert all(pipe.error is not None for pipe in made.pipes().values())


def test_a_reset_begins_the_mcu_anew(made: SimulatedPrinter, loaded: Loaded) -> None:
    FaultPlan(["mcu-reset:mcu@5"]).begin(made)
    with pytest.raises(KlipkitError):
        host_does(made, loaded, wait=30.0)
    assert made.truth()["mcus"]["mcu"]["resets"] == 1


def test_a_reset_is_one_reset_wherever_the_watchdog_stood(made: SimulatedPrinter) -> None:
    for turn in range(20):
        through(made, made.cosim.now() + 0.7 + 0.031 * turn)
        made.cosim.reset(made.numbers["mcu"])
        assert made.truth()["mcus"]["mcu"]["resets"] == turn + 1
    through(made, made.cosim.now() + 3.0)
    assert made.truth()["mcus"]["mcu"]["resets"] == 20


@pytest.mark.parametrize(
    ("fault", "field"),
    [("byte-errors:mcu:10%", "corrupted"), ("drop:mcu:0.1@1", "dropped"), ("delay:mcu:0.004s@3", "delayed")],
)
def test_frames_are_damaged_and_the_host_copes(
    made: SimulatedPrinter, loaded: Loaded, fault: str, field: str
) -> None:
    FaultPlan([fault]).begin(made)
    host_does(made, loaded, "SET_KINEMATIC_POSITION X=100 Y=100 Z=10", "G1 X110 F3000", wait=10.0)
    seen = made.truth()["mcus"]["mcu"]
    assert seen[field] > 3
    assert sum(seen[name] for name in ("corrupted", "dropped", "delayed")) == seen[field]
    assert all(carriage.slipped == 0 for carriage in made.carriages.values())


def test_kinds_of_damage_add_up(made: SimulatedPrinter, loaded: Loaded) -> None:
    FaultPlan(["byte-errors:mcu:2%", "drop:mcu:2%@1", "delay:mcu:0.002@2"]).begin(made)
    host_does(made, loaded, wait=20.0)
    seen = made.truth()["mcus"]["mcu"]
    assert min(seen["corrupted"], seen["dropped"], seen["delayed"]) > 0


def test_a_stall_takes_the_host_no_turns_and_the_printer_its_time(
    made: SimulatedPrinter, loaded: Loaded
) -> None:
    FaultPlan(["host-stall:0.4@5"]).begin(made)
    number = made.numbers["mcu"]
    digests: list[tuple[float, str]] = []

    def note() -> None:
        digests.append((made.cosim.now(), made.cosim.wire_digest(number)))

    made.cosim.at(5.0, note)  # after the stall, which was asked for sooner
    made.cosim.at(4.9999, note)
    host_does(made, loaded, wait=10.0)
    (before, _), (after, _) = digests
    assert before == pytest.approx(4.9999) and after == pytest.approx(5.4)
    assert made.cosim.clock(number) == pytest.approx(16e6 * made.cosim.now(), abs=16)


def test_a_host_that_is_killed_is_gone_and_the_printer_goes_on(
    made: SimulatedPrinter, loaded: Loaded
) -> None:
    FaultPlan(["host-killed@12"]).begin(made)
    with pytest.raises(HostKilled) as killed:
        host_does(made, loaded, "M104 S200", wait=30.0)
    assert killed.value.at == pytest.approx(12.0)
    heat = made.heats.bodies["extruder"]
    through(made, made.cosim.now() + 5.0)
    heating = heat.now.heating
    assert heating > 5.0
    through(made, made.cosim.now() + 60.0)
    assert heat.now.heating == heating  # the MCU has turned it off by itself


@pytest.mark.parametrize(
    ("text", "what", "hint"),
    [
        ("lost-step:stepper_x:4", "no such kind of fault", "lost-steps"),
        (
            "lost-steps:stepper_x",
            "has 1 of 2 words",
            "lost-steps:STEPPER:STEPS[@SECONDS], as lost-steps:stepper_x:+40@12.5",
        ),
        ("lost-steps:stepper_x:0", "has a value that it cannot have", "as lost-steps"),
        ("lost-steps:stepper_x:1@soon", "has a value that it cannot have", "as lost-steps"),
        ("lost-steps:stepper_x:1@-1", "comes at -1 s", "as lost-steps"),
        ("endstop-stuck:stepper_x:half", "has a value", "open|closed"),
        ("endstop-noise:stepper_z:1/0.01", "has a value", "DEVIATION/CUT"),
        ("weak-motor:stepper_x:0/1", "has a value", "SPEED/ACCEL"),
        ("weak-motor:stepper_x:7", "has a value", "SPEED/ACCEL"),
        ("byte-errors:mcu:101%", "has a value", "PERCENT%"),
        ("host-stall:-1", "has a value", "host-stall:SECONDS"),
        ("host-killed:mcu", "has 1 of 0 words", "host-killed"),
        ("unplug@nan", "has 0 of 1 words", "unplug:MCU"),
        ("host-killed@nan", "comes at nan s", "host-killed"),
    ],
)
def test_a_wrong_fault_says_how_it_is_written(text: str, what: str, hint: str) -> None:
    with pytest.raises(UsageError) as error:
        FaultPlan([text])
    assert what in str(error.value) and text in str(error.value)
    assert hint in error.value.hint


def test_a_fault_of_what_is_not_there_names_what_is(made: SimulatedPrinter) -> None:
    with pytest.raises(UsageError) as error:
        FaultPlan(["heater-broken:extruders"]).begin(made)
    assert "'extruders'" in str(error.value) and "extruder" in error.value.hint


def test_help_tells_each_kind_and_each_example_is_one(made: SimulatedPrinter) -> None:
    for kind in KINDS:
        assert f"{kind.name}{kind.form} " in fault_help()
        assert FaultPlan([kind.example]).faults[0].kind is kind
