"""How hard the generated tests try.

    pytest                                  profile `dev`: quick, new sequences in every run
    CI=1 pytest                             profile `ci`: the same sequences in every run
    pytest --hypothesis-profile=long        for a night

The oracle, which draws its sequences itself, follows the same profiles (tests/oracle/test_families.py).
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

SLOW_MACHINES_ARE_NO_BUG = [HealthCheck.too_slow]

settings.register_profile(
    "dev", max_examples=60, deadline=None, suppress_health_check=SLOW_MACHINES_ARE_NO_BUG
)
settings.register_profile(
    "ci",
    max_examples=150,
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=SLOW_MACHINES_ARE_NO_BUG,
)
settings.register_profile(
    "long", max_examples=5000, deadline=None, suppress_health_check=SLOW_MACHINES_ARE_NO_BUG
)
settings.load_profile("ci" if os.environ.get("CI") else "dev")
