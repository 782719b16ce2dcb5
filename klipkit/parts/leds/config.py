"""The options of lights."""

from collections.abc import Iterable
from typing import Any

from klipkit.base.declare import Declared, Problem, option, options, section
from klipkit.base.errors import MissingOption
from klipkit.base.pin import Pin, PinUse
from klipkit.base.pin import pin as pin_kind
from klipkit.base.values import boolean, checked, integer, list_of, number, text

COLORS = "RGBW"
CHAIN_MOST = 1024  # lights; the firmware has a buffer of 4096 bytes

_share = number(minimum=0, maximum=1)


@options()
class ColorOptions(Declared):
    """The color at first."""

    initial_red: float = option(_share, "Red at first.", default=0.0)
    initial_green: float = option(_share, "Green at first.", default=0.0)
    initial_blue: float = option(_share, "Blue at first.", default=0.0)
    initial_white: float = option(_share, "White at first.", default=0.0)

    @property
    def initial(self) -> tuple[float, float, float, float]:
        """Red, green, blue, white."""
        return self.initial_red, self.initial_green, self.initial_blue, self.initial_white


def _some_pin(led: Any) -> Iterable[Problem]:
    if not any(led.pins):
        yield Problem("red_pin", "(or green_pin, blue_pin, white_pin) must be specified", error=MissingOption)


@section("led NAME", checks=[_some_pin])
class LedConfig(ColorOptions):
    """A light on PWM pins, one for each color that it has."""

    red_pin: Pin | None = option(pin_kind(PinUse.PWM), "The pin of red.", default=None)
    green_pin: Pin | None = option(pin_kind(PinUse.PWM), "The pin of green.", default=None)
    blue_pin: Pin | None = option(pin_kind(PinUse.PWM), "The pin of blue.", default=None)
    white_pin: Pin | None = option(pin_kind(PinUse.PWM), "The pin of white.", default=None)
    cycle_time: float = option(
        number(above=0, maximum=5), "The time of a pulse and its pause.", unit="s", default=0.01
    )
    hardware_pwm: bool = option(boolean(), "Have the chip's hardware make the pulses.", default=False)

    @property
    def pins(self) -> tuple[Pin | None, ...]:
        """Of red, green, blue, white."""
        return self.red_pin, self.green_pin, self.blue_pin, self.white_pin


def _is_order(order: str) -> bool:
    return len(set(order)) == len(order) and set("RGB") <= set(order) <= set(COLORS)


def _orders_fit(chain: Any) -> Iterable[Problem]:
    if len(chain.color_order) not in (1, chain.chain_count):
        yield Problem(
            "color_order", f"must name one order, or one for each of the {chain.chain_count} lights"
        )


@section("neopixel NAME", checks=[_orders_fit])
class NeopixelConfig(ColorOptions):
    """A chain of addressable lights (WS2812 and the like) on one pin."""

    pin: Pin = option(pin_kind(PinUse.PLAIN), "The pin of the first light's data.")
    chain_count: int = option(integer(minimum=1, maximum=CHAIN_MOST), "The number of lights.", default=1)
    color_order: tuple[str, ...] = option(
        list_of(checked(text(), _is_order, "R, G, B and maybe W, each once")),
        "The order in which the lights take colors; one for all, or one for each.",
        default=("GRB",),
    )

    @property
    def orders(self) -> tuple[str, ...]:
        """The order of each light."""
        return self.color_order if len(self.color_order) > 1 else self.color_order * self.chain_count
