"""The pins of all MCUs as parts ask for them: aliases resolved, wrong names refused with their place."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

from klipkit.base.errors import PinError, UnknownMcu, UnknownPin
from klipkit.base.pin import Pin
from klipkit.base.text import did_you_mean, sanitise
from klipkit.boards.config import PinAliases
from klipkit.mcu.mcu import Mcu


class Pins:
    """Finds the MCU of a pin. `mcus` are connected: their dictionaries name their pins."""

    def __init__(self, mcus: Mapping[str, Mcu], aliases: PinAliases) -> None:
        self._mcus = mcus
        self._aliases = aliases

    def mcu(self, name: str) -> Mcu:
        """The MCU of that name: "mcu" is the main one."""
        return self._mcus[name]

    @contextmanager
    def needed_by(self, section: str) -> Iterator[None]:
        """What is made within is needed by that section, "[fan]": what a firmware lacks for it names the section."""
        with ExitStack() as stack:
            for mcu in self._mcus.values():
                stack.enter_context(mcu.configuration.needed_by(section))
            yield

    def place(self, pin: Pin, where: str) -> tuple[Mcu, Pin]:
        """The MCU, and the pin by the chip's own name. Raises UnknownMcu, UnknownPin, PinError with `where`."""
        pin = self._aliases.real(pin)
        mcu = self._mcus.get(pin.chip)
        if mcu is None:
            maker = self._aliases.maker(pin)
            hint = did_you_mean(pin.chip, self._mcus)
            if maker:
                hint = f"[{maker}] makes no such pin: has it its diag_pin?"
            raise UnknownMcu(
                f"there is no [mcu {sanitise(pin.chip)}] for the pin {pin}", where=where, hint=hint
            )
        found = self._aliases.resolved(pin)
        if found.name.startswith("<"):
            raise PinError(f"{pin} is reserved: {sanitise(found.name)}", where=where)
        known = mcu.dictionary.enumerations.get("pin", {})
        if known and found.name not in known:
            what = f"Pin '{sanitise(found.name)}' is not a valid pin name on mcu '{mcu.name}'"
            raise UnknownPin(what, where=where, hint=did_you_mean(found.name, known))
        return mcu, found
