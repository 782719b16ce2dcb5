"""[neopixel NAME]: a chain of addressable lights."""

import asyncio
from collections.abc import Sequence

from klipkit.base.errors import KlipkitError
from klipkit.gcode.responses import Responses
from klipkit.mcu.neopixel import Neopixel
from klipkit.mcu.pins import Pins
from klipkit.parts.leds.config import COLORS, NeopixelConfig
from klipkit.parts.leds.light import Color, Light
from klipkit.parts.schedule import Schedule

FULL = 255


def bytes_of(colors: Sequence[Color], orders: Sequence[str]) -> bytes:
    """What the lights take, each in its order of colors."""
    return bytes(
        round(color[COLORS.index(letter)] * FULL)
        for color, order in zip(colors, orders, strict=True)
        for letter in order
    )


class NeopixelChain(Light):
    """The lights are written to in a task of its own: of colors that come too fast the latest are shown."""

    def __init__(self, config: NeopixelConfig, pins: Pins, schedule: Schedule, responses: Responses) -> None:
        super().__init__(config, schedule, config.chain_count)
        self._orders = config.orders
        self._responses = responses
        place = pins.place(config.pin, config.source.where("pin"))
        self._chain = Neopixel(*place, len(bytes_of(self.colors, self._orders)))
        self._wanted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """The MCUs are configured; the first colors are shown."""
        self._chain.attach()
        self._wanted.set()
        self._task = asyncio.get_running_loop().create_task(self._show_all())

    def halt(self) -> None:
        """The printer has shut down."""
        if self._task is not None:
            self._task.cancel()

    async def end(self) -> None:
        """The lights stay as they are."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def show(self, time: float) -> None:
        """The colors at a print time; the lights know none, so they are sent when it is there."""
        delay = max(0.0, time - self._schedule.now())
        asyncio.get_running_loop().call_later(delay, self._wanted.set)

    async def _show_all(self) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            try:
                await self._chain.show(bytes_of(self.colors, self._orders))
            except KlipkitError as error:
                self._responses.error(str(error))
