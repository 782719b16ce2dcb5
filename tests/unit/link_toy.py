"""A toy MCU for tests of real links: answers frames on a file descriptor, in a thread of its own."""

import os
import socket
import threading

from klipkit._core import ffi, lib

SYNC = 0x7E


def frame(seq: int, payload: bytes) -> bytes:
    """A frame of the MCU protocol (Protocol.md, "Message blocks")."""
    head = bytes([len(payload) + 5, 0x10 | (seq & 15)]) + payload
    return head + int(lib.crc16(ffi.from_buffer(head), len(head))).to_bytes(2, "big") + bytes([SYNC])


class ToyMcu:
    """Reads frames from `descriptor` (the master side of a pty), answers each with its payload reversed and an ack.

    A frame with an unexpected number is refused with an empty frame, as firmware does. Ends when the descriptor does.
    """

    def __init__(self, descriptor: int, next_seq: int = 0) -> None:
        self._descriptor = descriptor
        self._next_seq = next_seq
        self._bytes = b""
        self.executed: list[bytes] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def unplug(self) -> None:
        """Close the descriptor: the other side is hung up."""
        os.close(self._descriptor)

    def hang_up(self) -> None:
        """End the connection of a socket, also for a thread that reads from it."""
        with socket.socket(fileno=os.dup(self._descriptor)) as connection:
            connection.shutdown(socket.SHUT_RDWR)

    def _serve(self) -> None:
        try:
            while data := os.read(self._descriptor, 4096):
                self._bytes += data
                self._take_frames()
        except OSError:
            return

    def _take_frames(self) -> None:
        while self._bytes:
            length = self._bytes[0]
            if not 5 <= length <= 64:
                self._bytes = self._bytes[1:]
                continue
            if len(self._bytes) < length:
                return
            self._execute(self._bytes[:length])
            self._bytes = self._bytes[length:]

    def _execute(self, received: bytes) -> None:
        assert received == frame(received[1], received[2:-3]), "the host sent a damaged frame"
        if received[1] & 15 == self._next_seq:
            self._next_seq = (self._next_seq + 1) & 15
            payload = received[2:-3]
            self.executed.append(payload)
            os.write(self._descriptor, frame(self._next_seq, payload[::-1]))
        os.write(self._descriptor, frame(self._next_seq, b""))
