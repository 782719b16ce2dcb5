"""Curves of temperature sensors: against data sheets and standards, and the laws that they keep."""

import itertools
from collections.abc import Callable
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from klipkit.base.config import parse_config
from klipkit.base.errors import KlipkitError
from klipkit.cli.sections import SCHEMA
from klipkit.parts.sensors.config import AnalogOptions
from klipkit.parts.sensors.curve import Curve, Interpolated
from klipkit.parts.sensors.platinum import Platinum
from klipkit.parts.sensors.sensor import limits_of
from klipkit.parts.sensors.thermistor import THERMISTORS, by_beta, by_points
from klipkit.parts.sensors.thermocouple import CHIPS, amplified, type_j, type_k
from tests.unit.parts_bench import PRINTER

ROUNDING = 1e-12
AMPLIFIERS = ("PT100 INA826", *CHIPS)
OWN = (
    "[thermistor own]\ntemperature1: 25\nresistance1: 4721000\ntemperature2: 200\nresistance2: 8000\n"
    "temperature3: 400\nresistance3: 264.6\n"
    "[thermistor bent]\ntemperature1: 25\nresistance1: 100000\ntemperature2: 100\nresistance2: 1500\n"
    "temperature3: 250\nresistance3: 100\n"
    "[thermistor beta]\ntemperature1: 25\nresistance1: 10000\nbeta: 3435\n"
    "[adc_temperature volts]\ntemperature1: 25\nvoltage1: 1\ntemperature2: 100\nvoltage2: 2\n"
    "temperature3: 250\nvoltage3: 3\n"
    "[adc_temperature falling]\ntemperature1: 0\nvoltage1: 4\ntemperature2: 300\nvoltage2: 1\n"
    "[adc_temperature ohms]\ntemperature1: 25\nresistance1: 1000\ntemperature2: 100\nresistance2: 2000\n"
    "temperature3: 250\nresistance3: 3000\n"
)  # fmt: skip
OWN_NAMES = ("own", "bent", "beta", "volts", "falling", "ohms")
ALL = (*THERMISTORS, "PT1000", *AMPLIFIERS, *OWN_NAMES)


@cache
def curve(name: str, more: str = "") -> Curve:
    section = f"[temperature_sensor x]\nsensor_pin: PK5\nsensor_type: {name}\n{more}"
    loaded = SCHEMA.load(parse_config(PRINTER + OWN + section, "printer.cfg"))
    options = loaded.sections["temperature_sensor x"].sensor  # type: ignore[attr-defined]
    assert isinstance(options, AnalogOptions)
    return options.curve()


@pytest.mark.parametrize("name", ALL)
@given(temperature=st.floats(10, 240))
def test_a_temperature_is_found_again_from_what_the_adc_reads(name: str, temperature: float) -> None:
    found = curve(name).temperature_of(curve(name).adc_of(temperature))
    assert found == pytest.approx(temperature, abs=1e-6)


@pytest.mark.parametrize("name", ALL)
@given(one=st.floats(-40, 300), other=st.floats(-40, 300))
def test_shares_all_rise_or_all_fall_with_temperature(name: str, one: float, other: float) -> None:
    low, high = sorted((one, other))
    falls = curve(name).adc_of(0) > curve(name).adc_of(100)
    rise = curve(name).adc_of(high) - curve(name).adc_of(low)
    assert rise <= ROUNDING if falls else rise >= -ROUNDING


@pytest.mark.parametrize("name", ALL)
@given(share=st.floats(0, 1))
def test_any_reading_gives_a_temperature_and_more_share_goes_one_way(name: str, share: float) -> None:
    falls = curve(name).adc_of(0) > curve(name).adc_of(100)
    here, beyond = curve(name).temperature_of(share), curve(name).temperature_of(min(1.0, share + 0.001))
    assert -300 < here < 1e9
    assert beyond <= here if falls else beyond >= here


