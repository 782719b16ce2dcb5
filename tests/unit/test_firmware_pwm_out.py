"""Hardware PWM outputs: scheduled values, max_duration, safe values."""

import pytest

from tests.unit.firmware_surround import Outcome, Script
from tests.unit.test_firmware_traces import clock_offset, recorded, replay

SECOND = 16_000_000
START = SECOND // 10


def configured(value: int = 0, default: int = 0, max_duration: int = 0, pin: str = "PH5") -> Script:
    script = Script(settings={"byte": 1, "moves": 1200})
    script.send(
        1000,
        "allocate_oids count=1",
        f"config_pwm_out oid=0 pin={pin} cycle_ticks=8192 value={value} default_value={default} "
        f"max_duration={max_duration}",
        "finalize_config crc=1",
    )
    return script


def queue(script: Script, updates: list[tuple[int, int]], clock: int = 2000) -> None:
    for index, (at, value) in enumerate(updates):
        script.send(clock + 100 * index, f"queue_pwm_out oid=0 clock={at} value={value}")


def values(outcome: Outcome) -> list[tuple[int, int]]:
    """Clock and value at each change."""
    found: list[tuple[int, int]] = []
    for clock, _, value in outcome.duties:
        if not found or value != found[-1][1]:
            found.append((clock, value))
    return found


def test_values_change_at_their_clocks() -> None:
    updates = [(START, 255), (START + 5000, 128), (START + 5001, 1), (START + 90_000, 0)]
    script = configured()
    queue(script, updates)
    result = script.run(SECOND)
    assert values(result)[1:] == updates
    assert result.cycles == {"PH5": 8192}


def test_the_first_value_holds_from_configuration_on() -> None:
    result = configured(value=200, default=10).run(SECOND)
    assert values(result)[-1][1] == 200
    assert values(result)[-1][0] < 2000


def test_an_output_not_refreshed_in_time_shuts_down_to_its_default() -> None:
    for value, default in ((200, 0), (0, 255), (3, 2)):
        script = configured(value=default, default=default, max_duration=200_000)
        queue(script, [(START, value)])
        result = script.run(SECOND)
        stop = result.shutdown_clock("Missed scheduling of next hard pwm event")
        assert START + 200_000 <= stop <= START + 200_100
        assert values(result)[-1][1] == default
        assert stop <= values(result)[-1][0] <= stop + 100


def test_refreshing_in_time_keeps_an_output_on_and_default_needs_no_refresh() -> None:
    limit = 200_000
    script = configured(max_duration=limit)
    queue(script, [(START + index * limit, 99) for index in range(5)] + [(START + 5 * limit, 0)])
    result = script.run(2 * SECOND)
    assert values(result)[1:] == [(START, 99), (START + 5 * limit, 0)]
    assert result.texts() == ["starting"]


def test_an_update_beyond_the_limit_shuts_down_when_it_comes() -> None:
    limit = 200_000
    for clock in (2000, START + 100):  # behind a waiting update; behind the one in force
        script = configured(max_duration=limit)
        queue(script, [(START, 1)])
        queue(script, [(START + limit + 1, 0)], clock=clock + 500)
        stop = script.run(SECOND).shutdown_clock("Scheduled pwm event will exceed max_duration")
        assert stop < clock + 1000


def test_configured_away_from_default_is_limited_too() -> None:
    result = configured(value=1, default=0, max_duration=200_000).run(SECOND)
    result.shutdown_clock("Missed scheduling of next hard pwm event")
    assert values(result)[-1][1] == 0


@pytest.mark.parametrize("oid", [0, 1])
def test_a_configuration_that_fails_leaves_the_output_at_its_default(oid: int) -> None:
    script = Script(settings={"byte": 1})
    command = "pin=PH5 cycle_ticks=8192 value=255 default_value=7 max_duration=0"
    script.send(1000, "allocate_oids count=1", "finalize_config crc=1", f"config_pwm_out oid={oid} {command}")
    result = script.run(SECOND)
    result.shutdown_clock("Can't assign oid")
    assert {value for _, _, value in result.duties} == {7}


def test_an_update_in_the_past_shuts_down() -> None:
    script = configured()
    queue(script, [(1500, 1)])
    script.run(SECOND).shutdown_clock("Timer too close")


def test_shutdown_drops_updates_and_sets_the_default() -> None:
    script = configured(value=9, default=5)
    queue(script, [(START, 1), (START + 1000, 2)])
    script.send(START + 500, "emergency_stop")
    script.send(START + 700, "clear_shutdown", f"queue_pwm_out oid=0 clock={START + 3000} value=33")
    result = script.run(SECOND)
    assert [value for _, value in values(result)][-4:] == [9, 1, 5, 33]
    assert values(result)[-1][0] == START + 3000


def test_a_pin_without_pwm_is_refused_and_nothing_else_is_written() -> None:
    result = configured(pin="99").run(SECOND)
    result.shutdown_clock("Not a valid PWM pin")
    assert result.duties == []


def test_set_pwm_out_needs_no_configuration() -> None:
    script = Script(settings={"byte": 1})
    script.send(1000, "set_pwm_out pin=PH3 cycle_ticks=1 value=77")
    result = script.run(SECOND)
    assert [duty[1:] for duty in result.duties] == [("PH3", 77)]
    assert result.cycles == {"PH3": 1}


def test_recorded_fans_run_as_recorded() -> None:
    """Hardware PWM at the recorded clocks, software PWM with its cycle, a plain output."""
    lines = recorded("i")
    offset = clock_offset(lines)
    script = Script(settings={"byte": 1, "moves": 7344, "start": int(offset) - 3000})
    script.send(
        int(offset) - 2500,
        "allocate_oids count=17",
        "config_pwm_out oid=10 pin=PH5 cycle_ticks=8192 value=0 default_value=0 max_duration=0",
        "config_digital_out oid=11 pin=PB5 value=0 default_value=0 max_duration=0",
    )
    script.send(
        int(offset) - 1500,
        "config_digital_out oid=12 pin=PG5 value=0 default_value=0 max_duration=0",
        "config_analog_in oid=16 pin=PK5",
        "finalize_config crc=1",
        "set_digital_out_pwm_cycle oid=11 cycle_ticks=160000",
    )
    result = replay(lines, script, offset, 6.6)
    assert values(result)[1:] == [
        (580_205_937, 255),
        (581_805_937, 128),
        (596_215_943, 255),
        (612_225_185, 0),
    ]
    soft = result.of_pin("PB5")
    assert soft[:3] == [(628_238_053, 1), (629_838_053 + 80_000, 0), (629_838_053 + 160_000, 1)]
    assert len(soft) == 2 * ((644_248_223 - 629_838_053) // 160_000 + 1)
    assert result.of_pin("PG5") == [(660_236_707, 1), (668_227_503, 0)]
