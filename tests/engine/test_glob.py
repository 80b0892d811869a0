"""Globs against a plain recursive definition."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearkeep.engine.glob import is_literal, longest_prefix, matches


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        (b"", b"", True),
        (b"*", b"", False),  # as in Redis: to match an empty text takes an empty pattern
        (b"", b"a", False),
        (b"h?llo", b"hello", True),
        (b"h*llo", b"heeeello", True),
        (b"h[ae]llo", b"hallo", True),
        (b"h[ae]llo", b"hillo", False),
        (b"h[^e]llo", b"hallo", True),
        (b"h[^e]llo", b"hello", False),
        (b"h[a-b]llo", b"hbllo", True),
        (b"h[b-a]llo", b"hbllo", True),
        (rb"h\?llo", b"h?llo", True),
        (rb"h\?llo", b"hello", False),
        (rb"[\]]", b"]", True),
        (rb"[a\-z]", b"-", True),
        (b"[a", b"a", True),
        (b"a*b*c", b"a1b2b3c", True),
        (b"a*b*c", b"a1b2b3", False),
        (b"*.txt", b"a.txt", True),
        (b"\\", b"\\", True),
        (b"ab", b"a", False),
        (b"a**", b"a", True),
    ],
)
def test_patterns_match_as_documented(pattern: bytes, text: bytes, expected: bool) -> None:
    assert matches(pattern, text) is expected


def plain(pattern: bytes, text: bytes) -> bool:
    return (not pattern and not text) or (bool(text) and rest(pattern, text))


def rest(pattern: bytes, text: bytes) -> bool:
    if not pattern:
        return not text
    if pattern[:1] == b"*":
        return rest(pattern[1:], text) or (bool(text) and rest(pattern, text[1:]))
    return bool(text) and pattern[:1] in (b"?", text[:1]) and rest(pattern[1:], text[1:])


@given(st.text("ab*?", max_size=8), st.text("ab", max_size=10))
def test_stars_and_questions_mean_what_they_mean(pattern: str, text: str) -> None:
    assert matches(pattern.encode(), text.encode()) == plain(pattern.encode(), text.encode())


def test_a_bomb_of_stars_costs_little() -> None:
    start = time.perf_counter()
    assert not matches(b"a*" * 50 + b"b", b"a" * 2000)
    assert time.perf_counter() - start < 2


def test_literals_and_prefixes() -> None:
    assert is_literal(b"user:1")
    assert not is_literal(b"user:*")
    assert longest_prefix(b"user:*:x") == b"user:"
    assert longest_prefix(b"user") == b"user"
