"""The step-rate benchmark on a simulated AVR: the smallest interval at which 1, 2, 3 steppers lose nothing.

    python -m tests.bench.avr_steps [CHIP [FREQUENCY]]

Each stepper makes 60000 steps at one interval, with a pulse of 32 ticks, and one more the other way; the figure is the
smallest interval without a shutdown, with exact counts of pulses, whatever of six phases the start has to the clock's
low bits.
"""

import sys

from tests.bench.avr_session import Session, Target, connected

STEPS = 60_000
LAST_INTERVAL = 3000  # ticks
PHASES = (0, 1, 7, 101, 1009, 30011)  # ticks
STEP_PINS = ("PA0", "PA2", "PA4")
DIR_PINS = ("PA1", "PA3", "PA5")
SMALL_STEP_PINS = ("PB0", "PC0", "PD4")
SMALL_DIR_PINS = ("PB1", "PC1", "PD5")
PULSE = 32  # ticks
LOWEST, HIGHEST = 30, 1200  # ticks: bounds of the search


def steppers(target: Target, count: int) -> tuple[Session, tuple[str, ...]]:
    """A session with `count` steppers configured, and their step pins."""
    session = connected(target)
    has_port_a = "PA0" in session.dictionary.raw["enumerations"]["pin"]
    steps, dirs = (STEP_PINS, DIR_PINS) if has_port_a else (SMALL_STEP_PINS, SMALL_DIR_PINS)
    session.send(f"allocate_oids count={count}")
    for oid in range(count):
        pins = f"step_pin={steps[oid]} dir_pin={dirs[oid]}"
        session.send(f"config_stepper oid={oid} {pins} invert_step=0 step_pulse_ticks={PULSE}")
    session.send("finalize_config crc=0")
    return session, steps[:count]


def succeeds(target: Target, count: int, interval: int, phase: int, steps: int = STEPS) -> bool:
    """Whether the steps are made at this interval: all of them, and no shutdown."""
    session, pins = steppers(target, count)
    with session.chip as chip:
        chip.watch(pins)
        start = session.clock() + target.frequency // 50 + phase
        for oid in range(count):
            session.send(
                f"reset_step_clock oid={oid} clock={start & 0xFFFFFFFF}",
                f"set_next_step_dir oid={oid} dir=0",
                f"queue_step oid={oid} interval={interval} count={steps} add=0",
                f"set_next_step_dir oid={oid} dir=1",
                f"queue_step oid={oid} interval={LAST_INTERVAL} count=1 add=0",
            )
        session.run(target.frequency // 50 + steps * interval + target.frequency // 10)
        stopped = any(text.startswith("shutdown") for text in session.messages)
        return not stopped and chip.counts() == dict.fromkeys(pins, (steps + 1, steps + 1))


def smallest(target: Target, count: int, low: int = LOWEST, high: int = HIGHEST) -> int:
    """The smallest interval in ticks that succeeds at each phase."""
    while low < high:
        middle = (low + high) // 2
        if succeeds(target, count, middle, PHASES[0]):
            high = middle
        else:
            low = middle + 1
    while not all(succeeds(target, count, low, phase) for phase in PHASES[1:]):
        low += 1
    return low


def main() -> None:
    """Print the table: chip, steppers, ticks, steps a second in thousands."""
    chip = sys.argv[1] if len(sys.argv) > 1 else "atmega2560"
    frequency = int(sys.argv[2]) if len(sys.argv) > 2 else 16_000_000
    target = Target(chip, frequency)
    for count in (1, 2, 3):
        ticks = smallest(target, count)
        print(f"{chip}\t{count}\t{ticks}\t{count * frequency / ticks / 1000:.0f}K", flush=True)


if __name__ == "__main__":
    main()
