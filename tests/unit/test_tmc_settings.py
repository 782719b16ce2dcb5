"""Currents and speeds as fields of registers, by the formulas of the data sheets; what a section may say."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from klipkit.base.config import parse_config
from klipkit.cli.sections import SCHEMA
from klipkit.machine.config import RailConfig
from klipkit.parts.drivers.current import OneCurrent, ScaledCurrent, SenseCurrent
from klipkit.parts.drivers.settings import mres_of, tstep
from klipkit.parts.drivers.tmc2130 import Tmc2130Config
from klipkit.parts.drivers.tmc2209 import REGISTERS, TMC2209, Tmc2209Config
from klipkit.parts.drivers.tmc5160 import TMC5160
from tests.unit.tmc_bench import MACHINE

TMC2209_CURRENT = SenseCurrent(0.110 + 0.020, 0.325, 0.180)
TMC5160_CURRENT = ScaledCurrent((0.325 / 0.075 / math.sqrt(2),))
TMC2240_CURRENT = ScaledCurrent(
    tuple(k / 12000 / math.sqrt(2) for k in (11750, 24000, 36000)), range_field="current_range"
)
TMC2660_CURRENT = OneCurrent(0.1, 0.310, 0.165)
ALL = {"2209": TMC2209_CURRENT, "5160": TMC5160_CURRENT, "2240": TMC2240_CURRENT, "2660": TMC2660_CURRENT}


@pytest.mark.parametrize(
    "current, vsense, scale",
    [
        # TMC2209 data sheet, section 9: I_RMS = (CS + 1) / 32 * V_FS / (R_SENSE + 20 mohm) / sqrt 2; 0.325 V or 0.180 V
        (0.8, 1, 25),
        (0.58, 1, 18),
        (0.97, 1, 31),
        (1.0, 0, 17),
        (1.7, 0, 30),
    ],
)
def test_a_sense_resistor_gives_vsense_and_irun(current: float, vsense: int, scale: int) -> None:
    fields = TMC2209_CURRENT.fields(current, current)
    assert (fields["vsense"], fields["irun"], fields["ihold"]) == (vsense, scale, scale)
    full = (0.180 if vsense else 0.325) / 0.130 / math.sqrt(2)
    assert abs((scale + 1) / 32 * full - current) <= full / 64 + 1e-9


def test_a_global_scaler_takes_the_current_and_irun_the_rest() -> None:
    """TMC5160 data sheet, section 9: I = GLOBALSCALER / 256 * (CS + 1) / 32 * 0.325 V / R / sqrt 2; a recorded host
    sends 0x43 for 0.8 A with 75 mohm."""
    fields = TMC5160_CURRENT.fields(0.8, 0.4)
    assert fields == {"globalscaler": 0x43, "irun": 31, "ihold": 15}
    assert TMC5160_CURRENT.fields(0.1, 0.1) == {"globalscaler": 32, "irun": 7, "ihold": 7}  # 32 is the least
    assert TMC5160_CURRENT.fields(3.06, 3.06)["globalscaler"] == 0  # stands for 256


@pytest.mark.parametrize(
    ("current", "chosen"), [(0.5, 0), (0.69, 0), (0.7, 1), (1.41, 1), (1.5, 2), (2.1, 2)]
)
def test_a_tmc2240_takes_the_lowest_range_that_reaches(current: float, chosen: int) -> None:
    """TMC2240 data sheet: I_FS = K / RREF, with 12 kohm 0.98, 2 and 3 A peak."""
    assert TMC2240_CURRENT.fields(current, current)["current_range"] == chosen


def test_a_tmc2660_has_one_scale() -> None:
    """TMC2660 data sheet, section 8: 0.310 V or 0.165 V without a resistance in line."""
    assert TMC2660_CURRENT.fields(0.8, 0.1) == {"vsense": 1, "cs": 21}
    assert TMC2660_CURRENT.fields(1.5, 1.5) == {"vsense": 0, "cs": 21}


@given(st.sampled_from(sorted(ALL)), st.floats(0.1, 1.0), st.floats(0.1, 1.0))
def test_the_current_that_fields_mean_is_near_the_one_wanted(name: str, run: float, hold: float) -> None:
    current = ALL[name]
    fields = current.fields(run, hold)
    got_run, got_hold = current.currents(fields)
    grain = current.full(fields) / 32
    assert abs(got_run - run) <= 0.75 * grain + 0.02 * run
    if name != "2660":
        assert got_hold <= got_run and abs(got_hold - min(hold, run)) <= 0.75 * grain + 0.02 * run


@given(st.sampled_from(sorted(ALL)), st.floats(0.1, 1.2), st.floats(0.0, 0.2))
def test_more_wanted_never_gives_less_by_more_than_a_grain(name: str, run: float, more: float) -> None:
    current = ALL[name]
    low, high = current.fields(run, run), current.fields(run + more, run + more)
    assert current.currents(high)[0] >= current.currents(low)[0] - current.full(low) / 64


def test_a_speed_is_the_clocks_of_the_chip_for_a_256th_of_a_full_step() -> None:
    """TMC2209 data sheet, section 5.2: TSTEP = f_CLK / f_256; 40 mm a turn, 200 full steps: 0.2 mm each."""
    assert tstep(12e6, 0.2, 100.0) == round(12e6 * (0.2 / 256) / 100)
    assert tstep(12e6, 0.2, 0.001) == 0xFFFFF
    assert tstep(12e6, 0.2, 0.0) == 0xFFFFF


@given(st.floats(0.001, 1000), st.floats(0.001, 1000))
def test_a_higher_speed_never_takes_more_clocks(slow: float, fast: float) -> None:
    slow, fast = sorted((slow, fast))
    assert tstep(12e6, 0.2, slow) >= tstep(12e6, 0.2, fast)


@pytest.mark.parametrize(("microsteps", "mres"), [(1, 8), (2, 7), (16, 4), (128, 1), (256, 0)])
def test_microsteps_are_a_power_of_two_in_mres(microsteps: int, mres: int) -> None:
    assert mres_of(microsteps) == mres


def test_the_tables_name_each_field_that_is_set() -> None:
    for chip in (TMC2209, TMC5160):
        assert set(chip.fields) <= set(chip.table.settable())


def loaded(text: str) -> list[str]:
    return [str(error) for error in SCHEMA.check(parse_config(MACHINE + text, "printer.cfg"))]


def test_a_driver_makes_the_usual_step_pulse_of_its_stepper_short() -> None:
    """100 ns for drivers that are set up by wire, 2 us for others."""
    config = SCHEMA.load(parse_config(MACHINE + "[tmc2209 stepper_x]\nuart_pin: PC4\nrun_current: 1\n", "p"))
    assert config.named("stepper_x", RailConfig).step_pulse_duration == 100e-9
    assert config.named("stepper_y", RailConfig).step_pulse_duration == 2e-6


def test_fields_of_registers_are_read_by_their_names_and_bounds() -> None:
    text = "[tmc2209 stepper_x]\nuart_pin: PC4\nrun_current: 1\ndriver_SGTHRS: 100\ndriver_PWM_AUTOSCALE: False\n"
    config = SCHEMA.load(parse_config(MACHINE + text, "p")).named("tmc2209 stepper_x", Tmc2209Config)
    assert config.fields == {"sgthrs": 100, "pwm_autoscale": 0}
    assert REGISTERS["sgthrs"][1].most == 255
    (wrong,) = loaded(text.replace("100", "256"))
    assert "driver_sgthrs" in wrong and "is 256, but must be 0 to 255" in wrong
    (unknown,) = loaded(text.replace("SGTHRS", "SGTHR"))
    assert "driver_sgthr" in unknown and "did you mean" in unknown


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[tmc2209 stepper_x]\nuart_pin: PC4\nrun_current: 800\n", "run_current"),
        ("[tmc2209 stepper_x]\nuart_pin: PC4\n", "run_current"),
        ("[tmc2209 stepper_x]\nuart_pin: PC4\nrun_current: 1\nmicrosteps: 16\n", "section of the stepper"),
        ("[tmc2130 stepper_x]\nrun_current: 1\n", "cs_pin"),
        ("[tmc2130 stepper_x]\ncs_pin: PC4\nrun_current: 1\ndiag0_pin: PG1\ndiag1_pin: PG2\n", "diag1_pin"),
        ("[tmc2130 stepper_x]\ncs_pin: PC4\nrun_current: 1\nchain_position: 2\n", "chain_length"),
        (
            "[tmc2130 stepper_x]\ncs_pin: PC4\nrun_current: 1\nspi_software_sclk_pin: PA5\n",
            "spi_software_mosi_pin",
        ),
        ("[tmc2240 stepper_x]\nrun_current: 1\n", "uart_pin"),
        ("[tmc2240 stepper_x]\ncs_pin: PC4\nuart_pin: PC5\nrun_current: 1\n", "uart_pin"),
        ("[tmc2660 stepper_x]\ncs_pin: PC4\nrun_current: 1\n", "sense_resistor"),
        ("[tmc2209 stepper_q]\nuart_pin: PC4\nrun_current: 1\n", "stepper_q"),
    ],
)
def test_what_a_section_may_not_say_is_refused(text: str, words: str) -> None:
    problems = loaded(text)
    assert problems and any(words in problem for problem in problems)


def test_a_diag_pin_makes_a_virtual_endstop() -> None:
    text = "[tmc2130 stepper_x]\ncs_pin: PC4\nrun_current: 1\ndiag1_pin: ^!PG6\n"
    config = SCHEMA.load(parse_config(MACHINE + text, "p")).named("tmc2130 stepper_x", Tmc2130Config)
    assert config.pin_maker == "tmc2130_stepper_x"
    (pin,) = config.made_pins().values()
    assert str(pin) == "^!PG6"
