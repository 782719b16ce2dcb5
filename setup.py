"""The part of packaging that setup.cfg cannot say: the C core, and the firmware sources inside the package."""

import shutil
import subprocess
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildPackage(build_py):
    """Copies firmware/ to klipkit/firmware in what is built; a checkout uses its own firmware/ as it stands."""

    def run(self) -> None:
        """Build the package, then lay the firmware sources beside it (not in editable installs)."""
        super().run()
        if not getattr(self, "editable_mode", False):
            target = Path(self.build_lib) / "klipkit" / "firmware"
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree("firmware", target, ignore=shutil.ignore_patterns("build", "*.o", ".config"))
            (target / "VERSION").write_text(version(self.distribution.get_version()) + "\n")


def version(released: str) -> str:
    """The version of the firmware's sources: that of the repository, or of the release where there is none."""
    if not Path(".git").exists():
        return released
    command = ["git", "describe", "--always", "--tags", "--long", "--dirty"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or released


setup(cffi_modules=["klipkit/core_build.py:ffibuilder"], cmdclass={"build_py": BuildPackage})