@pytest.mark.parametrize(
    ("name", "points"),
    [  # data sheets
        ("EPCOS 100K B57560G104F", [(25, 100e3), (100, 6340.3), (200, 551.9), (300, 106.7)]),
        ("ATC Semitec 104GT-2", [(25, 100e3), (100, 5569), (200, 440.6), (250, 174.2)]),
        ("ATC Semitec 104NT-4-R025H42G", [(25, 100e3), (100, 5569), (200, 447), (300, 82.78)]),
        ("Honeywell 100K 135-104LAG-J01", [(25, 100e3)]),
        ("SliceEngineering 450", [(25, 500e3), (200, 3734), (400, 240)]),
        ("TDK NTCG104LH104JT1", [(0, 382.2e3), (25, 100e3), (85, 7605), (125, 2066)]),
    ],
)
def test_common_thermistors_are_within_a_degree_of_their_data_sheet(
    name: str, points: list[tuple[float, float]]
) -> None:
    for degrees, ohms in points:
        assert THERMISTORS[name].temperature(ohms) == pytest.approx(degrees, abs=1.0)


def test_three_points_of_a_curve_give_the_curve() -> None:
    known = THERMISTORS["SliceEngineering 450"]
    again = by_points(*((degrees, known.resistance(degrees)) for degrees in (300.0, 0.0, 120.0)))
    for ohms in (1e6, 1e4, 1e2):
        assert again.temperature(ohms) == pytest.approx(known.temperature(ohms), abs=1e-6)


def test_beta_goes_through_its_point() -> None:
    found = by_beta(25, 10e3, 3950)
    assert found.resistance(25) == pytest.approx(10e3)
    assert found.resistance(50) / 10e3 == pytest.approx(0.3588, abs=1e-4)  # exp(3950 (1/323.15 - 1/298.15))


def test_platinum_has_the_standards_resistances() -> None:
    """IEC 60751, ohms of a PT100."""
    for degrees, ohms in ((0, 100.0), (100, 138.51), (200, 175.86), (400, 247.09), (850, 390.48)):
        assert Platinum(100.0).resistance(degrees) == pytest.approx(ohms, abs=0.01)


K_POINTS = [(-200, -5.891), (0, 0.0), (100, 4.096), (500, 20.644), (1000, 41.276), (1372, 54.886)]
J_POINTS = [(-200, -7.890), (0, 0.0), (100, 5.269), (759.999, 42.919), (760, 42.919), (1200, 69.553)]


@pytest.mark.parametrize(("voltage", "points"), [(type_k, K_POINTS), (type_j, J_POINTS)])
def test_thermocouples_have_the_standards_voltages(
    voltage: Callable[[float], float], points: list[tuple[float, float]]
) -> None:
    """ITS-90, mV; where the parts of the polynomials meet as well."""
    for degrees, volts in points:
        assert voltage(degrees) == pytest.approx(volts, abs=0.0006)


@pytest.mark.parametrize(
    ("name", "points"),
    [  # AD594/AD595 rev. C table I; AD596/AD597 rev. B; AD849x: 5 mV a degree, to 2 degrees in the range named
        ("AD595", [(0, 0.0027), (25, 0.25), (100, 1.015), (200, 2.015), (300, 3.022)]),
        ("AD597", [(0, 0.0), (25, 0.245), (100, 1.005), (200, 1.997)]),
        ("AD8494", [(0, 0.0), (25, 0.125), (90, 0.45)]),
        ("AD8495", [(0, 0.0), (25, 0.125), (300, 1.5)]),
        ("AD8496", [(60, 0.3), (90, 0.45)]),
        ("AD8497", [(0, 0.0), (60, 0.3), (300, 1.5)]),
    ],
)  # fmt: skip
def test_amplifiers_give_their_data_sheets_voltages(name: str, points: list[tuple[float, float]]) -> None:
    for degrees, volts in points:
        assert amplified(name).value(degrees) == pytest.approx(volts, abs=0.01)


def test_an_amplifiers_voltage_is_read_with_the_adcs_reference_and_offset() -> None:
    plain, shifted = curve("AD595"), curve("AD595", "adc_voltage: 3.3\nvoltage_offset: 0.1\n")
    volts = plain.adc_of(200) * 5.0
    assert shifted.adc_of(200) == pytest.approx((volts - 0.1) / 3.3)


