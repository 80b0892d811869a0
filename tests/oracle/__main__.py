"""Every distinct difference between the two servers, as Markdown.

python -m tests.oracle                        all families
python -m tests.oracle strings -n 2000        some, with more sequences
"""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import closing
from random import SystemRandom

from tests.oracle.explore import explore, start_oracle, start_subject
from tests.oracle.family import all_families
from tests.oracle.stage import Stage
from tests.servers import running


def main() -> int:
    families = all_families()
    arguments = argparse.ArgumentParser(prog="python -m tests.oracle", description=__doc__)
    arguments.add_argument("family", nargs="*", help=f"one of {', '.join(families)}")
    arguments.add_argument("-n", "--sequences", type=int, default=300, help="per protocol")
    arguments.add_argument("-t", "--seconds", type=float, default=30, help="at most, per protocol")
    arguments.add_argument("--seed", default=str(SystemRandom().randrange(10**9)))
    chosen = arguments.parse_args()
    total = 0
    with running(start_oracle(), start_subject()) as (theirs, ours):
        for name in chosen.family or families:
            family = families[name]
            seen: set[tuple[str, str, str]] = set()
            missing: set[str] = set()
            began = time.monotonic()
            print(f"## {name}\n", flush=True)
            for protocol in (2, 3):
                with closing(Stage(theirs, ours, protocol)) as stage:
                    missing |= family.names - stage.knows(family.names)
                    findings = explore(
                        stage,
                        family,
                        seed=chosen.seed,
                        sequences=chosen.sequences,
                        seconds=chosen.seconds,
                        known=seen,
                    )
                for finding in findings:
                    seen.add(finding.signature)
                    print(f"{finding.label}\n\n```\n{finding.transcript}\n```\n", flush=True)
            total += len(seen)
            if missing:
                print(f"not there yet: {', '.join(sorted(missing))}\n")
            print(f"{len(seen)} differences, {time.monotonic() - began:.1f} s\n", flush=True)
    return 1 if total else 0


sys.exit(main())
