"""Where the reference data is that tests compare with: the folder shared/reference beside the checkout."""

import os
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent


def reference_path(name: str) -> Path:
    """A file or folder of the reference data; KLIPKIT_REFERENCE moves it. Missing data fails the test."""
    root = Path(os.environ.get("KLIPKIT_REFERENCE", TOP.parent / "shared" / "reference"))
    path = root / name
    assert path.exists(), f"reference data is missing: {path} (set KLIPKIT_REFERENCE)"
    return path
