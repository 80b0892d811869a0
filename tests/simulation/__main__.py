"""Histories from random seeds, for a while: `python -m tests.simulation [seconds [seed]]`."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path
from random import Random

from tests.simulation.history import History, Wrong


def main(words: list[str]) -> int:
    seconds = float(words[0]) if words else 60.0
    first = words[1] if len(words) > 1 else ""
    folder = Path(tempfile.mkdtemp(prefix="nearkeep-simulation-"))
    deadline = time.monotonic() + seconds
    count = 0
    try:
        while time.monotonic() < deadline:
            seed = first or str(Random().getrandbits(40))
            count += 1
            shutil.rmtree(folder, ignore_errors=True)
            history = History(seed, folder, ("everysec", "always", "no")[sum(map(ord, seed)) % 3])
            try:
                history.live()
            except Wrong as wrong:
                print("\n".join(history.said))
                print(f"seed {seed}: {wrong}")
                return 1
            if first:
                print("\n".join(history.said))
                break
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{count} histories, nothing wrong")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
