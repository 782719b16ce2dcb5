"""The AVR firmware behind a pty, in real time."""

import os
import select
import subprocess
import time
from pathlib import Path

from klipkit.sim.avr.runner import build
from tests.bench.avr_session import BAUD, BUILD, Target, firmware
from tests.unit.firmware_surround import IDENTIFY, SYNC, frame, split_frames, vlq

PATIENCE = 20  # s: a guard, far above what an answer takes


def test_a_host_at_the_pty_is_answered_and_the_link_goes_with_the_program(tmp_path: Path) -> None:
    target, link = Target(), tmp_path / "mcu"
    command = [
        str(build(BUILD)),
        target.chip,
        str(target.frequency),
        str(BAUD),
        str(firmware(target)),
        str(link),
    ]
    with subprocess.Popen(command) as process:
        limit = time.monotonic() + PATIENCE
        while not link.exists():
            assert time.monotonic() < limit
            time.sleep(0.01)
        port = os.open(link, os.O_RDWR | os.O_NOCTTY)
        request = frame(0, bytes([IDENTIFY]) + vlq(0) + vlq(40))
        data, asked = b"", False
        while not data.endswith(frame(1, b"")):
            if data.count(SYNC) == 1 and not asked:  # it has said that it is starting
                os.write(port, request)
                asked = True
            assert time.monotonic() < limit, data.hex()
            if select.select([port], [], [], 0.1)[0]:
                data += os.read(port, 1)
        os.close(port)
        process.terminate()
        assert process.wait(PATIENCE) == 0
    assert not link.exists()
    answers = [payload for _, payload in split_frames(data) if payload and payload[0] == 0]
    assert len(answers) == 1
    assert answers[0][2] == 40
