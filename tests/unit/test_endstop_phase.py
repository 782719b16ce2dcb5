"""Phases at endstops: what is valid, what a section refuses, what homings say; circular statistics."""

import math
import random

import pytest

from klipkit.base.errors import ConfigError
from klipkit.machine.circular import apart, circular_mean
from klipkit.machine.endstop_phase.config import StepperPhaseConfig
from klipkit.machine.endstop_phase.judge import Quality, Trigger, judge
from klipkit.machine.endstop_phase.rails import phase_rails
from klipkit.machine.endstop_phase.rule import Rule, StepperPhase
from tests.machine_bench import loaded_of
from tests.precise_bench import EXAMPLES, config


def rule(text: str, *lines: str, stepper: str = "stepper_z") -> Rule:
    loaded = loaded_of("\n".join([text, f"[endstop_phase {stepper}]", *lines]))
    return StepperPhase(loaded.named(f"endstop_phase {stepper}", StepperPhaseConfig), loaded, []).rule


CARTESIAN = config("ramps-cartesian")
ARDUINO = (EXAMPLES / "ramps-cartesian.cfg").read_text()


@pytest.mark.parametrize(
    ("name", "valid"),
    [
        ("ramps-cartesian", {"stepper_x", "stepper_y", "stepper_z"}),
        ("ramps-corexy", {"stepper_z"}),
        ("ramps-corexz", {"stepper_y"}),
        ("ramps-hybrid-corexy", {"stepper_y", "stepper_z"}),
        ("ramps-hybrid-corexz", {"stepper_y", "stepper_z"}),
        ("ramps-delta", {"stepper_a", "stepper_b", "stepper_c"}),
        ("ramps-two-z", {"stepper_x", "stepper_y", "stepper_z", "stepper_z1"}),
    ],
)
def test_a_phase_tells_something_where_one_motor_alone_moves_the_rail(name: str, valid: set[str]) -> None:
    rails = phase_rails(loaded_of((EXAMPLES / f"{name}.cfg").read_text()))
    assert {stepper for stepper, rail in rails.items() if not rail.refused} == valid


def test_a_probe_is_no_fixed_place_of_the_rail() -> None:
    text = CARTESIAN.replace(
        "endstop_pin: ^PD3\nposition_endstop: 0.5",
        "endstop_pin: probe:z_virtual_endstop\nposition_endstop: 0.5",
    )
    assert "has no fixed place on the rail" in phase_rails(loaded_of(text))["stepper_z"].refused
    with pytest.raises(ConfigError, match="not valid for stepper_z: its endstop is a probe"):
        rule(text)


def test_a_trigger_phase_needs_a_driver_that_can_tell_or_is_reset_with_its_mcu() -> None:
    assert rule(CARTESIAN, "trigger_phase: 12/64").expected == 12
    assert rule(ARDUINO).expected is None  # counts from the first homing on
    with pytest.raises(ConfigError, match="cannot tell its phase"):
        rule(ARDUINO, "trigger_phase: 12/64")


@pytest.mark.parametrize(
    ("written", "phase"), [("12/64", 12), ("3/16", 12), ("24/128", 12), ("63/64", 63), ("0/4", 0)]
)
def test_a_trigger_phase_may_be_of_other_microsteps(written: str, phase: int) -> None:
    assert rule(CARTESIAN, f"trigger_phase: {written}").expected == phase


def test_a_phase_that_is_not_below_the_number_of_phases_is_refused() -> None:
    with pytest.raises(ConfigError, match="the phases are 0 to 63"):
        rule(CARTESIAN, "trigger_phase: 64/64")


def test_an_accuracy_is_two_full_steps_either_way_at_most() -> None:
    assert rule(CARTESIAN).window == 32
    assert rule(CARTESIAN, "endstop_accuracy: 0.16").window == pytest.approx(32)
    assert rule(CARTESIAN, "endstop_accuracy: 0.1").window == pytest.approx(20)
    with pytest.raises(ConfigError, match="not accurate to two full steps"):
        rule(CARTESIAN, "endstop_accuracy: 0.17")


@pytest.mark.parametrize("stepper", ["stepper_x", "stepper_y"])
def test_a_section_is_refused_with_its_reason(stepper: str) -> None:
    with pytest.raises(ConfigError, match="more than the position along"):
        rule(config("ramps-corexy"), stepper=stepper)


