"""Where the toolhead is, from the motors' coordinates: the inverse of what the steppers follow."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from klipkit._core import ffi, lib
from klipkit.base.config import read_config
from klipkit.base.schema import Loaded
from klipkit.cli.sections import SCHEMA
from klipkit.machine.geometry import trilaterate
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
    at = [lib.stepper_coordinate(planner.steppers[motor.name], place) for motor in planner.motors]
    assert forward(loaded, at) == pytest.approx((x, y, z), abs=1e-9)


def test_arms_that_do_not_meet_have_no_place() -> None:
    with pytest.raises(ValueError, match="do not meet"):
        trilaterate([(0, 0, 0, 1), (9, 0, 0, 1), (0, 9, 0, 1)])
