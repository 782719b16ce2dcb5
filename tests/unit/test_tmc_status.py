"""What is made of a driver's status, answer by answer."""

import asyncio

import pytest

from klipkit.parts.drivers.chip import LOW_VOLTAGE, NOT_HEARD, SHORT, TOO_HOT, WAS_RESET, Chip
from klipkit.parts.drivers.status_check import Found, StatusCheck
from klipkit.parts.drivers.tmc2130 import TMC2130
from klipkit.parts.drivers.tmc2209 import TMC2209
from klipkit.parts.drivers.tmc2240 import TMC2240
from klipkit.parts.drivers.tmc2660 import TMC2660

FINE = 0x80190000  # TMC2209: standstill, CS 25


class Answers:
    """A wire that gives each register's answers one after the other; the last again and again."""

    def __init__(self, **answers: list[int]) -> None:
        self.answers = answers

    async def read(self, register: int, name: str) -> int:
        given = self.answers[name.partition("@")[0]]
        return given.pop(0) if len(given) > 1 else given[0]

    async def write(self, register: int, name: str, value: int) -> None:
        raise AssertionError(f"{name} is not to be written")


def look(chip: Chip, *, scaled: bool = True, **answers: list[int]) -> Found:
    return asyncio.run(StatusCheck(chip, Answers(**answers), "stepper_x").look(scaled=scaled))


def test_a_driver_that_is_well_is_told_by_its_fields() -> None:
    found = look(TMC2209, GSTAT=[0], DRV_STATUS=[FINE])
    assert (found.wrong, dict(found.fields)) == ("", {"cs_actual": 25, "stst": 1})


@pytest.mark.parametrize(
    ("status", "hint"),
    [(FINE | 1 << 1, TOO_HOT), (FINE | 1 << 2, SHORT), (FINE | 1 << 5, SHORT), (0xFFFFFFFF, NOT_HEARD)],
)
def test_what_is_wrong_is_told_with_what_to_do(status: int, hint: str) -> None:
    found = look(TMC2209, GSTAT=[2], DRV_STATUS=[status])
    assert f"{status:08x}" in found.wrong and found.hint == hint


def test_one_damaged_answer_is_no_reason_to_stop() -> None:
    assert look(TMC2240, GSTAT=[0], ADC_TEMP=[2269], DRV_STATUS=[0xFFFFFFFF, 0x001F0000]).wrong == ""
    assert look(TMC2240, GSTAT=[0xFFFFFFFF, 0], ADC_TEMP=[2269], DRV_STATUS=[0x001F0000]).wrong == ""
    assert look(TMC2130, GSTAT=[0xFFFFFFFF, 0], DRV_STATUS=[0x001F0000]).wrong == ""


def test_a_flag_that_is_cleared_by_reading_counts_at_once() -> None:
    found = look(TMC2130, GSTAT=[1, 0], DRV_STATUS=[0x001F0000])
    assert "reset=1(Reset)" in found.wrong and found.hint == WAS_RESET


def test_a_low_voltage_is_told_from_a_reset() -> None:
    assert look(TMC2209, GSTAT=[4], DRV_STATUS=[FINE]).hint == LOW_VOLTAGE
    assert look(TMC2240, GSTAT=[16], ADC_TEMP=[0], DRV_STATUS=[0x001F0000]).hint == LOW_VOLTAGE


def test_no_current_is_a_reset_unless_it_is_meant() -> None:
    assert "CS_ACTUAL=0(Reset?)" in look(TMC2209, GSTAT=[0], DRV_STATUS=[0x80000000]).wrong
    assert look(TMC2209, scaled=False, GSTAT=[0], DRV_STATUS=[0x80000000]).wrong == ""
    assert "SE=0(Reset?)" in look(TMC2660, READRSP=[0x80]).wrong


def test_a_temperature_is_told_where_there_is_one() -> None:
    """TMC2240 data sheet, ADC_TEMP: (value - 2038) / 7.7."""
    assert look(TMC2240, GSTAT=[0], ADC_TEMP=[2423], DRV_STATUS=[0x001F0000]).temperature == pytest.approx(50)
    assert look(TMC2209, GSTAT=[0], DRV_STATUS=[FINE]).temperature is None
