"""G-code when a button is pressed or released: [gcode_button NAME], QUERY_BUTTON; the object `gcode_button NAME`.

pin --MCU: two equal looks--> changed --debounce_delay--> settled --> its template, in a turn of its own
"""

import asyncio
from collections.abc import Callable, Iterable, Set
from dataclasses import dataclass
from typing import Annotated, Any

from klipkit.base.declare import Declared, Problem, option, section
from klipkit.base.errors import KlipkitError
from klipkit.base.pin import Pin, PinUse
from klipkit.base.pin import pin as pin_kind
from klipkit.base.values import Template, number, pair, template
from klipkit.gcode.commands import gcode
from klipkit.gcode.responses import Responses
from klipkit.gcode.scripts import Scripts
from klipkit.gcode.templates import Gcode, Templates
from klipkit.mcu.adc import AnalogIn
from klipkit.mcu.buttons import Buttons
from klipkit.mcu.pins import Pins
from klipkit.parts.part import Apply, Part

LOOK = 0.015  # s between readings of an analog button
WAITING_MOST = 16  # presses and releases that wait for their turn
PRESSED, RELEASED = "PRESSED", "RELEASED"


def _check_range(config: "GcodeButtonConfig") -> Iterable[Problem]:
    found = config.analog_range
    if found is not None and not 0 <= found[0] <= found[1]:
        yield Problem("analog_range", "must be two resistances, the lower one first", "for example 0, 1000")


@section("gcode_button NAME", checks=(_check_range,))
class GcodeButtonConfig(Declared):
    """G-code that is carried out when a button is pressed, or a pin changes its level."""

    pin: Pin = option(pin_kind(PinUse.INPUT), "The pin of the button.")
    analog_range: tuple[float, float] | None = option(
        pair(number(), number()),
        "The least and the greatest resistance, ohms, at which it is pressed, for a button at an analog input.",
        default=None,
    )
    analog_pullup_resistor: float = option(
        number(above=0), "The resistor between that pin and its supply.", unit="ohms", default=4700.0
    )
    press_gcode: Template = option(template(), "What is carried out when it is pressed.")
    release_gcode: Template = option(
        template(), "What is carried out when it is released.", default=Template(""), said="nothing"
    )
    debounce_delay: float = option(
        number(minimum=0),
        "How long a press lasts at least; a shorter one is nothing.",
        unit="s",
        default=0.0,
    )


@dataclass(frozen=True, slots=True)
class GcodeButtonStatus:
    """Of a button."""

    state: Annotated[str, "PRESSED or RELEASED."]


class GcodeButton(Part):
    """A button with its G-code."""

    live = frozenset(("press_gcode", "release_gcode", "debounce_delay"))

    def __init__(
        self,
        config: GcodeButtonConfig,
        pins: Pins,
        templates: Templates,
        scripts: Scripts,
        responses: Responses,
    ) -> None:
        self.name = config.source.short
        self._delay = config.debounce_delay
        self._scripts, self._responses = scripts, responses
        self._templates = templates
        self._gcodes = _gcodes(templates, config)
        self._is_pressed = False  # settled
        self._settles: asyncio.TimerHandle | None = None
        self._waiting: asyncio.Queue[Gcode] = asyncio.Queue(WAITING_MOST)
        self._task: asyncio.Task[None] | None = None
        self._attach = _listened(config, pins, self._change)

    async def begin(self) -> None:
        """The pin is looked at."""
        self._attach()
        self._task = asyncio.get_running_loop().create_task(self._live())

    def halt(self) -> None:
        """Nothing is carried out any more."""
        if self._settles is not None:
            self._settles.cancel()
        if self._task is not None:
            self._task.cancel()

    async def end(self) -> None:
        """The machine is let go."""
        self.halt()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    def reload(self, config: GcodeButtonConfig, changed: Set[str]) -> Apply:
        """The next press has it."""
        gcodes = _gcodes(self._templates, config)

        def apply() -> None:
            self._gcodes, self._delay = gcodes, config.debounce_delay

        return apply

    def status(self) -> GcodeButtonStatus:
        """Whether it is pressed."""
        return GcodeButtonStatus(PRESSED if self._is_pressed else RELEASED)

    @gcode("QUERY_BUTTON", select="BUTTON")
    async def query(self) -> None:
        """Tell whether a button is pressed."""
        self._responses.note(f"{self.name}: {self.status().state}")

    def _change(self, is_pressed: bool) -> None:
        """The pin has another level."""
        if self._settles is not None:
            self._settles.cancel()
            self._settles = None
        if is_pressed == self._is_pressed:
            return
        if self._delay:
            loop = asyncio.get_running_loop()
            self._settles = loop.call_later(self._delay, self._settle, is_pressed)
        else:
            self._settle(is_pressed)

    def _settle(self, is_pressed: bool) -> None:
        self._is_pressed, self._settles = is_pressed, None
        try:
            self._waiting.put_nowait(self._gcodes[is_pressed])
        except asyncio.QueueFull:
            self._responses.error(
                f"gcode_button {self.name}: {WAITING_MOST} presses wait for their turn; one is left out"
            )

    async def _live(self) -> None:
        while True:
            gcode = await self._waiting.get()
            async with self._scripts.turn:
                try:
                    await gcode.carry_out()
                except KlipkitError as error:
                    self._responses.error(str(error))


def _gcodes(templates: Templates, config: GcodeButtonConfig) -> tuple[Gcode, Gcode]:
    """Of a release, and of a press."""
    release = templates.of_option(config.release_gcode, config, "release_gcode")
    return release, templates.of_option(config.press_gcode, config, "press_gcode")


def _listened(config: GcodeButtonConfig, pins: Pins, change: Callable[[bool], None]) -> Callable[[], Any]:
    """Have `change` called with each new level; gives what begins it."""
    mcu, pin = pins.place(config.pin, config.source.where("pin"))
    if config.analog_range is None:
        buttons = Buttons(mcu, [pin])
        buttons.listen(lambda pressed: change(bool(pressed)))
        return buttons.attach
    analog = AnalogIn(mcu, pin, period=LOOK)
    range_of = Resistances(*config.analog_range, config.analog_pullup_resistor, change)
    analog.listen(lambda print_time, share: range_of.read(share))
    return analog.attach


class Resistances:
    """An analog button: pressed when the resistance to ground is within a range at two readings in a row."""

    def __init__(self, least: float, most: float, pullup: float, change: Callable[[bool], None]) -> None:
        self._least, self._most, self._pullup = least, most, pullup
        self._change = change
        self._last = self._told = False

    def read(self, share: float) -> None:
        """A reading, as the share of the supply."""
        is_within = share < 1 and self._least <= self._pullup * share / (1 - share) <= self._most
        if is_within == self._last != self._told:
            self._told = is_within
            self._change(is_within)
        self._last = is_within
