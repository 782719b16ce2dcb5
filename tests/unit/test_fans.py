"""Fans on a simulated microcontroller: what their pins do, and when."""

import asyncio

import pytest

from klipkit.base.config import parse_config
from klipkit.base.errors import ConfigError, MissingOption, PinError
from klipkit.base.faults import AdcOutOfRange, GcodeError
from klipkit.cli.sections import SCHEMA
from klipkit.parts.sensors.curve import Divider
from klipkit.parts.sensors.thermistor import THERMISTORS
from tests.unit.parts_bench import PRINTER, Bench
from tests.unit.test_heaters import HOTEND, PID

FAN = "[fan]\npin: PH6\n"
CURVE = Divider(THERMISTORS["EPCOS 100K B57560G104F"], 4700)
SENSOR = "sensor_type: EPCOS 100K B57560G104F\nsensor_pin: PK6\nmin_temp: 0\nmax_temp: 90\n"


def status(bench: Bench, section: str = "fan") -> float:
    return float(bench.parts[section].status().speed)


def bench_of(text: str) -> Bench:
    bench = Bench(text)
    for pin in ("PH6", "PH3", "PH4"):
        bench.watch(pin)
    return bench


def test_the_fan_has_the_speed_that_m106_says_and_max_power_scales_it() -> None:
    bench = bench_of(FAN + "max_power: 0.8\nkick_start_time: 0\n")

    async def act() -> None:
        await bench.gcode("M106 S127.5")
        assert status(bench) == 0.5
        await asyncio.sleep(3)
        await bench.gcode("M106 S255")
        await asyncio.sleep(3)
        await bench.gcode("M107")
        await asyncio.sleep(3)

    bench.run(act)
    now = bench.cosim.now()
    assert bench.duty("PH6", now - 8.5, now - 6.5) == pytest.approx(0.4, abs=0.01)
    assert bench.duty("PH6", now - 5.5, now - 3.5) == pytest.approx(0.8, abs=0.01)
    assert bench.duty("PH6", now - 2.5, now - 0.1) == 0.0


def test_hardware_pwm_has_the_value_in_the_chips_own_scale() -> None:
    bench = bench_of(FAN + "hardware_pwm: True\nkick_start_time: 0\n")

    async def act() -> None:
        await bench.gcode("M106 S51")
        await asyncio.sleep(1)
        await bench.gcode("M106 S255")
        await asyncio.sleep(1)

    bench.run(act)
    assert [level for _, level in bench.edges_of("PH6")][-2:] == [51, 255]


def test_the_fan_changes_when_the_moves_given_before_end() -> None:
    bench = bench_of(FAN)

    async def act() -> float:
        bench.clock.moves = 1.7
        await bench.gcode("M106 S255")
        return bench.clock.now()

    async def whole() -> float:
        asked = await act()
        await asyncio.sleep(3)
        return asked

    asked = bench.run(whole)
    on = next(time for time, level in bench.edges_of("PH6") if level)
    assert on - asked == pytest.approx(1.7, abs=0.001)


def test_a_start_and_a_great_rise_are_kicked_and_other_changes_are_not() -> None:
    bench = bench_of(FAN + "kick_start_time: 0.3\n")
    times = []

    async def act() -> None:
        await asyncio.sleep(1)
        for speed in (0.2, 0.5, 0.1, 0.7, 1.0):
            await bench.gcode(f"M106 S{speed * 255}")
            times.append(bench.cosim.now())
            await asyncio.sleep(2)

    bench.run(act)
    kicks = [bench.duty("PH6", time + 0.12, time + 0.38) for time in times]
    rests = [bench.duty("PH6", time + 0.6, time + 1.9) for time in times]
    assert rests == pytest.approx([0.2, 0.5, 0.1, 0.7, 1.0], abs=0.02)
    assert kicks == pytest.approx([1.0, 0.5, 0.1, 1.0, 1.0], abs=0.05)


def test_a_speed_below_off_below_is_off() -> None:
    bench = bench_of(FAN + "off_below: 0.2\n")

    async def act() -> None:
        await bench.gcode("M106 S40")
        assert status(bench) == 0.0
        await asyncio.sleep(1)

    bench.run(act)
    assert bench.edges_of("PH6") == []


