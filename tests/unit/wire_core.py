"""The C of the wire alone, compiled for the tests: they run whatever state the rest of the core is in."""

import importlib.util
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from cffi import FFI
from hypothesis import settings

from klipkit.core_build import FLAGS, declarations
from tests.reference import TOP

WIRE = TOP / "klipkit" / "wire"
untimed = settings(deadline=None)  # no law depends on the speed of the computer


@cache
def wire_core() -> Any:
    """The compiled module with `ffi` and `lib`; its folder goes when the tests end."""
    folder = tempfile.TemporaryDirectory(prefix="klipkit-wire-")
    headers = sorted(WIRE.glob("*.h"))
    ffi = FFI()
    for header in headers:
        ffi.cdef(declarations(header))
    ffi.set_source(
        "wire_core_tested",
        "\n".join(f'#include "klipkit/wire/{header.name}"' for header in headers),
        sources=[str(path) for path in sorted(WIRE.glob("*.c"))],
        include_dirs=[str(TOP)],
        extra_compile_args=[flag for flag in FLAGS if flag not in ("-O3", "-flto")]
        + ["-O0", "-Werror", "-Wno-unused-parameter"],
        libraries=["m"],
    )
    path = Path(ffi.compile(tmpdir=folder.name))
    spec = importlib.util.spec_from_file_location("wire_core_tested", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.folder = folder  # type: ignore[attr-defined]  # kept until the module goes
    return module


def encoded(value: int) -> bytes:
    """vlq_encode."""
    core = wire_core()
    out = core.ffi.new("uint8_t[8]")
    return bytes(out[0 : core.lib.vlq_encode(out, value)])


def decoded(data: bytes) -> tuple[int, int]:
    """vlq_decode: value and bytes used, (0, 0) for none."""
    core = wire_core()
    value = core.ffi.new("uint32_t *")
    used = core.lib.vlq_decode(data, len(data), value)
    return (value[0], used) if used else (0, 0)


def sealed(payload: bytes, seq: int) -> bytes:
    """frame_seal."""
    core = wire_core()
    frame = core.ffi.new("uint8_t[64]", b"\0\0" + payload)
    return bytes(frame[0 : core.lib.frame_seal(frame, len(payload), seq)])


class Decoder:
    """frame_decode over one stream."""

    def __init__(self) -> None:
        self.core = wire_core()
        self.state = self.core.ffi.new("struct frame_decoder *")

    def frames(self, data: bytes) -> list[bytes]:
        """The frames that end in these bytes."""
        found: list[bytes] = []
        used = self.core.ffi.new("size_t *")
        while length := self.core.lib.frame_decode(self.state, data, len(data), used):
            data = data[used[0] :]
            found.append(bytes(self.state.bytes[0:length]))
        assert used[0] == len(data)
        return found

    @property
    def invalid(self) -> int:
        """Bytes discarded so far."""
        return int(self.state.invalid)
