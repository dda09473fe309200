"""How every test runs: generated input without deadlines (machines are noisy), the same in CI at each run."""

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "spaces",
    deadline=None,
    derandomize=os.environ.get("CI") == "true",
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("spaces")
