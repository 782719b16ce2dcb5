"""Control of heaters by itself, without a machine: PID, watermark, the relay test, the checks."""

import math
from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from klipkit.parts.heaters.config import PidOptions, VerifyHeaterConfig, WatermarkOptions
from klipkit.parts.heaters.pid import BASE, Pid
from klipkit.parts.heaters.relay import EDGE, Relay
from klipkit.parts.heaters.verify import HeaterCheck
from klipkit.parts.heaters.watermark import Watermark

STEP = 0.3  # s between readings
PID = PidOptions(pid_kp=25.5, pid_ki=2.55, pid_kd=51.0)  # shares of 0.1, 0.01 and 0.2


def settle(pid: Pid, temperature: float, target: float, seconds: float, start: float = 0.0) -> float:
    """The power after some time at a temperature."""
    power = 0.0
    for index in range(round(seconds / STEP)):
        power = pid.power(start + index * STEP, temperature, target)
    return power


def test_the_three_terms_of_pid() -> None:
    assert Pid(PID, 1.0, 1.0).power(0.0, 95.0, 100.0) == pytest.approx(0.5)
    steady = Pid(PID, 1.0, 1.0)
    assert settle(steady, 99.0, 100.0, 30.3) == pytest.approx(0.1 + 0.01 * 30, abs=0.01)
    falling = Pid(PID, STEP, 1.0)
    falling.power(0.0, 100.6, 100.0)
    assert falling.power(STEP, 100.0, 100.0) == pytest.approx(0.2 * 0.6 / STEP, abs=0.01)


def test_the_integral_does_not_grow_while_there_is_no_more_power() -> None:
    pid = Pid(PID, 1.0, 1.0)
    assert settle(pid, 25.0, 200.0, 600) == 1.0
    assert settle(pid, 200.0, 200.0, 6, 600) < 0.05


def test_the_integral_alone_asks_for_no_more_than_full_power_and_falls_at_once() -> None:
    pid = Pid(PID, 1.0, 0.6)
    assert settle(pid, 99.5, 100.0, 600) == pytest.approx(0.6)
    assert settle(pid, 100.5, 100.0, 30, 600) < 0.5


@given(st.floats(0.01, 50), st.floats(0.01, 50))
def test_the_power_that_holds_a_temperature_stays_when_parameters_change(before: float, after: float) -> None:
    pid, power = Pid(PidOptions(pid_kp=20.0, pid_ki=before, pid_kd=100.0), 1.0, 1.0), 0.0
    for second in range(60):
        power = pid.power(float(second), 199.5 if second < 20 else 200.0, 200.0)
    assert power > 0
    pid.take_on(PidOptions(pid_kp=30.0, pid_ki=after, pid_kd=10.0))
    assert pid.power(60.0, 200.0, 200.0) == pytest.approx(power, abs=1e-6)


@given(
    st.lists(st.tuples(st.floats(0.01, 5), st.floats(-50, 500)), min_size=1, max_size=30),
    st.floats(0, 300),
    st.floats(0.05, 1),
)
def test_power_is_never_out_of_range_and_none_without_a_target(
    readings: list[tuple[float, float]], target: float, most: float
) -> None:
    pid, time = Pid(PID, 1.0, most), 0.0
    for span, temperature in readings:
        time += span
        assert 0.0 <= pid.power(time, temperature, target) <= most
        assert pid.power(time, temperature, 0.0) == 0.0


def test_watermark_changes_at_its_marks_only() -> None:
    control = Watermark(WatermarkOptions(max_delta=2.0), 0.8)
    temperatures = (50, 58.1, 60, 61.9, 62, 61.9, 58.1, 58, 58.1)
    powers = [control.power(0.0, temperature, 60.0) for temperature in temperatures]
    assert powers == [0.8, 0.8, 0.8, 0.8, 0.0, 0.0, 0.0, 0.8, 0.8]
    assert control.power(0.0, 20.0, 0.0) == 0.0


@pytest.mark.parametrize(("rate", "delay", "hold"), [(2.0, 6.0, 0.5), (1.0, 9.0, 0.3), (4.0, 3.0, 0.7)])
def test_the_relay_test_finds_the_gain_of_a_known_plant(rate: float, delay: float, hold: float) -> None:
    """dT/dt = rate (power - hold), seen `delay` later, swings by a = rate d delay + EDGE, in 4 (delay + EDGE / rate d);
    d is the least of what is above and below `hold`."""
    relay, temperature, time = Relay(1.0), 30.0, 0.0
    seen = deque([temperature] * round(delay / 0.05))
    power = 0.0
    while not relay.is_done and time < 3600:
        time += 0.05
        temperature += rate * (power - hold) * 0.05
        seen.append(temperature)
        power = relay.power(time, seen.popleft(), 100.0)
    result, step = relay.result(), min(hold, 1 - hold)
    swing, period = rate * step * delay + EDGE, 4 * (delay + EDGE / (rate * step))
    gain = 4 * step / math.pi / math.sqrt(swing**2 - EDGE**2)
    assert relay.cycles[-1].step == pytest.approx(step, abs=0.03)
    assert result.kp == pytest.approx(BASE * gain / 3.2, rel=0.05)
    assert result.kp / result.ki == pytest.approx(2.2 * period, rel=0.05)
    assert result.kd / result.kp == pytest.approx(period / 6.3, rel=0.05)


def check_after(temperatures: list[float], target: float = 200.0) -> int | None:
    """The second in which the check finds a fault."""
    check = HeaterCheck("extruder", VerifyHeaterConfig(check_gain_time=20.0))
    for second, temperature in enumerate(temperatures):
        if check.look(float(second), temperature, target) is not None:
            return second
    return None


def test_a_heater_on_its_way_is_left_alone_as_long_as_it_gains() -> None:
    assert check_after([25 + 0.11 * second for second in range(1500)]) is None
    assert check_after([25 + 0.09 * second for second in range(1500)]) is not None


def test_a_heater_that_stays_cold_is_found_after_the_time_to_gain() -> None:
    assert check_after([25.0] * 100) == 20


def test_what_is_missing_adds_up_after_the_target_was_reached() -> None:
    """185 is 10 below the range: 120 degrees are missing after 12 s."""
    found = check_after([199.0] * 10 + [185.0] * 100)
    assert found == 10 + 11
    assert check_after([199.0] * 10 + [194.0] * 130) is not None
    assert check_after([199.0] * 10 + [195.0] * 3600) is None
    assert check_after(([199.0] + [185.0] * 8) * 50) is None


def test_a_heater_that_is_off_or_cools_down_to_its_target_is_left_alone() -> None:
    assert check_after([25.0] * 500, 0.0) is None
    assert check_after([240.0 - second / 10 for second in range(300)]) is None
