"""Registers of a chip and the fields in them: tables, and the arithmetic of bits.

    CHOPCONF = register("CHOPCONF", 0x6C, "rw", "toff 0-3, hstrt 4-6, hend 7-10, tbl 15-16, vsense 17, intpol 28")
    COOLCONF = register("COOLCONF", 0x6D, "w", "semin 0-3, sgt 16-22 signed")

Names are those of the data sheets; fields in lower case, each once in a chip but for registers that are read only.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

Show = Callable[[int], str]  # of a field's value, what stands behind its number: "4(16usteps)"


@dataclass(frozen=True, slots=True)
class Field:
    """Bits of a register, from the bit `shift` on."""

    name: str
    shift: int
    bits: int
    signed: bool = False

    @property
    def most(self) -> int:
        """The highest value."""
        return (1 << (self.bits - self.signed)) - 1

    @property
    def least(self) -> int:
        """The lowest value."""
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def mask(self) -> int:
        """Its bits in the register."""
        return ((1 << self.bits) - 1) << self.shift

    def of(self, value: int) -> int:
        """Its value in a register that holds `value`."""
        found = (value & self.mask) >> self.shift
        return found - (1 << self.bits) if found > self.most else found

    def put(self, value: int, new: int) -> int:
        """A register that held `value`, with this field `new`: the bits of it that there is room for."""
        return (value & ~self.mask) | ((new << self.shift) & self.mask)


@dataclass(frozen=True, slots=True)
class Register:
    """A register. One that can be both is written and read with the same meaning."""

    name: str
    address: int
    readable: bool
    writable: bool
    fields: tuple[Field, ...]

    def values(self, value: int) -> dict[str, int]:
        """Its fields that are not 0, by name, in their order, when it holds `value`."""
        return {field.name: found for field in self.fields if (found := field.of(value))}


def register(name: str, address: int, access: str, fields: str) -> Register:
    """A register by its table: `access` is r, w or rw, `fields` are names and bits."""
    return Register(name, address, "r" in access, "w" in access, tuple(map(_field, fields.split(","))))


def _field(text: str) -> Field:
    name, bits, *signed = text.split()
    first, _, last = bits.partition("-")
    return Field(name, int(first), int(last or first) - int(first) + 1, bool(signed))


class RegisterMap:
    """The registers of a chip. `shown`: how fields are explained, by name."""

    def __init__(self, registers: Iterable[Register], shown: Mapping[str, Show] | None = None) -> None:
        self.registers = {register.name: register for register in registers}
        self._shown = shown or {}
        self._places = dict(self._of_fields())

    def _of_fields(self) -> Iterator[tuple[str, tuple[Register, Field]]]:
        """Where each field is; those that can be set go before those of the same name that cannot."""
        for writable in (False, True):
            for register in self.registers.values():
                if register.writable is writable:
                    yield from ((field.name, (register, field)) for field in register.fields)

    def __contains__(self, field: str) -> bool:
        return field in self._places

    def __getitem__(self, field: str) -> tuple[Register, Field]:
        """The register and the field of that name."""
        return self._places[field]

    def settable(self) -> dict[str, Field]:
        """The fields of all registers that can be written."""
        return {name: field for name, (register, field) in self._places.items() if register.writable}

    def words(self, register: Register, value: int) -> list[str]:
        """The fields of a register that are not 0, as "toff=3"."""
        return [f"{name}={self.word(name, found)}" for name, found in register.values(value).items()]

    def word(self, field: str, value: int) -> str:
        """A field's value with what it means."""
        show = self._shown.get(field)
        return f"{value}{show(value)}" if show else str(value)

    def line(self, register: Register, value: int) -> str:
        """A register on a line of its own."""
        words = "".join(f" {word}" for word in self.words(register, value))
        return f"{register.name + ':':<11} {value:08x}{words}"


class Shadow:
    """What the registers of one chip are meant to hold: those that were set, by name."""

    def __init__(self, table: RegisterMap) -> None:
        self.table = table
        self.values: dict[str, int] = {}

    def set(self, field: str, value: int) -> tuple[Register, int]:
        """Set a field; gives its register, and what that is to hold now: 0 in fields that were not set."""
        register, place = self.table[field]
        new = place.put(self.values.get(register.name, 0), value)
        self.values[register.name] = new
        return register, new

    def get(self, field: str) -> int:
        """What a field is meant to be."""
        register, place = self.table[field]
        return place.of(self.values.get(register.name, 0))

    def written(self) -> Iterator[tuple[Register, int]]:
        """The registers that were set, in the order in which they first were, with their values."""
        for name, value in self.values.items():
            yield self.table.registers[name], value