def test_a_resistor_in_line_is_taken_off_and_the_pull_up_counts() -> None:
    thermistor = "EPCOS 100K B57560G104F"
    plain, other = curve(thermistor), curve(thermistor, "pullup_resistor: 10000\ninline_resistor: 500\n")
    ohms = 4700 * plain.adc_of(150) / (1 - plain.adc_of(150))
    assert other.adc_of(150) == pytest.approx((ohms + 500) / (ohms + 500 + 10000))


def test_lines_go_through_their_points_and_on_beyond_them() -> None:
    lines = Interpolated([(100, 2.0), (0, 1.0), (300, 6.0)])
    assert [lines.value(degrees) for degrees in (0, 50, 100, 200, 300, 350, -100)] == [1, 1.5, 2, 4, 6, 7, 0]
    assert [lines.temperature(volts) for volts in (1, 1.5, 2, 4, 6, 7, 0)] == [
        0,
        50,
        100,
        200,
        300,
        350,
        -100,
    ]


@pytest.mark.parametrize("name", ["ATC Semitec 104GT-2", "PT1000", "AD595"])
def test_limits_hold_just_the_range(name: str) -> None:
    limits = limits_of(curve(name), 0, 250)
    assert limits is not None
    for degrees, inside in ((-5, False), (5, True), (245, True), (255, False)):
        assert (limits.least <= curve(name).adc_of(degrees) <= limits.most) == inside


@pytest.mark.parametrize("name", ["ATC Semitec 104GT-2", "PT1000"])
def test_an_infinite_limit_is_the_end_of_the_scale(name: str) -> None:
    inf = float("inf")
    assert limits_of(curve(name), -inf, inf) is None
    for least, most, inside in itertools.product((-inf, 0.0), (250.0, inf), (-20.0, 300.0)):
        limits = limits_of(curve(name), least, most)
        if limits is not None:
            assert (limits.least <= curve(name).adc_of(inside) <= limits.most) == (least <= inside <= most)


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ("[thermistor x]\ntemperature1: 25\nresistance1: 1000\n", "'temperature2' in section 'thermistor x' must be"),
        ("[thermistor x]\ntemperature1: 25\nresistance1: 9\ntemperature2: 25\nresistance2: 8\ntemperature3: 30\n"
         "resistance3: 7\n", "repeats a point"),
        ("[adc_temperature x]\ntemperature1: 25\nvoltage1: 1\n", "'voltage2' in section 'adc_temperature x' must be"),
        ("[adc_temperature x]\ntemperature1: 25\nvoltage1: 1\ntemperature2: 30\n", "'voltage2' .* must be specified"),
        ("[adc_temperature x]\ntemperature1: 1\nvoltage1: 1\nresistance1: 1\n", "cannot stand beside 'voltage1'"),
        ("[adc_temperature x]\ntemperature1: 1\nvoltage1: 1\ntemperature2: 2\nvoltage2: 3\ntemperature3: 3\n"
         "voltage3: 2\n", "must rise all the way"),
        ("[temperature_sensor x]\nsensor_type: EPCOS\nsensor_pin: PK5\n", "'EPCOS', which is not a valid choice"),
        ("[temperature_sensor x]\nsensor_type: AD595\nsensor_pin: PK5\npullup_resistor: 1\n", "'pullup_resistor'"),
        ("[temperature_sensor x]\nsensor_type: AD595\nsensor_pin: PK5\nmin_temp: 5\nmax_temp: 5\n", "above min_temp"),
        ("[thermistor x]\ntemperature1: no\nresistance1: 1\nbeta: 1\n[temperature_sensor y]\nsensor_type: x\n"
         "sensor_pin: PK5\n", "unable to parse option 'temperature1'"),
    ],
)  # fmt: skip
def test_wrong_sensors_are_refused_by_what_is_wrong(section: str, words: str) -> None:
    with pytest.raises(KlipkitError, match=words):
        SCHEMA.load(parse_config(PRINTER + section, "printer.cfg"))
