"""The temperature sensors inside microcontrollers and of the computer itself."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from klipkit.base.config import parse_config
from klipkit.base.errors import KlipkitError, PinError
from klipkit.base.faults import AdcOutOfRange
from klipkit.cli.sections import SCHEMA
from klipkit.mcu.conversation import Heard
from klipkit.parts.sensors.chip import INSIDE, calibrated, line, nominal
from klipkit.parts.sensors.thermometer import TemperatureSensor
from klipkit.wire.message import Message, read_format
from tests.unit.parts_bench import PRINTER, Bench

SENSOR = "[temperature_sensor chip]\nsensor_type: temperature_mcu\n"
PIN = "ADC_TEMPERATURE"


def temperature(bench: Bench, share: float, section: str = "temperature_sensor chip") -> float:
    async def act() -> float:
        await asyncio.sleep(4)
        part = bench.parts[section]
        assert isinstance(part, TemperatureSensor)
        return part.temperature

    bench.set_adc(PIN, share)
    return bench.run(act)


@pytest.mark.parametrize(
    ("chip", "volts", "degrees"),
    [("rp2040", 0.706 - 0.01721, 37.0), ("stm32f103", 1.43 - 0.043, 35.0), ("stm32f446", 0.76 + 0.05, 45.0)],
)
def test_without_a_calibration_the_data_sheet_counts(chip: str, volts: float, degrees: float) -> None:
    assert temperature(Bench(SENSOR, chip_name=chip), volts / 3.3) == pytest.approx(degrees, abs=0.5)


def test_what_the_user_measured_counts() -> None:
    one = SENSOR + "sensor_temperature1: 20\nsensor_adc1: 0.25\n"
    slope = 0.0025 / 3.3
    assert temperature(Bench(one, chip_name="stm32f446"), 0.25 + 10 * slope) == pytest.approx(30, abs=0.5)
    two = one + "sensor_temperature2: 60\nsensor_adc2: 0.35\n"
    assert temperature(Bench(two, chip_name="stm32f446"), 0.30) == pytest.approx(40, abs=0.5)


def test_the_factorys_calibration_is_read_from_the_chip_where_its_firmware_can() -> None:
    bench = Bench(SENSOR, chip_name="stm32f446")
    words = {0x1FFF7A2C: 900, 0x1FFF7A2E: 1300}  # at 30 and 110 degrees C
    asked: list[str] = []

    def before() -> None:
        query = bench.mcu.talk.query

        async def answer(command: str, response: str, *more: Any) -> Heard:
            if response != "debug_result":
                return await query(command, response, *more)
            asked.append(command)
            value = words[int(command.rpartition("=")[2])]
            return Heard(Message(read_format(0, "debug_result val=%u", {}), {"val": value}), 0.0, 0.0)

        commands: Any = bench.mcu.dictionary.commands
        commands["debug_read"] = commands["debug_nop"]
        bench.mcu.talk.query = answer  # type: ignore[method-assign, assignment]

    bench.before = before
    assert temperature(bench, 1100 / 4095) == pytest.approx(70, abs=0.5)
    assert asked == [f"debug_read order=1 addr={address}" for address in words]


def test_a_calibration_that_cannot_be_right_is_not_used() -> None:
    factory = INSIDE["stm32f4"].factory
    assert factory is not None
    for cold, hot in ((0, 0), (0xFFFF, 0xFFFF), (900, 900)):
        assert calibrated(factory, cold, hot) is None
    found = calibrated(factory, 940, 1200)
    assert found is not None and found.temperature_of(940 / 4095) == pytest.approx(30)


@pytest.mark.parametrize("name", INSIDE)
def test_each_chips_line_goes_both_ways(name: str) -> None:
    curve = nominal(INSIDE[name])
    for degrees in (0.0, 25.0, 85.0):
        assert curve.temperature_of(curve.adc_of(degrees)) == pytest.approx(degrees)
        assert 0.05 < curve.adc_of(degrees) < 0.75
    assert line((10, 0.2), slope=0.001).temperature_of(0.25) == pytest.approx(60)


def test_a_chip_without_a_sensor_is_refused() -> None:
    with pytest.raises(PinError, match="ADC_TEMPERATURE"):
        Bench(SENSOR).run(lambda: asyncio.sleep(0))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("sensor_adc1: 0.2\n", "must be written together"),
        ("sensor_adc2: 0.2\nsensor_temperature2: 5\n", "needs sensor_adc1 too"),
        (
            "sensor_adc1: 0.2\nsensor_temperature1: 5\nsensor_adc2: 0.2\nsensor_temperature2: 9\n",
            "another point",
        ),
        ("sensor_mcu: zboard\n", "names the mcu 'zboard', for which there is no section"),
    ],
)
def test_wrong_calibrations_are_refused(options: str, words: str) -> None:
    with pytest.raises(KlipkitError, match=words):
        SCHEMA.load(parse_config(PRINTER + SENSOR + options, "printer.cfg"))


def host_sensor(path: Path, more: str = "") -> Bench:
    return Bench(f"[temperature_sensor host]\nsensor_type: temperature_host\nsensor_path: {path}\n{more}")


def test_the_computers_temperature_is_read_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "temp"
    path.write_text("48250\n")
    bench = host_sensor(path)

    async def act() -> float:
        await asyncio.sleep(3)
        return float(bench.parts["temperature_sensor host"].status().temperature)

    assert bench.run(act) == 48.25


@pytest.mark.parametrize(
    ("text", "words"), [("95000", "reads 95.0 C, allowed are 0 to 80 C"), ("no", "cannot be read")]
)
def test_a_computer_too_hot_or_a_file_that_breaks_stops_the_printer(
    tmp_path: Path, text: str, words: str
) -> None:
    path = tmp_path / "temp"
    path.write_text("40000")
    bench = host_sensor(path, "min_temp: 0\nmax_temp: 80\n")

    async def act() -> None:
        await asyncio.sleep(3)
        path.write_text(text)
        await asyncio.sleep(10)

    with pytest.raises(AdcOutOfRange, match=words):
        bench.run(act)


def test_a_file_that_is_not_there_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(KlipkitError, match=r"printer.cfg:\d+: the temperature file .* cannot be read"):
        host_sensor(tmp_path / "none").run(lambda: asyncio.sleep(0))
