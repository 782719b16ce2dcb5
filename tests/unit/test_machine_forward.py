"""Where the toolhead is, from the motors' coordinates: the inverse of what the steppers follow."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from klipkit._core import ffi, lib
from klipkit.base.config import read_config
from klipkit.base.faults import MoveError
from klipkit.base.schema import Loaded
from klipkit.cli.sections import SCHEMA
from klipkit.machine.kinematics import forward, motors
from klipkit.machine.planner import Planner
from tests.reference import TOP

EXAMPLES = TOP / "config-examples"
COORDINATE = st.floats(-60, 60)


def machine(name: str) -> tuple[Loaded, Planner]:
    loaded = SCHEMA.load(read_config(EXAMPLES / name))
    return loaded, Planner(loaded, motors(loaded))


MACHINES = {name: machine(name) for name in ("ramps-cartesian.cfg", "ramps-corexy.cfg", "ramps-delta.cfg")}


@pytest.mark.parametrize("name", MACHINES)
@given(x=COORDINATE, y=COORDINATE, z=st.floats(0, 150))
def test_forward_of_the_inverse_is_where_it_was(name: str, x: float, y: float, z: float) -> None:
    loaded, planner = MACHINES[name]
    place = ffi.new("double[3]", (x, y, z))
    steppers = planner.steppers
    at = {name: float(lib.stepper_coordinate(steppers[name], place)) for name in steppers}
    assert forward(loaded, at) == pytest.approx((x, y, z), abs=1e-9)


def test_motors_that_do_not_meet_have_no_place() -> None:
    loaded, _ = MACHINES["ramps-delta.cfg"]
    with pytest.raises(MoveError, match="do not meet"):
        forward(loaded, {"stepper_a": 0.0, "stepper_b": 0.0, "stepper_c": 1000.0})
