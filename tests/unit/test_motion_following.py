"""A stepper whose part in the axes changes between moves: as a dual carriage stands still, copies, mirrors."""

import math
from typing import Any

import numpy as np
import pytest

from tests.unit.test_motion_kinematics import Array, Motor, Moves, Rig, assert_steps_follow, shaped
from tests.unit.test_motion_steps import Core, core

__all__ = ["core"]
DISTANCE = 0.0125
MODES = [
    (0.0, 0.0, 0.0),
    (1.0, 0.0, 0.0),
    (-1.0, 0.0, 0.0),
    (0.0, 0.0, 0.0),
    (1.0, -1.0, 0.0),
    (-1.0, -1.0, 0.0),
]


def set_weights(motor: Motor, weights: tuple[float, float, float], place: list[float]) -> int:
    """From here on it follows that sum, from the step at which it is."""
    error = int(motor.lib.stepper_set_geometry(motor.stepper, weights, 3))
    if not error:
        at = motor.lib.stepper_coordinate(motor.stepper, place)
        steps = motor.lib.stepper_position(motor.stepper)
        assert motor.lib.stepper_set_position(motor.stepper, at, steps) == 0
    return error


def place_of(rig: Rig) -> list[float]:
    """Where the last move ends."""
    place: Any = rig.core.ffi.new("double[3]")
    rig.lib.lookahead_position(rig.lookahead, place)
    return list(place)


@pytest.mark.parametrize("shaper", [None, "mzv", "ei"])
def test_a_carriage_stands_copies_and_mirrors_without_losing_a_step(core: Core, shaper: str | None) -> None:
    rig = Rig(core)
    motor = rig.motor("linear", DISTANCE)
    assert set_weights(motor, MODES[0], [0.0, 0.0, 0.0]) == 0
    impulses = [[(1.0, 0.0)], [(1.0, 0.0)]]
    if shaper:
        impulses = [motor.shape(axis, shaper, 45 - 7 * axis) for axis in range(2)]
    until, begins = 0.0, []
    for number, weights in enumerate(MODES):
        assert set_weights(motor, weights, place_of(rig)) == 0
        begins.append((until, weights))
        rig.lib.lookahead_set_start(rig.lookahead, until + 0.3)
        rig.wander(number, 25, 20, 60)
        end = rig.lib.lookahead_print_time(rig.lookahead) + 0.5
        while until < end:
            until = min(end, until + 0.07)
            motor.generate(until)
    moves = Moves(core, rig.trapq)

    def coordinate(t: Array) -> Array:
        """Each mode goes on from where the one before it has left the carriage."""
        place, come = np.zeros(len(t)), 0.0
        for (begin, weights), after in zip(begins, [*begins[1:], (math.inf, MODES[0])], strict=True):
            ends = np.array([begin, min(after[0], until + 10)])
            first, last = np.array(weights) @ shaped(moves, impulses[0], impulses[1], ends)
            now = (t >= begin) & (t < after[0])
            place[now] = come + np.array(weights) @ shaped(moves, impulses[0], impulses[1], t[now]) - first
            come = round((come + last - first) / DISTANCE) * DISTANCE  # it stands on a whole step
        return place

    assert assert_steps_follow(motor, coordinate) > 20_000


def test_weights_are_not_changed_while_the_stepper_moves(core: Core) -> None:
    rig = Rig(core)
    motor = rig.motor("linear", DISTANCE)
    assert set_weights(motor, MODES[1], [0.0, 0.0, 0.0]) == 0
    motor.shape(0, "mzv", 40)
    delay = core.lib.stepper_delay(motor.stepper)
    assert delay > 0
    assert core.lib.lookahead_append(rig.lookahead, [50.0, 0.0, 0.0], 50.0, 1e9) == 0
    assert core.lib.lookahead_flush(rig.lookahead) == 1
    motor.generate(0.6)
    assert set_weights(motor, MODES[2], [50.0, 0.0, 0.0]) < 0
    motor.generate(4)
    assert set_weights(motor, MODES[0], [50.0, 0.0, 0.0]) == 0
    assert core.lib.stepper_delay(motor.stepper) == 0, "nothing that it follows is shaped"
    assert set_weights(motor, MODES[2], [50.0, 0.0, 0.0]) == 0
    assert core.lib.stepper_delay(motor.stepper) == delay


def test_numbers_that_are_none_are_refused(core: Core) -> None:
    motor = Rig(core).motor("linear", DISTANCE)
    for wrong in ([1.0, 0.0], [1.0, math.nan, 0.0], [math.inf, 0.0, 0.0], []):
        assert core.lib.stepper_set_geometry(motor.stepper, wrong, len(wrong)) < 0
    other = Rig(core).motor("cartesian_x", DISTANCE)
    assert core.lib.stepper_set_geometry(other.stepper, [1.0, 0.0, 0.0], 3) < 0
