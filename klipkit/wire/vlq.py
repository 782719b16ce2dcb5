"""Variable length integers of the MCU protocol, for tools that do without the C core (Klipper Protocol.md)."""

from klipkit.base.errors import DeviceError

LEAST = -(2**31)
MOST = 2**32 - 1
LONGEST = 5  # bytes


def vlq_encode(value: int) -> bytes:
    """A number of -2^31 .. 2^32-1 in 1 to 5 bytes; other numbers raise ValueError."""
    if not LEAST <= value <= MOST:
        raise ValueError(f"{value} does not fit in 32 bits")
    count = 1
    # n bytes hold -2^(7n-2) .. 3 * 2^(7n-2) - 1: three quarters of their codes are positive.
    while count < LONGEST and not -(1 << (7 * count - 2)) <= value < 3 << (7 * count - 2):
        count += 1
    groups = [value >> (7 * place) & 0x7F for place in reversed(range(count))]
    return bytes([0x80 | group for group in groups[:-1]] + groups[-1:])


def vlq_decode(data: bytes, at: int = 0) -> tuple[int, int]:
    """The number that begins at `at`, modulo 2^32, and where it ends; raises DeviceError when it does not end."""
    number = 0
    for used, byte in enumerate(data[at : at + LONGEST]):
        if used == 0 and byte & 0x60 == 0x60:
            number = -1  # negative: the bits above the first group are ones
        number = number << 7 | byte & 0x7F
        if byte < 0x80:
            return number & MOST, at + used + 1
    raise DeviceError(
        f"a number in a message does not end: {data[at:].hex() or 'no bytes left'}",
        hint="the message was cut off, or it is not one of this firmware's",
    )


def signed(number: int) -> int:
    """The signed reading of a number modulo 2^32."""
    return number - 2**32 if number >= 2**31 else number
