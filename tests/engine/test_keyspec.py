from __future__ import annotations

import pytest

from nearkeep.engine.keyspec import ACCESS, DELETE, RM, RO, parse_key_specs

ARGS = b"CMD a b c d e".split()


@pytest.mark.parametrize(
    ("spec", "indices"),
    (
        ("1 RO", [1]),
        ("2 RO", [2]),
        ("1..-1 RO", [1, 2, 3, 4, 5]),
        ("1..-2 RO", [1, 2, 3, 4]),
        ("1..2 RO", [1, 2]),
        ("1..-1/2 RO", [1, 3, 5]),
        ("A@1 RO", [2]),
        ("D@2..-1 RO", [5]),
        ("C@-1..-1 RO", [4, 5]),
        ("B@1..-1%2 RO", [3]),
        ("NOWHERE@1 RO", []),
        ("D@5 RO", []),
        ("9 RO", None),
        ("? RO", None),
        ("1 numkeys RO", None),
    ),
)
def test_keys_are_found_where_the_specification_says(spec: str, indices: list[int] | None) -> None:
    (one,) = parse_key_specs(spec)
    found = one.keys(ARGS)
    assert (None if found is None else [index for index, _ in found]) == indices


@pytest.mark.parametrize(
    ("words", "indices"),
    (
        (b"CMD 1 a b", [2]),
        (b"CMD 2 a b", [2, 3]),
        (b"CMD 3 a b", None),
        (b"CMD 0 a b", None),
        (b"CMD -1 a b", None),
        (b"CMD 99999999999999999999 a", None),
        (b"CMD", None),
    ),
)
def test_the_count_before_the_keys_says_how_many_there_are(
    words: bytes, indices: list[int] | None
) -> None:
    (one,) = parse_key_specs("1 numkeys RO")
    found = one.keys(words.split())
    assert (None if found is None else [index for index, _ in found]) == indices


def test_keys_carry_the_flags_of_their_specification() -> None:
    first, second = parse_key_specs("1 RO access; 2..-1 RM delete")
    assert first.keys(ARGS) == [(1, RO | ACCESS)]
    assert second.flags == RM | DELETE


@pytest.mark.parametrize("spec", ("x RO", "1 WRONG", "numkeys RO", "1.. RO"))
def test_a_malformed_specification_is_refused(spec: str) -> None:
    with pytest.raises(ValueError, match=r"key specification|not in tuple"):
        parse_key_specs(spec)
