"""What the tests of bulk sensors share: a chip on a bus in a script, and the messages that came of it."""

from tests.unit.firmware_surround import Outcome, Script

BEGIN = 10_000  # ticks: when the looks begin
REST = 40_000  # ticks between them
OID = 4


def scripted(bus: str, config: str, answers: list[bytes]) -> Script:
    """A chip on `bus` as object 3, configured as object 4; `answers`: what each transfer reads, in order."""
    script = Script(settings={"byte": 1})
    if bus == "spi":
        script.lines += [f"spi {(bytes(1) + answer).hex()}" for answer in answers]
        device = "config_spi oid=3 pin=PK0 cs_active_high=0"
        way = "spi_set_bus oid=3 spi_bus=0 mode=3 rate=5000000"
    else:
        script.lines += [f"i2c 0 {answer.hex() or '00'}" for answer in answers]
        device, way = "config_i2c oid=3", "i2c_set_bus oid=3 i2c_bus=0 rate=400000 address=104"
    script.send(1000, "allocate_oids count=6", device)
    script.send(1200, way, config)
    script.send(1400, "finalize_config crc=1")
    return script


def data_of(outcome: Outcome) -> list[tuple[int, bytes]]:
    """Sequence and bytes of each message."""
    found = []
    head = f"sensor_bulk_data oid={OID} sequence="
    for text in outcome.texts():
        if text.startswith(head):
            sequence, data = text.removeprefix(head).split(" data=")
            found.append((int(sequence), bytes.fromhex(data)))
    return found


def states_of(outcome: Outcome) -> list[dict[str, int]]:
    """Each answer to the query of its state."""
    return [
        {name: int(value) for name, value in (word.split("=") for word in text.split()[1:])}
        for text in outcome.texts()
        if text.startswith("sensor_bulk_status")
    ]


def sent(outcome: Outcome, bus: str) -> list[str]:
    """Bytes sent in each transfer."""
    return [text.split()[-1 if bus == "spi" else 3] for _, text in outcome.transfers]
