"""What is to be seen of an MCU: its version and constants, its load, and how its link does.

The firmware reports each 5 s how many passes its tasks made, the ticks these took, and the sum of their squares over
256 (firmware/core/stats.c); names and meanings of the values are those of the dialect's status and log.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

REPORT = 5.0  # s between reports
SQUARE_BASE = 256  # of stock firmware without the constant STATS_SUMSQ_BASE


@dataclass(frozen=True, slots=True)
class Load:
    """The load of the microcontroller over the last report."""

    mcu_awake: float = 0.0  # share of the time in which it was busy
    mcu_task_avg: float = 0.0  # s for a pass over the tasks
    mcu_task_stddev: float = 0.0  # s


@dataclass(frozen=True, slots=True)
class LastStats(Load):
    """The load, the link since it was opened, and the clock."""

    bytes_write: int = 0
    bytes_read: int = 0
    bytes_retransmit: int = 0
    bytes_invalid: int = 0
    send_seq: int = 0
    receive_seq: int = 0
    retransmit_seq: int = 0
    srtt: float = 0.0  # s: round trip, smoothed
    rttvar: float = 0.0  # s
    rto: float = 0.0  # s until a frame is repeated
    ready_bytes: int = 0  # queued, may leave
    upcoming_bytes: int = 0  # queued, for later
    freq: int = 0  # Hz of its clock, as measured by the host's
    adj: int = 0  # Hz by which it is driven: over print time

    def line(self, name: str) -> str:
        """One MCU's part of the line of statistics in the log."""
        values = " ".join(f"{key}={_shown(key, value)}" for key, value in asdict(self).items())
        return f"{name}: {values}"


@dataclass(frozen=True, slots=True)
class McuStatus:
    """The status object `mcu`, `mcu NAME`."""

    mcu_version: str
    mcu_build_versions: str
    mcu_constants: Mapping[str, int | str]
    last_stats: LastStats


def load_of(count: int, total: int, squares: int, frequency: float, base: int = SQUARE_BASE) -> Load:
    """The load from one report: passes, their ticks, the sum of their squares over `base`."""
    if count <= 0:
        return Load()
    mean = total / count
    variance = max(0.0, squares * base / count - mean**2)
    return Load(total / (frequency * REPORT), mean / frequency, math.sqrt(variance) / frequency)


def last_stats(load: Load, session: Any, frequency: float, adjusted: float) -> LastStats:
    """Load and link (struct session_stats) together; frequencies in Hz."""
    return LastStats(
        mcu_awake=load.mcu_awake,
        mcu_task_avg=load.mcu_task_avg,
        mcu_task_stddev=load.mcu_task_stddev,
        bytes_write=int(session.bytes_sent),
        bytes_read=int(session.bytes_received),
        bytes_retransmit=int(session.bytes_retransmitted),
        bytes_invalid=int(session.bytes_invalid),
        send_seq=int(session.send_seq),
        receive_seq=int(session.receive_seq),
        retransmit_seq=int(session.retransmit_seq),
        srtt=float(session.round_trip),
        rttvar=float(session.deviation),
        rto=float(session.retransmit_after),
        ready_bytes=int(session.ready_bytes),
        upcoming_bytes=int(session.upcoming_bytes),
        freq=round(frequency),
        adj=round(adjusted),
    )


def _shown(key: str, value: float) -> str:
    if isinstance(value, int):
        return str(value)
    return f"{value:.6f}" if key.startswith("mcu_task") else f"{value:.3f}"