def test_of_many_quick_changes_the_last_one_counts_and_comes_soon() -> None:
    bench = bench_of(FAN + "kick_start_time: 0\n")

    async def act() -> float:
        await asyncio.sleep(1)
        for speed in range(255, 100, -1):
            await bench.gcode(f"M106 S{speed}")
        asked = bench.cosim.now()
        await asyncio.sleep(2)
        return asked

    asked = bench.run(act)
    assert bench.duty("PH6", asked + 0.5, asked + 1.9) == pytest.approx(101 / 255, abs=0.01)


def test_the_enable_pin_follows_whether_the_fan_runs() -> None:
    bench = bench_of(FAN + "enable_pin: PH3\n")

    async def act() -> None:
        for speed in (100, 200, 0):
            await bench.gcode(f"M106 S{speed}")
            await asyncio.sleep(1)

    bench.run(act)
    edges = bench.edges_of("PH3")
    assert [level for _, level in edges] == [1, 0]
    assert edges[1][0] - edges[0][0] == pytest.approx(2.0, abs=0.01)


def test_the_tachometer_counts_rotations() -> None:
    bench = bench_of(FAN + "tachometer_pin: ^PH4\ntachometer_ppr: 2\n")

    async def act() -> None:
        for _ in range(600):  # 50 pulses a second
            for level in (1, 0):
                bench.cosim.drive(0, bench.pins["PH4"], level)
                await asyncio.sleep(0.01)
        assert bench.parts["fan"].status().rpm == pytest.approx(1500, rel=0.01)
        await asyncio.sleep(3)
        assert bench.parts["fan"].status().rpm == 0

    bench.run(act)


def test_fans_of_a_name_are_told_apart() -> None:
    bench = bench_of("[fan_generic a]\npin: PH3\n[fan_generic b]\npin: PH4\n")

    async def act() -> None:
        await bench.gcode("SET_FAN_SPEED FAN=b SPEED=1")
        await asyncio.sleep(1)
        assert (status(bench, "fan_generic a"), status(bench, "fan_generic b")) == (0.0, 1.0)
        with pytest.raises(GcodeError, match="SPEED=2 must be between 0 and 1"):
            await bench.gcode("SET_FAN_SPEED FAN=b SPEED=2")
        with pytest.raises(GcodeError, match="'c' is not valid for FAN"):
            await bench.gcode("SET_FAN_SPEED FAN=c SPEED=1")

    bench.run(act)
    assert bench.edges_of("PH3") == []
    assert [level for _, level in bench.edges_of("PH4")] == [1]


def test_a_heater_fan_runs_while_its_heater_is_on_or_hot() -> None:
    bench = bench_of(HOTEND + PID + "[heater_fan hotend]\npin: PH6\nfan_speed: 0.6\n")
    bench.set_adc("PK5", CURVE.adc_of(30))

    async def act() -> list[float]:
        speeds = []
        for line, adc in (("M104 S0", 30), ("M104 S100", 30), ("M104 S0", 60), ("M104 S0", 45)):
            await bench.gcode(line)
            bench.set_adc("PK5", CURVE.adc_of(adc))
            await asyncio.sleep(8)
            speeds.append(status(bench, "heater_fan hotend"))
        return speeds

    assert bench.run(act) == [0.0, 0.6, 0.6, 0.0]


def test_a_heater_fan_is_on_after_a_shutdown() -> None:
    bench = bench_of(HOTEND + PID + "[heater_fan hotend]\npin: PH6\n" + "[fan]\npin: PH3\n")
    bench.set_adc("PK5", CURVE.adc_of(30))

    async def act() -> None:
        await bench.gcode("M106 S255")
        await asyncio.sleep(3)
        bench.set_adc("PK5", 1.0)
        await asyncio.sleep(10)

    with pytest.raises(AdcOutOfRange):
        bench.run(act)
    assert bench.edges_of("PH6")[-1][1] == 1
    assert bench.edges_of("PH3")[-1][1] == 0


def test_a_controller_fan_runs_with_motors_or_heaters_and_some_time_longer() -> None:
    options = "pin: PH6\nfan_speed: 0.8\nidle_speed: 0.4\nidle_timeout: 10\n"
    bench = bench_of(HOTEND + PID + f"[controller_fan board]\n{options}")
    bench.set_adc("PK5", CURVE.adc_of(30))

    async def speed_after(seconds: float) -> float:
        await asyncio.sleep(seconds)
        return status(bench, "controller_fan board")

    async def act() -> list[float]:
        speeds = [await speed_after(3)]
        bench.motors.on.add("stepper_x")
        speeds.append(await speed_after(2))
        bench.motors.on.clear()
        speeds += [await speed_after(2), await speed_after(12)]
        await bench.gcode("M104 S100")
        speeds.append(await speed_after(2))
        await bench.gcode("M104 S0")
        return [*speeds, await speed_after(2), await speed_after(12)]

    assert bench.run(act) == [0.0, 0.8, 0.4, 0.0, 0.8, 0.4, 0.0]


