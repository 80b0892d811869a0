from __future__ import annotations

import pytest

from nearkeep.engine.syntax import UNBOUNDED, Argument, parse_syntax, total_words


def only(line: str) -> Argument:
    """The single argument of a command X."""
    _, arguments = parse_syntax(f"X {line}")
    assert len(arguments) == 1
    return arguments[0]


@pytest.mark.parametrize(
    ("line", "name", "kind", "display", "token"),
    (
        ("key", "key", "key", "key", None),
        ("value", "value", "string", "value", None),
        ("count:integer", "count", "integer", "count", None),
        ("from=key:key", "from", "key", "key", None),
        ("addr=ip:port", "addr", "string", "ip:port", None),
        ("(NX)", "nx", "pure-token", "nx", "NX"),
        ("change=CH", "change", "pure-token", "change", "CH"),
        ("any=*", "any", "pure-token", "any", "*"),
        ("equal==", "equal", "pure-token", "equal", "="),
        ('empty=""', "empty", "pure-token", "empty", ""),
        ("(EX seconds:integer)", "seconds", "integer", "seconds", "EX"),
        ("(LIMIT (offset count))", "limit", "block", "limit", "LIMIT"),
        ("(TO target=(host port))", "target", "block", "target", "TO"),
        ("end=(LEFT | RIGHT)", "end", "oneof", "end", None),
    ),
)
def test_an_argument_has_the_parts_its_notation_says(
    line: str, name: str, kind: str, display: str, token: str | None
) -> None:
    argument = only(line)
    assert (argument.name, argument.kind, argument.display, argument.token) == (
        name, kind, display, token,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("line", "flags"),
    (
        ("key", []),
        ("[key]", ["optional"]),
        ("key ...", ["multiple"]),
        ("[key ...]", ["optional", "multiple"]),
        ("[GET pattern:pattern] ...", ["optional", "multiple", "multiple_token"]),
    ),
)
def test_brackets_and_dots_become_flags(line: str, flags: list[str]) -> None:
    assert only(line).flag_names() == flags


@pytest.mark.parametrize(
    ("line", "words", "shown"),
    (
        ("key", (1, 1), "key"),
        ("[key ...]", (0, UNBOUNDED), "[key [key ...]]"),
        ("(WEIGHTS weight:integer ...)", (2, UNBOUNDED), "WEIGHTS weight [weight ...]"),
        ("[GET pattern:pattern] ...", (0, UNBOUNDED), "[GET pattern [GET pattern ...]]"),
        ("data=(field value) ...", (2, UNBOUNDED), "field value [field value ...]"),
        ("at=(a | b=(c d))", (1, 2), "<a | c d>"),
        ("[at=(EX seconds | KEEPTTL)]", (0, 2), "[EX seconds | KEEPTTL]"),
        ("[AGGREGATE (SUM | MIN)]", (0, 2), "[AGGREGATE <SUM | MIN>]"),
        ("[LIMIT (offset count [more])]", (0, 4), "[LIMIT offset count [more]]"),
        ('empty=""', (1, 1), '""'),
        ("by=pattern:pattern", (1, 1), "pattern"),
    ),
)
def test_words_and_documentation_line_follow_from_the_notation(
    line: str, words: tuple[int, int], shown: str
) -> None:
    name, arguments = parse_syntax(f"x {line}")
    assert name == ["x"]
    assert total_words(arguments) == words
    assert " ".join(argument.notation() for argument in arguments) == shown


def test_two_words_in_capitals_are_a_subcommand() -> None:
    assert parse_syntax("CONFIG GET parameter ...")[0] == ["CONFIG", "GET"]


def test_a_token_in_parentheses_is_no_subcommand() -> None:
    name, arguments = parse_syntax("XREADGROUP (GROUP group-block=(group consumer))")
    assert name == ["XREADGROUP"]
    assert (arguments[0].token, arguments[0].name) == ("GROUP", "group-block")


def test_keys_belong_to_one_specification_after_the_other() -> None:
    _, arguments = parse_syntax("X destination:key key ... [BY by:pattern@2] other:key@1")
    assert [argument.key_spec for argument in arguments] == [0, 1, 2, 1]


def test_what_is_no_key_belongs_to_no_specification() -> None:
    assert only("value").key_spec == -1


@pytest.mark.parametrize("line", ("[key", "x=(a | b", "key ]", "x=(a b | c)", "x="))
def test_a_malformed_line_is_refused_by_name(line: str) -> None:
    with pytest.raises(ValueError, match="syntax line 'X"):
        parse_syntax(f"X {line}")
