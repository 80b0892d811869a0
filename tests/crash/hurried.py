"""`nearkeep serve` with checkpoints many times a second, and segments of a few kilobytes."""

import sys

from nearkeep.cli.serve import serve
from nearkeep.tiers import pipeline, store

store.LOOK = 0.005  # type: ignore[misc]
store.INTERVAL = 0.02  # type: ignore[misc]
pipeline.SEGMENT = 20_000  # type: ignore[misc]
pipeline.SHORT = 5_000  # type: ignore[misc]

raise SystemExit(serve(sys.argv[1:]))
