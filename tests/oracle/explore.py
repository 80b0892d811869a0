"""Look for differences in a family: draw, play, shrink, and go on past what is known already."""

from __future__ import annotations

import os
import time
from collections.abc import Collection
from dataclasses import dataclass
from random import Random

from tests.oracle.family import Family, Sequence
from tests.oracle.shrink import shrink
from tests.oracle.stage import Stage
from tests.oracle.transcript import transcript
from tests.servers import Server, Setting, start_nearkeep, start_redis, start_valkey

# Both servers refuse strings over 1 MB, so that offsets at the limit are tried at little cost, and
# leave the compact encodings early, so that short sequences see both.
SETTINGS: dict[str, Setting] = {
    "proto_max_bulk_len": "1mb",
    "enable_debug_command": True,
    "hash_max_listpack_entries": 8,
    "list_max_listpack_size": 8,
    "set_max_intset_entries": 8,
    "set_max_listpack_entries": 8,
    "zset_max_listpack_entries": 8,
}
MOST_KNOWN_PER_SEQUENCE = 12
OVERTIME = 10.0  # seconds, for the sequence at hand


@dataclass(frozen=True)
class Finding:
    """One distinct difference. `label` draws the sequence again: family, seed and number."""

    label: str
    signature: tuple[str, str, str]
    transcript: str


def start_oracle(**settings: Setting) -> Server:
    """The server that is right by definition."""
    return start_redis("8.2.3", **SETTINGS, **settings)


def start_subject(**settings: Setting) -> Server:
    """The server on trial: Nearkeep, or for a trial of the trial what NEARKEEP_TEST_SUBJECT names."""
    match os.environ.get("NEARKEEP_TEST_SUBJECT", "nearkeep"):
        case "valkey":
            return start_valkey(**SETTINGS, **settings)
        case "redis-7.0":
            return start_redis("7.0", **SETTINGS, **settings)
        case "redis":
            return start_oracle(**settings)
        case _:
            return start_nearkeep(http=False, **SETTINGS, **settings)


def explore(
    stage: Stage,
    family: Family,
    *,
    seed: int | str,
    sequences: int,
    seconds: float = float("inf"),
    most: int = 1000,
    known: Collection[tuple[str, str, str]] = (),
) -> list[Finding]:
    """The distinct differences among that many sequences, at most `most` of them."""
    findings: list[Finding] = []
    seen = set(known)
    source = family.source(stage.knows(family.names | family.other_names))
    if not source.commands:
        return findings
    deadline = time.monotonic() + seconds
    for number in range(sequences):
        if len(findings) >= most or time.monotonic() > deadline:
            break
        sequence = source.draw(Random(f"{seed}/{family.name}/{number}"))
        for _ in range(MOST_KNOWN_PER_SEQUENCE):
            difference = stage.play(family, sequence)
            if difference is None or time.monotonic() > deadline + OVERTIME:
                break
            if difference.signature not in seen:
                seen.add(difference.signature)
                short, smallest = shrink(
                    lambda candidate: stage.play(family, candidate), sequence, difference
                )
                label = f"{family.name} RESP{stage.protocol} seed {seed} sequence {number}"
                findings.append(
                    Finding(label, smallest.signature, transcript(short, smallest, stage.protocol))
                )
            if difference.index >= len(sequence):
                break
            sequence = _without(sequence, difference.index)
    return findings


def _without(sequence: Sequence, index: int) -> Sequence:
    return sequence[:index] + sequence[index + 1 :]
