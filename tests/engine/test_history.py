"""Recent messages: what channels keep, and what a subscriber who comes back is told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearkeep.engine.history import MOST_RINGS, History
from nearkeep.engine.keyspace import Clock
from nearkeep.engine.settings import SettingError, Settings
from tests.engine.conftest import NOW


def history(*words: bytes) -> tuple[History, Clock]:
    clock = Clock()
    clock.ms = NOW
    made = History(clock)
    made.configure(list(words))
    return made, clock


def told(
    kept: History, id_: bytes, *channels: bytes, patterns: tuple[bytes, ...] = ()
) -> list[object]:
    """The messages after an id; a gap is told as `gap channel`."""
    found: list[object] = []
    for push in kept.since(id_, list(channels), list(patterns)):
        words = [item for item in push.items if isinstance(item, bytes)]
        found.append(b" ".join(words) if words[0] == b"gap" else words[-1])
    return found


def test_channels_keep_nothing_unless_a_rule_says_so() -> None:
    kept, _ = history(b"news*", b"10", b"0", b"0")
    assert kept.keep(b"other", b"x") == b""
    assert kept.keep(b"news", b"x") == b"%d-1" % NOW


def test_what_came_after_an_id_is_given_in_order() -> None:
    kept, _ = history(b"*", b"10", b"0", b"0")
    ids = [kept.keep(b"ab"[n % 2 : n % 2 + 1], b"%d" % n) for n in range(8)]
    assert told(kept, ids[2], b"a", b"b") == [b"3", b"4", b"5", b"6", b"7"]
    assert told(kept, ids[2], b"a") == [b"4", b"6"]
    assert told(kept, ids[2], patterns=(b"[ab]",)) == [b"3", b"4", b"5", b"6", b"7"]
    assert told(kept, ids[7], b"a", b"b") == []
    assert kept.position() == ids[7]


def test_what_is_beyond_count_size_or_age_leaves_a_gap() -> None:
    kept, clock = history(
        b"c*", b"3", b"0", b"0", b"s*", b"0", b"10", b"0", b"a*", b"0", b"0", b"60"
    )
    start = kept.position()
    for n in range(4):
        kept.keep(b"c", b"%d" % n)
        kept.keep(b"s", b"%04d" % n)
        kept.keep(b"a", b"%d" % n)
        clock.ms += 30_000
    assert told(kept, start, b"c") == [b"gap c", b"1", b"2", b"3"]
    assert told(kept, start, b"s") == [b"gap s", b"0002", b"0003"]
    assert told(kept, start, b"a") == [b"gap a", b"2", b"3"]
    assert told(kept, start, patterns=(b"[cs]",))[0] == b"gap [cs]"


def test_an_id_of_another_life_leaves_a_gap() -> None:
    kept, _ = history(b"*", b"10", b"0", b"0")
    kept.keep(b"c", b"x")
    for id_ in (b"1-1", b"", b"x", b"%d-9" % NOW, b"%d--1" % NOW):
        assert told(kept, id_, b"c") == [b"gap c", b"x"]


def test_a_channel_without_history_leaves_a_gap() -> None:
    kept, _ = history(b"news", b"10", b"0", b"0")
    assert told(kept, kept.position(), b"other") == [b"gap other"]
    assert told(kept, kept.position(), b"news") == []


def test_silent_channels_are_forgotten_and_that_is_known() -> None:
    kept, clock = history(b"*", b"0", b"0", b"60")
    start = kept.position()
    kept.keep(b"c", b"x")
    after = kept.position()
    clock.ms += 61_000
    kept.step(100)
    assert kept._rings == {}
    assert told(kept, start, b"c") == [b"gap c"]
    assert told(kept, after, b"c") == []
    assert told(kept, start, b"d") == []
    assert told(kept, start, patterns=(b"c*",)) == [b"gap c*"]
    kept.keep(b"c", b"y")
    assert told(kept, start, b"c") == [b"gap c", b"y"]
    assert told(kept, after, b"c") == [b"y"]


def test_only_so_many_channels_keep_messages() -> None:
    kept, _ = history(b"*", b"1", b"0", b"0")
    start = kept.position()
    for n in range(2 * MOST_RINGS + 5):
        kept.keep(b"%d" % n, b"x")
    assert len(kept._rings) == len(kept._past) == MOST_RINGS
    assert told(kept, start, b"0") == [b"gap 0"]
    assert told(kept, kept.position(), b"0") == []


@given(
    st.lists(st.tuples(st.sampled_from([b"a", b"b", b"c"]), st.integers(0, 40)), max_size=60),
    st.integers(0, 60),
)
def test_nothing_is_lost_without_a_gap(published: list[tuple[bytes, int]], left: int) -> None:
    kept, clock = history(b"a", b"3", b"0", b"0", b"b", b"0", b"60", b"0", b"c", b"0", b"0", b"30")
    ids = [kept.position()]
    for n, (channel, size) in enumerate(published):
        kept.keep(channel, b"%d:" % n + b"x" * size)
        clock.ms += 1000 * (n % 7)
        kept.step(2)
        ids.append(kept.position())
    left = min(left, len(published))
    for name in (b"a", b"b", b"c"):
        expected = [
            b"%d:" % n + b"x" * size
            for n, (c, size) in enumerate(published)
            if c == name and n >= left
        ]
        found = told(kept, ids[left], name)
        if b"gap " + name not in found:
            assert found == expected
        else:
            rest = [text for text in found if text != b"gap " + name]
            assert rest == expected[len(expected) - len(rest) :]


@pytest.mark.parametrize(
    "words", [[b"news"], [b"n", b"1", b"1"], [b"n", b"x", b"0", b"0"], [b"n", b"0", b"0", b"0"]]
)
def test_the_setting_says_what_is_wrong(words: list[bytes]) -> None:
    with pytest.raises((SettingError, ValueError)):
        Settings().set("channel-history", words)


def test_the_setting_is_shown_as_it_was_set() -> None:
    settings = Settings()
    settings.set("channel-history", b"news:* 100 1mb 3600".split())
    assert settings.text("channel-history") == b"news:* 100 1048576 3600"
