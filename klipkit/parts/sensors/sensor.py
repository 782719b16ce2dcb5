"""A temperature sensor that is read all the time: print time and degrees C go to whoever listens."""

import asyncio
import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

from klipkit.base.errors import KlipkitError, PinError
from klipkit.base.faults import AdcOutOfRange
from klipkit.base.pin import MAIN_MCU, Pin
from klipkit.base.text import sanitise
from klipkit.mcu.adc import REPORT_TIME, AnalogIn, Limits
from klipkit.mcu.mcu import Mcu
from klipkit.mcu.pins import Pins
from klipkit.parts.alarm import Alarm
from klipkit.parts.schedule import Schedule
from klipkit.parts.sensors.chip import REFERENCE, calibrated, inside, line, nominal
from klipkit.parts.sensors.config import HostSensorOptions, McuSensorOptions, SensorOptions
from klipkit.parts.sensors.curve import Curve

HOST_PERIOD = 1.0  # s
READ = "debug_read"  # the MCU's command to read its memory
TEMPERATURE_PIN = "ADC_TEMPERATURE"
MILLI = 1000  # of the kernel's thermal files

Listener = Callable[[float, float], None]


class Sensor(ABC):
    """`period`: s between readings. Temperatures outside of least..most shut the printer down."""

    period = REPORT_TIME

    def __init__(self, name: str, least: float, most: float) -> None:
        self.name = name
        self.least = least
        self.most = most
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        """Call `listener` with each reading: print time, s, and temperature, degrees C."""
        self._listeners.append(listener)

    @abstractmethod
    async def begin(self) -> None:
        """The MCUs are configured: readings begin."""

    @abstractmethod
    def end(self) -> None:
        """No more readings."""

    def _tell(self, time: float, temperature: float) -> None:
        for listener in self._listeners:
            listener(time, temperature)

    @property
    def _range(self) -> str:
        return f"allowed are {self.least:g} to {self.most:g} C"


def limits_of(curve: Curve, least: float, most: float) -> Limits | None:
    """The shares at the ends of a range of temperatures, which may be infinite; None: anything is allowed."""
    if math.isinf(least) and math.isinf(most):
        return None
    cold, hot = (0.0, 1.0) if curve.adc_of(100.0) > curve.adc_of(0.0) else (1.0, 0.0)
    ends = (
        cold if math.isinf(least) else curve.adc_of(least),
        hot if math.isinf(most) else curve.adc_of(most),
    )
    return Limits(min(ends), max(ends))


class AdcSensor(Sensor):
    """A sensor that an ADC reads, whose range the MCU watches."""

    def __init__(self, name: str, place: tuple[Mcu, Pin], curve: Curve, least: float, most: float) -> None:
        super().__init__(name, least, most)
        self.mcu, pin = place
        self.curve = curve
        self._input = AnalogIn(self.mcu, pin, limits_of(curve, least, most), self._account)
        self._input.listen(lambda time, share: self._tell(time, self.curve.temperature_of(share)))

    async def begin(self) -> None:
        """Readings begin."""
        self._input.limits = limits_of(self.curve, self.least, self.most)
        self._input.attach()

    def end(self) -> None:
        """The MCU goes on sampling, and watching the range."""

    def _account(self, share: float) -> str:
        fault = self.curve.fault_of(share)
        reads = f"the sensor of '{self.name}' reads {self.curve.temperature_of(share):.1f} C"
        return f"{reads} (ADC {share:.4f}), {self._range}{': ' if fault else ''}{fault}"


class ChipSensor(AdcSensor):
    """The sensor inside an MCU: by what the user measured, what the factory left in it, or its data sheet."""

    def __init__(self, name: str, options: McuSensorOptions, pins: Pins, least: float, most: float) -> None:
        mcu_name = options.sensor_mcu.section.partition(" ")[2] or MAIN_MCU
        where = options.source.where("sensor_mcu")
        place = pins.place(Pin(mcu_name, TEMPERATURE_PIN), where)
        chip = str(place[0].dictionary.constants.get("MCU", ""))
        found = inside(chip)
        if found is None:
            raise PinError(f"the temperature sensor of a {sanitise(chip)} is not known", where=where)
        self._inside = found
        self._points = options.points
        slope = found.slope / REFERENCE
        curve = line(*self._points, slope=slope) if self._points else nominal(found)
        super().__init__(name, place, curve, least, most)

    async def begin(self) -> None:
        """The factory's calibration is read, and readings begin."""
        factory = self._inside.factory
        if not self._points and factory is not None and READ in self.mcu.dictionary.commands:
            cold, hot = await self._read(factory.cold), await self._read(factory.hot)
            self.curve = calibrated(factory, cold, hot) or self.curve
        await super().begin()

    async def _read(self, address: int) -> int:
        """A word of 16 bits of the chip's memory."""
        heard = await self.mcu.talk.query(f"{READ} order=1 addr={address}", "debug_result")
        return heard.message.number("val")


class HostSensor(Sensor):
    """A temperature file of the kernel."""

    period = HOST_PERIOD

    def __init__(
        self,
        name: str,
        options: HostSensorOptions,
        schedule: Schedule,
        alarm: Alarm,
        least: float,
        most: float,
    ) -> None:
        super().__init__(name, least, most)
        self._path = Path(options.sensor_path)
        self._schedule = schedule
        self._alarm = alarm
        self._task: asyncio.Task[None] | None = None
        try:
            self._read()
        except (OSError, ValueError) as error:
            what = f"the temperature file {sanitise(options.sensor_path)} cannot be read: {error}"
            raise KlipkitError(what, where=options.source.where("sensor_path")) from None

    async def begin(self) -> None:
        """Readings begin."""
        self._task = asyncio.get_running_loop().create_task(self._go_on())

    def end(self) -> None:
        """No more readings."""
        if self._task is not None:
            self._task.cancel()

    def _read(self) -> float:
        return int(self._path.read_text()) / MILLI

    async def _go_on(self) -> None:
        while True:
            try:
                temperature = self._read()
            except (OSError, ValueError) as error:
                self._alarm.shut_down(AdcOutOfRange(f"the sensor of '{self.name}' cannot be read: {error}"))
                return
            if not self.least <= temperature <= self.most:
                what = f"the sensor of '{self.name}' reads {temperature:.1f} C, {self._range}"
                self._alarm.shut_down(AdcOutOfRange(what))
                return
            self._tell(self._schedule.now(), temperature)
            await asyncio.sleep(HOST_PERIOD)


class Sensors:
    """Makes sensors; the host provides it to the parts that have one."""

    def __init__(self, pins: Pins, schedule: Schedule, alarm: Alarm) -> None:
        self.pins = pins
        self.schedule = schedule
        self.alarm = alarm

    def make(self, name: str, options: SensorOptions, least: float, most: float) -> Sensor:
        """The sensor of those options; `name` is whose it is."""
        if isinstance(options, HostSensorOptions):
            return HostSensor(name, options, self.schedule, self.alarm, least, most)
        if isinstance(options, McuSensorOptions):
            return ChipSensor(name, options, self.pins, least, most)
        place = self.pins.place(options.sensor_pin, options.source.where("sensor_pin"))
        return AdcSensor(name, place, options.curve(), least, most)
