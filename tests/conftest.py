"""Settings of all tests: hypothesis has no deadline, and in CI tries the same examples each time."""

import os

from hypothesis import settings

settings.register_profile("klipkit", deadline=None, derandomize=bool(os.environ.get("CI")), print_blob=True)
settings.load_profile("klipkit")
