"""What the AVR firmware takes: cycles of commands, accuracy of three drifting steppers, flash and RAM.

python -m tests.bench.avr_cycles [CHIP [FREQUENCY]]
"""

import re
import subprocess
import sys

from tests.bench.avr_session import Target, firmware
from tests.bench.avr_steps import steppers
from tests.unit.firmware_surround import frame

RATE = 10_000  # steps a second of each of three steppers
DRIFT = 7  # ticks: the steppers' intervals differ by this much, so that they meet in all ways
FRAMES = 60


def edges_of_drifting_steppers(target: Target, seconds: float) -> list[list[int]]:
    """Lateness in cycles of each step of three steppers with slightly different rates, from the earliest one on."""
    session, pins = steppers(target, 3)
    interval = target.frequency // RATE
    with session.chip as chip:
        chip.watch(pins, edges=True)
        start = session.clock() + target.frequency // 50
        count = int(seconds * RATE)
        for oid in range(3):
            session.send(
                f"reset_step_clock oid={oid} clock={start}",
                f"queue_step oid={oid} interval={interval + oid * DRIFT} count={count} add=0",
            )
        session.run(target.frequency // 50 + count * (interval + 3 * DRIFT))
        assert not [text for text in session.messages if text.startswith("shutdown")]
    lateness = []
    for oid, pin in enumerate(pins):
        rising = [cycle for cycle, name, level in session.edges if name == pin and level]
        assert len(rising) == count
        step = interval + oid * DRIFT
        lateness.append([cycle - start - step * (index + 1) for index, cycle in enumerate(rising)])
    return lateness


def jitter(target: Target, seconds: float = 1.0) -> tuple[float, int, int]:
    """Mean, 99th percentile and largest distance in cycles from the earliest step, over all three steppers."""
    late = sorted(cycles for one in edges_of_drifting_steppers(target, seconds) for cycles in one)
    return sum(late) / len(late) - late[0], late[len(late) * 99 // 100] - late[0], late[-1] - late[0]


def command_cycles(target: Target, command: str) -> float:
    """Marginal cycles of one more such command in a frame, from the load report's sum.

    Its bytes' interrupts while tasks run are part of it.
    """
    session, _ = steppers(target, 1)
    with session.chip:
        session.send(f"reset_step_clock oid=0 clock={session.clock() + target.frequency * 20}")
        sums = []
        for copies in (1, 4):
            data = b""
            number = session.number
            for _ in range(FRAMES):
                data += frame(number, session.encode(*[command] * copies))
                number = (number + 1) % 16
            session.messages.clear()
            session.run(6 * target.frequency)
            session.messages.clear()
            session.chip.receive(data)
            session.number = number
            session.run(int(5.2 * target.frequency))
            stats = [text for text in session.messages if text.startswith("stats")]
            sums.append(max(int(match[1]) for text in stats if (match := re.search(r"sum=(\d+)", text))))
        return (sums[1] - sums[0]) / (3 * FRAMES)


def sizes(target: Target) -> tuple[int, int]:
    """Bytes of flash and of RAM."""
    done = subprocess.run(["avr-size", str(firmware(target))], capture_output=True, text=True, check=True)
    text, data, bss = map(int, re.findall(r"\d+", done.stdout.splitlines()[1])[:3])
    return text + data, data + bss


COMMANDS = (
    "debug_nop",
    "set_next_step_dir oid=0 dir=1",
    "queue_step oid=0 interval=1000 count=1 add=0",
)


def main() -> None:
    """Print the table."""
    target = Target(
        sys.argv[1] if len(sys.argv) > 1 else "atmega2560",
        int(sys.argv[2]) if len(sys.argv) > 2 else 16_000_000,
    )
    for command in COMMANDS:
        print(f"{target.chip}\t{command}\t{command_cycles(target, command):.0f} cycles", flush=True)
    mean, most, worst = jitter(target)
    microseconds = worst * 1e6 / target.frequency
    print(
        f"{target.chip}\tstep edges, 3 x 10k drifting\t{mean:.0f} {most} {worst} cycles, {microseconds:.0f} us"
    )
    flash, ram = sizes(target)
    print(f"{target.chip}\tflash, RAM\t{flash} {ram} bytes")


if __name__ == "__main__":
    main()
