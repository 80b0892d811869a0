"""Every family of commands answers as redis-server 8.2.3 does, in RESP2 and in RESP3.

How many sequences: three for each example of the hypothesis profile in force (tests/conftest.py), and the
same ones in every run where that profile is derandomized. A failure names what draws its sequence
again; `python -m tests.oracle <family>` lists all differences instead of the first few.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from random import SystemRandom

import pytest
from hypothesis import settings

from tests.oracle.explore import explore, start_oracle, start_subject
from tests.oracle.family import Family, all_families
from tests.oracle.stage import Stage
from tests.servers import Server, running

FAMILIES = all_families()
MOST_FINDINGS = 5
SEQUENCES_PER_EXAMPLE = 3


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Server, ...]]:
    with running(start_oracle(), start_subject()) as both:
        yield both


@pytest.fixture(scope="module", params=[2, 3], ids=["RESP2", "RESP3"])
def stage(servers: tuple[Server, ...], request: pytest.FixtureRequest) -> Iterator[Stage]:
    theirs, ours = servers
    with closing(Stage(theirs, ours, request.param)) as stage:
        yield stage


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_every_reply_is_that_of_redis(stage: Stage, family: Family) -> None:
    profile = settings()
    findings = explore(
        stage,
        family,
        seed=0 if profile.derandomize else SystemRandom().randrange(10**9),
        sequences=profile.max_examples * SEQUENCES_PER_EXAMPLE,
        most=MOST_FINDINGS,
    )
    report = "\n\n".join(f"{finding.label}\n{finding.transcript}" for finding in findings)
    assert not findings, f"\n{report}"


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_every_command_is_there(stage: Stage, family: Family) -> None:
    missing = sorted(family.names - stage.knows(family.names))
    assert not missing
