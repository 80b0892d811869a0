"""The shortest sequence that still shows a difference: first fewer commands, then simpler ones."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from tests.oracle.family import Sequence
from tests.oracle.stage import Difference

Play = Callable[[Sequence], Difference | None]

MOST_PLAYS = 400
MOST_SECONDS = 15.0  # where replies fail to come, each play takes its time
SIMPLEST = (b"a", b"1", b"x")


def shrink(play: Play, sequence: Sequence, difference: Difference) -> tuple[Sequence, Difference]:
    """A sequence from which nothing can be taken, that differs in the same way."""
    plays, deadline = 0, time.monotonic() + MOST_SECONDS
    changed = True
    while changed:
        changed = False
        for candidate in _simpler(sequence[: difference.index + 1]):
            plays += 1
            if plays > MOST_PLAYS or time.monotonic() > deadline:
                return sequence, difference
            found = play(candidate)
            if found and found.signature == difference.signature:
                sequence, difference, changed = candidate, found, True
                break
    return sequence, difference


def _simpler(sequence: Sequence) -> Iterator[Sequence]:
    """Candidates, from the boldest cut to the smallest."""
    size = len(sequence)
    for part in (size // 2, size // 4, 1):
        if part:
            for start in range(0, size, part):
                yield sequence[:start] + sequence[start + part :]
    for spot, (client, command) in enumerate(sequence):
        before, after = sequence[:spot], sequence[spot + 1 :]
        for place in range(len(command) - 1, 0, -1):
            yield (*before, (client, command[:place] + command[place + 1 :]), *after)
        if client:
            yield (*before, (0, command), *after)
        for place in range(1, len(command)):
            for simple in SIMPLEST:
                if command[place] == simple:
                    break
                if not command[place].isupper():
                    replaced = (*command[:place], simple, *command[place + 1 :])
                    yield (*before, (client, replaced), *after)
