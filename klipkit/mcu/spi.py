"""SPI devices of an MCU: a chip select on one of the chip's buses or on a bus of any pins, and one transfer at a time.

device = devices.device(mcu, select, SpiForm(mode=3, speed=4e6, bus=None))
async with device.lock:
    device.send(b"...")                 bytes out, what comes back is not wanted
    answer = await device.transfer(b"...")
"""

import asyncio
from dataclasses import dataclass

from klipkit.base.errors import UnknownBus
from klipkit.base.pin import Pin
from klipkit.base.text import did_you_mean, sanitise
from klipkit.mcu.mcu import Mcu


@dataclass(frozen=True, slots=True)
class SoftwareBus:
    """A bus of any three pins."""

    clock: Pin
    mosi: Pin
    miso: Pin


@dataclass(frozen=True, slots=True)
class SpiForm:
    """How a device is talked to: SPI mode, Hz at most, and the bus by its name (None: the chip's first) or its pins."""

    mode: int
    speed: int
    bus: str | SoftwareBus | None = None


class SpiDevice:
    """A chip select (None: the device has the bus for itself), made before the MCU is configured."""

    def __init__(self, mcu: Mcu, select: Pin | None, form: SpiForm, where: str) -> None:
        """Raises UnknownBus with `where`."""
        self.mcu = mcu
        self.select = select
        self.form = form
        self.lock = asyncio.Lock()
        self.oid = mcu.allocate_oid()
        add = mcu.configuration.add
        if select is None:
            add(f"config_spi_without_cs oid={self.oid}")
        else:
            add(f"config_spi oid={self.oid} pin={select.name} cs_active_high={int(select.invert)}")
        add(_bus_command(mcu, self.oid, form, where))

    def send(self, data: bytes) -> None:
        """Bytes to the device."""
        self.mcu.talk.send(f"spi_send oid={self.oid} data={data.hex()}")

    async def transfer(self, data: bytes) -> bytes:
        """Bytes to the device, for as many from it. Raises KlipkitError."""
        heard = await self.mcu.talk.query(
            f"spi_transfer oid={self.oid} data={data.hex()}", "spi_transfer_response", self.oid
        )
        return heard.message.data("response")


def _bus_command(mcu: Mcu, oid: int, form: SpiForm, where: str) -> str:
    if isinstance(form.bus, SoftwareBus):
        bus = form.bus
        ticks = max(1, round(mcu.frequency / form.speed))
        return (
            f"spi_set_sw_bus oid={oid} miso_pin={bus.miso.name} mosi_pin={bus.mosi.name} "
            f"sclk_pin={bus.clock.name} mode={form.mode} pulse_ticks={ticks}"
        )
    return (
        f"spi_set_bus oid={oid} spi_bus={bus_name(mcu, form.bus, where)} mode={form.mode} rate={form.speed}"
    )


def bus_name(mcu: Mcu, wanted: str | None, where: str) -> str:
    """The name of a bus of the MCU; its first when none is wanted. Raises UnknownBus with `where`."""
    known = mcu.dictionary.enumerations.get("spi_bus", {})
    if wanted is None and known:
        return min(known, key=lambda name: known[name])
    if wanted is None or (known and wanted not in known):
        what = f"Unknown spi_bus '{sanitise(wanted or '', 40)}' on mcu '{mcu.name}'"
        raise UnknownBus(what, where=where, hint=did_you_mean(wanted or "", known) or "write spi_bus")
    return wanted


class SpiDevices:
    """The devices of a machine: drivers of a chain share one chip select."""

    def __init__(self) -> None:
        self._devices: list[SpiDevice] = []

    def device(self, mcu: Mcu, select: Pin, form: SpiForm, where: str) -> SpiDevice:
        """The device of that chip select. Raises UnknownBus with `where`."""
        for device in self._devices:
            if device.mcu is mcu and device.select is not None and device.select.name == select.name:
                return device
        self._devices.append(SpiDevice(mcu, select, form, where))
        return self._devices[-1]
