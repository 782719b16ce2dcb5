"""Homing with care: Z at a safe place, lifted before, and G-code of one's own in G28's place."""

import pytest

from klipkit.base.errors import ConfigError
from klipkit.base.faults import HomingError
from klipkit.daemon.host import Host
from klipkit.sim.printer import SimulatedPrinter
from tests.machine_bench import CARTESIAN, live, lost, said_by

SAFE = CARTESIAN + "[safe_z_home]\nhome_xy_position: 60, 40\nspeed: 100\n"


def test_z_is_homed_at_the_safe_place() -> None:
    async def act(host: Host, printer: SimulatedPrinter) -> None:
        await host.run(["G28"], "a")
        assert host.planner.known == {0, 1, 2}
        assert host.toolhead.position[:2] == (60, 40)
        assert printer.rails.toolhead()[:2] == pytest.approx((60, 40), abs=0.02)
        assert set(lost(host, printer).values()) == {0}

    live(SAFE, act)


def test_the_toolhead_goes_back_when_it_is_told_to() -> None:
    async def act(host: Host, printer: SimulatedPrinter) -> None:
        await host.run(["G28 X Y", "G1 X100 Y110 F6000", "G28 Z"], "a")
        assert host.toolhead.position[:2] == (100, 110)

    live(SAFE + "move_to_previous: True\n", act)


def test_the_toolhead_is_lifted_before_anything_is_homed_and_after_z_is() -> None:
    async def act(host: Host, printer: SimulatedPrinter) -> None:
        before = printer.rails.toolhead()[2]
        await host.run(["G28 X"], "a")
        assert printer.rails.toolhead()[2] - before == pytest.approx(8, abs=0.02)
        assert host.planner.known == {0}
        await host.run(["G28"], "b")
        assert host.toolhead.position[2] == 8
        await host.run(["G1 Z3 F600", "G28 Y"], "c")
        assert host.toolhead.position[2] == 8
        await host.run(["G1 Z30 F600", "G28 Y"], "d")
        assert host.toolhead.position[2] == 30
        assert set(lost(host, printer).values()) == {0}

    live(SAFE + "z_hop: 8\n", act)


def test_z_alone_is_not_homed_before_x_and_y() -> None:
    with pytest.raises(HomingError, match="console:1: Must home X and Y axes first"):
        said_by(SAFE, "G28 Z")


OVERRIDE = (
    CARTESIAN
    + "[respond]\n[homing_override]\naxes: z\nset_position_z: 0\n"
    + "gcode:\n  G90\n  G1 Z5 F600\n  G28 X Y\n  M118 over\n  G28 Z\n"
)


def test_own_g_code_stands_for_homing_and_homes_within() -> None:
    async def act(host: Host, printer: SimulatedPrinter) -> None:
        before = printer.rails.toolhead()[2]
        await host.run(["G28 X"], "a")
        assert (host.planner.known, printer.rails.toolhead()[2]) == ({0}, before)
        await host.run(["G28"], "b")
        assert host.planner.known == {0, 1, 2}
        await host.run(["G28 Z0"], "c")

    assert live(OVERRIDE, act) == ["echo: over", "echo: over"]


def test_two_who_want_to_stand_for_homing_are_refused() -> None:
    with pytest.raises(
        ConfigError, match="cannot be used simultaneously; take one of them out; the other is at"
    ):
        said_by(OVERRIDE + "[safe_z_home]\nhome_xy_position: 60, 40\n")
