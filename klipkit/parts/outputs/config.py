"""The options of output pins."""

from collections.abc import Iterable
from typing import Any

from klipkit.base.declare import Declared, Problem, option, options, section
from klipkit.base.pin import Pin, PinUse
from klipkit.base.pin import pin as pin_kind
from klipkit.base.values import boolean, list_of, number

CYCLE_MOST = 5.0  # s


def _in_scale(config: Any) -> Iterable[Problem]:
    """Values within what SET_PIN takes, too."""
    for name in ("value", "shutdown_value"):
        value = getattr(config, name)
        if value > config.full:
            yield Problem(name, f"must be at most {config.full:g}")
        elif not config.is_pwm and value not in (0, 1):
            yield Problem(name, "must be 0 or 1", "pwm: True makes it a PWM output")
    if config.is_pwm and not config.is_hardware and config.shutdown_value not in (0, config.full):
        yield Problem(
            "shutdown_value", "must be nothing or all with software PWM", "or write hardware_pwm: True"
        )


@options(checks=[_in_scale])
class PinOptions(Declared):
    """A pin and its values."""

    pin: Pin = option(pin_kind(PinUse.PWM), "The pin.")
    value: float = option(number(minimum=0), "The value at first.", default=0.0)
    shutdown_value: float = option(
        number(minimum=0), "The value when the microcontroller has shut down.", default=0.0
    )
    cycle_time: float = option(
        number(above=0, maximum=CYCLE_MOST), "The time of a pulse and its pause.", unit="s", default=0.1
    )
    scale: float | None = option(
        number(above=0), "The value that stands for full power.", default=None, said="1"
    )

    @property
    def full(self) -> float:
        """The value of full power."""
        return 1.0 if self.scale is None else self.scale

    @property
    def is_pwm(self) -> bool:
        """Whether values between nothing and all are possible."""
        return True

    @property
    def is_hardware(self) -> bool:
        """Whether the chip's hardware makes the pulses."""
        return False


@options()
class HardwarePinOptions(PinOptions):
    """A pin that the chip's hardware may pulse."""

    hardware_pwm: bool = option(boolean(), "Have the chip's hardware make the pulses.", default=False)

    @property
    def is_hardware(self) -> bool:
        """Whether the chip's hardware makes the pulses."""
        return self.hardware_pwm


@section(
    "output_pin NAME",
    removed={
        "static_value": "write [static_digital_output NAME]",
        "maximum_mcu_duration": "write [pwm_tool NAME], which has it",
    },
)
class OutputPinConfig(HardwarePinOptions):
    """A pin that SET_PIN sets."""

    pwm: bool = option(boolean(), "Whether it can have values between nothing and all.", default=False)

    @property
    def is_pwm(self) -> bool:
        """Whether values between nothing and all are possible."""
        return self.pwm


@section("pwm_tool NAME")
class PwmToolConfig(HardwarePinOptions):
    """A PWM pin that SET_PIN sets, as of a laser or spindle, which can be made to stop when the host is gone."""

    maximum_mcu_duration: float = option(
        number(minimum=0, maximum=100),
        "The time without word of the host after which the microcontroller shuts down; 0: never.",
        unit="s",
        default=0.0,
    )


@section("pwm_cycle_time NAME")
class PwmCycleTimeConfig(PinOptions):
    """A PWM pin whose cycle time SET_PIN may change."""


@section("static_digital_output NAME")
class StaticOutputConfig(Declared):
    """Pins that are high all the time; low with ! before them."""

    pins: tuple[Pin, ...] = option(list_of(pin_kind(PinUse.OUTPUT)), "The pins.")
