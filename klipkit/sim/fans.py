"""The fans of a simulated printer, from its configuration."""

from collections.abc import Callable, Mapping

from klipkit.base.pin import Pin
from klipkit.base.schema import Loaded
from klipkit.parts.fans.config import FanConfig, FanOptions
from klipkit.sim.cosim import Cosim
from klipkit.sim.heaters import EXTRUDER, Heats
from klipkit.sim.models import Fan, FanLaw, Place


class Fans:
    """The fans by section. That of [fan] cools the hotend too."""

    def __init__(
        self,
        cosim: Cosim,
        loaded: Loaded,
        laws: Mapping[str, FanLaw],
        heats: Heats,
        place: Callable[[Pin, str], Place],
    ) -> None:
        """`laws` are other ones than usual, by section. A fan's enable_pin is not looked at: it has power always."""
        self.fans: dict[str, Fan] = {}
        for name, config in loaded.sections.items():
            if isinstance(config, FanOptions):
                law = laws.get(name, FanLaw(pulses=float(config.tachometer_ppr)))
                self._add(cosim, name, config, law, place)
            if isinstance(config, FanConfig) and EXTRUDER in heats.bodies:
                at = place(config.pin, config.source.where("pin"))
                heats.bodies[EXTRUDER].cooled_by(at, inverted=config.pin.invert)

    def _add(
        self, cosim: Cosim, name: str, config: FanOptions, law: FanLaw, place: Callable[[Pin, str], Place]
    ) -> None:
        at = place(config.pin, config.source.where("pin"))
        self.fans[name] = Fan(cosim, law, at, inverted=config.pin.invert)
        if config.tachometer_pin is not None:
            pulses = place(config.tachometer_pin, config.source.where("tachometer_pin"))
            self.fans[name].add_tachometer(pulses)