def test_a_controller_fan_without_heaters_follows_the_motors_alone() -> None:
    bench = bench_of("[controller_fan board]\npin: PH6\n")

    async def act() -> float:
        bench.motors.on.add("stepper_x")
        await asyncio.sleep(2)
        return status(bench, "controller_fan board")

    assert bench.run(act) == 1.0


def cooled(control: str) -> Bench:
    bench = bench_of(f"[temperature_fan box]\npin: PH6\n{SENSOR}target_temp: 40\ngcode_id: C\n{control}")
    bench.set_adc("PK6", CURVE.adc_of(25))
    return bench


def test_a_temperature_fan_switches_between_its_marks() -> None:
    bench = cooled("control: watermark\nmax_speed: 0.9\n")

    async def act() -> list[float]:
        speeds = []
        for temperature in (25, 41, 43, 39, 37):
            bench.set_adc("PK6", CURVE.adc_of(temperature))
            await asyncio.sleep(3)
            speeds.append(status(bench, "temperature_fan box"))
        await bench.gcode("M105")
        return speeds

    assert bench.run(act) == [0.0, 0.0, 0.9, 0.9, 0.0]
    assert bench.said[-1].startswith("C:37.") and bench.said[-1].endswith("/40.0")


def test_a_temperature_fan_under_pid_holds_the_target() -> None:
    """A box that is heated by 30 W, cooled by up to 2 W a degree."""
    bench = cooled("control: pid\npid_Kp: 40\npid_Ki: 2\npid_Kd: 10\nmin_speed: 0.1\n")

    async def act() -> None:
        temperature = 25.0
        for second in range(900):
            speed = status(bench, "temperature_fan box")
            temperature += (30 - (0.4 + 2 * speed) * (temperature - 22)) / 60
            bench.set_adc("PK6", CURVE.adc_of(temperature))
            await asyncio.sleep(1)
            if second > 400:
                assert abs(temperature - 40) < 1.0
                assert 0.1 <= speed <= 1.0

    bench.run(act)


def test_a_temperature_fans_target_can_be_set_and_is_checked() -> None:
    bench = cooled("control: watermark\n")

    async def act() -> None:
        part = bench.parts["temperature_fan box"]
        await bench.gcode("SET_TEMPERATURE_FAN_TARGET temperature_fan=box target=60 max_speed=0.5")
        assert part.status().target == 60
        bench.set_adc("PK6", CURVE.adc_of(70))
        await asyncio.sleep(3)
        assert part.status().speed == 0.5
        await bench.gcode("SET_TEMPERATURE_FAN_TARGET TEMPERATURE_FAN=box TARGET=0")
        await asyncio.sleep(3)
        assert part.status().speed == 0.0
        await bench.gcode("SET_TEMPERATURE_FAN_TARGET TEMPERATURE_FAN=box")
        assert part.status().target == 40
        for wrong in ("TARGET=100", "MIN_SPEED=0.6", "MAX_SPEED=1.5"):
            with pytest.raises(GcodeError):
                await bench.gcode(f"SET_TEMPERATURE_FAN_TARGET TEMPERATURE_FAN=box {wrong}")

    bench.run(act)


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("[fan]\npin: PH6\nshutdown_speed: 0.5\n", ConfigError, "software PWM cannot in shutdown"),
        ("[heater_fan x]\npin: PH6\n", MissingOption, "'heater' in section 'heater_fan x' must be specified"),
        ("[fan]\npin: ^PH6\n", PinError, "takes no '\\^'"),
        ("[fan]\n", MissingOption, "'pin' in section 'fan'"),
        (f"[temperature_fan x]\npin: PH6\n{SENSOR}control: watermark\ntarget_temp: 95\n", ConfigError, "target_temp"),
    ],
)  # fmt: skip
def test_wrong_fans_are_refused(text: str, error: type[ConfigError], words: str) -> None:
    with pytest.raises(error, match=words):
        SCHEMA.load(parse_config(PRINTER + text, "printer.cfg"))