def test_a_tower_has_no_zero_to_align() -> None:
    with pytest.raises(ConfigError, match="position 0 is no place of the rail"):
        rule(config("ramps-delta"), "endstop_align_zero: True", stepper="stepper_a")


@pytest.mark.parametrize("phase", [0, 7, 8, 9, 31, 63])
@pytest.mark.parametrize("endstop", [0.0, 0.5, 0.51, -1.234, 3.0001])
def test_the_aligned_zero_is_a_full_step_and_the_nearest(phase: int, endstop: float) -> None:
    made = rule(CARTESIAN, "endstop_align_zero: True", f"trigger_phase: {phase}/64")
    steps = endstop / 0.0025 + made.alignment(endstop)
    at_zero = (phase - steps) % 16
    assert min(at_zero, 16 - at_zero) == pytest.approx(0, abs=1e-6)
    assert abs(made.alignment(endstop)) <= 8


def test_a_trigger_is_late_the_short_way_round_and_too_late_is_an_error() -> None:
    made = rule(CARTESIAN, "endstop_accuracy: 0.1", "trigger_phase: 60/64")
    assert [made.late(phase) for phase in (60, 0, 16, 40)] == [0, 4, 20, -20]
    with pytest.raises(Exception, match=r"Endstop stepper_z incorrect phase \(got 17 vs 60\)"):
        made.late(17)


# --- statistics ---


def test_the_mean_of_places_on_both_sides_of_zero_is_zero() -> None:
    assert circular_mean([62, 63, 0, 1, 2], 64).mean == pytest.approx(0, abs=1e-9)
    assert circular_mean([350, 10], 360).mean % 360 == pytest.approx(0, abs=1e-9)


def test_a_narrow_spread_has_the_usual_deviation_and_error() -> None:
    draw = random.Random(1)
    places = [draw.gauss(5, 1) for _ in range(400)]
    usual = math.sqrt(sum((x - sum(places) / 400) ** 2 for x in places) / 399)
    found = circular_mean(places, 64)
    assert found.mean == pytest.approx(sum(places) / 400, abs=1e-3)
    assert found.deviation == pytest.approx(usual, rel=2e-3)
    assert found.error == pytest.approx(usual / 20, rel=2e-3)


def test_the_deviation_of_few_is_not_too_small_on_the_average() -> None:
    draw = random.Random(2)
    found = [circular_mean([draw.gauss(0, 4) for _ in range(4)], 64).deviation for _ in range(3000)]
    assert sum(each**2 for each in found) / 3000 == pytest.approx(16, rel=0.05)


def test_an_even_spread_has_no_mean_to_speak_of() -> None:
    assert math.isinf(circular_mean(list(range(64)), 64).deviation)


def test_apart_is_the_short_way_round() -> None:
    assert [apart(*pair, 64) for pair in ((1, 63), (63, 1), (32, 0), (5, 5))] == [2, -2, -32, 0]


def triggers(positions: list[int], life: int = 0) -> list[Trigger]:
    return [Trigger(position, position % 64, life) for position in positions]


def test_a_good_switch_is_judged_by_its_spread() -> None:
    found = judge(triggers([100, 103, 97, 100, 101, 99]), 64)
    assert (found.quality, found.phase, found.reason) == (Quality.GOOD, 36, "")


def test_few_homings_say_too_little() -> None:
    assert judge(triggers([100, 101, 100, 100]), 64).quality is Quality.UNSURE


def test_a_trigger_that_is_a_turn_away_is_seen_while_the_motors_are_on() -> None:
    """On the circle all are alike; counted, one is 64 steps off."""
    positions = [100, 101, 100, 99, 100, 164, 100]
    assert judge(triggers(positions), 64).quality is Quality.BAD
    lives = triggers(positions[:5], 0) + triggers(positions[5:6], 1) + triggers(positions[6:], 2)
    assert judge(lives, 64).quality is Quality.GOOD  # motors that were off may have been moved by a turn


def test_a_spread_near_two_full_steps_needs_more_homings_and_is_refused_at_last() -> None:
    draw = random.Random(3)
    spread = [round(draw.uniform(-18, 18)) for _ in range(60)]  # deviation 10.4: 3.1 in 32
    assert judge(triggers(spread[:10]), 64).quality is Quality.UNSURE
    assert judge(triggers(spread), 64).quality is Quality.BAD
