"""JSON: the replies, errors and examples of Redis' documentation, and what is told of changes."""

from __future__ import annotations

import json
import math
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearkeep.engine.values.json import Json, same
from nearkeep.engine.values.json_plain import dumps as plain_dumps
from nearkeep.engine.values.json_plain import loads as plain_loads
from nearkeep.engine.values.json_text import DEEPEST, Layout, depth, parse, text_of
from nearkeep.wire.reply import Failure, Reply, Status, encode
from tests.engine.conftest import Client, strings

NO_KEY = b"ERR could not perform this operation on a key that doesn't exist"
NO_PATH = b"ERR Path does not exist"
OK = Status(b"OK")

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 64) - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
trees = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def nested(levels: int, leaf: str = "") -> str:
    return "[" * levels + leaf + "]" * levels


def error(reply: Reply) -> bytes:
    assert isinstance(reply, Failure)
    return reply.message


def document(client: Client, key: str = "doc") -> Any:
    text = client("JSON.GET", key)
    return None if text is None else json.loads(strings([text])[0])


# The examples of https://redis.io/docs/latest/commands/?group=json: words, and what is answered.
EXAMPLES: dict[str, list[tuple[list[str], object]]] = {
    "SET replaces a value": [
        (["JSON.SET", "doc", "$", '{"a":2}'], OK),
        (["JSON.SET", "doc", "$.a", "3"], OK),
        (["JSON.GET", "doc", "$"], b'[{"a":3}]'),
    ],
    "SET adds a value": [
        (["JSON.SET", "doc", "$", '{"a":2}'], OK),
        (["JSON.SET", "doc", "$.b", "8"], OK),
        (["JSON.GET", "doc", "$"], b'[{"a":2,"b":8}]'),
    ],
    "SET updates several paths": [
        (["JSON.SET", "doc", "$", '{"f1": {"a":1}, "f2":{"a":2}}'], OK),
        (["JSON.SET", "doc", "$..a", "3"], OK),
        (["JSON.GET", "doc"], b'{"f1":{"a":3},"f2":{"a":3}}'),
    ],
    "SET can't create what has no parent": [
        (["JSON.SET", "doc", "$", "1"], OK),
        (["JSON.SET", "doc", "$.x.y", "2"], None),
    ],
    "SET with XX wants a key": [
        (["JSON.SET", "none", "$", "5", "XX"], None),
        (["JSON.GET", "none"], None),
    ],
    "SET begins with a root": [
        (["JSON.SET", "none", "$.x", "5"], b"ERR new objects must be created at the root"),
    ],
    "SET with FPHA": [
        (["JSON.SET", "doc", "$", "[[1,2,3,4e3],[5,6.0,7,8]]", "FPHA", "FP16"], OK),
        (["JSON.GET", "doc", "$"], b"[[[1.0,2.0,3.0,4000.0],[5.0,6.0,7.0,8.0]]]"),
    ],
    "GET": [
        (["JSON.SET", "doc", "$", '{"a":2, "b": 3, "nested": {"a": 4, "b": null}}'], OK),
        (["JSON.GET", "doc", "$..b"], b"[3,null]"),
        (["JSON.GET", "doc", "..a", "$..b"], b'{"..a":[2,4],"$..b":[3,null]}'),
        (["JSON.GET", "doc", ".a", ".b"], b'{".a":2,".b":3}'),
    ],
    "MGET": [
        (["JSON.SET", "doc1", "$", '{"a":1, "b": 2, "nested": {"a": 3}, "c": null}'], OK),
        (["JSON.SET", "doc2", "$", '{"a":4, "b": 5, "nested": {"a": 6}, "c": null}'], OK),
        (["JSON.MGET", "doc1", "doc2", "$..a"], [b"[1,3]", b"[4,6]"]),
        (["JSON.MGET", "doc1", "none", ".nope"], [None, None]),
    ],
    "MSET": [
        (["JSON.MSET", "doc1", "$", '{"a":1}', "doc2", "$", '{"f":{"a":2}}', "doc3", "$", "3"], OK),
        (["JSON.MSET", "doc1", "$", '{"a":2}', "doc2", "$.f.a", "3", "doc3", "$", "[]"], OK),
        (["JSON.MGET", "doc1", "doc2", "doc3", "$"], [b'[{"a":2}]', b'[{"f":{"a":3}}]', b"[[]]"]),
    ],
    "MERGE creates, replaces and deletes": [
        (["JSON.SET", "doc", "$", '{"a":2}'], OK),
        (["JSON.MERGE", "doc", "$.b", "8"], OK),
        (["JSON.GET", "doc", "$"], b'[{"a":2,"b":8}]'),
        (["JSON.MERGE", "doc", "$.a", "3"], OK),
        (["JSON.GET", "doc", "$"], b'[{"a":3,"b":8}]'),
        (["JSON.MERGE", "doc", "$", '{"a":null}'], OK),
        (["JSON.GET", "doc", "$"], b'[{"b":8}]'),
    ],
    "MERGE of arrays and several paths": [
        (["JSON.SET", "doc", "$", '{"a":[2,4,6,8]}'], OK),
        (["JSON.MERGE", "doc", "$.a", "[10,12]"], OK),
        (["JSON.GET", "doc", "$"], b'[{"a":[10,12]}]'),
        (["JSON.SET", "doc", "$", '{"f1": {"a":1}, "f2":{"a":2}}'], OK),
        (["JSON.MERGE", "doc", "$", '{"f1": null, "f2":{"a":3, "b":4}, "f3":[2,4,6]}'], OK),
        (["JSON.GET", "doc"], b'{"f2":{"a":3,"b":4},"f3":[2,4,6]}'),
    ],
    "DEL": [
        (["JSON.SET", "doc", "$", '{"a": 1, "nested": {"a": 2, "b": 3}}'], OK),
        (["JSON.DEL", "doc", "$..a"], 2),
        (["JSON.GET", "doc", "$"], b'[{"nested":{"b":3}}]'),
        (["JSON.FORGET", "doc"], 1),
        (["JSON.DEL", "doc"], 0),
    ],
    "CLEAR": [
        (
            ["JSON.SET", "doc", "$",
             '{"obj":{"a":1, "b":2}, "arr":[1,2,3], "str": "foo", "bool": true, "int": 42, '
             '"float": 3.14}'],
            OK,
        ),
        (["JSON.CLEAR", "doc", "$.*"], 4),
        (
            ["JSON.GET", "doc", "$"],
            b'[{"obj":{},"arr":[],"str":"foo","bool":true,"int":0,"float":0}]',
        ),
        (["JSON.CLEAR", "doc", "$.*"], 0),
    ],
    "TYPE": [
        (["JSON.SET", "doc", "$", '{"a":2, "nested": {"a": true}, "foo": "bar"}'], OK),
        (["JSON.TYPE", "doc", "$..foo"], [b"string"]),
        (["JSON.TYPE", "doc", "$..a"], [b"integer", b"boolean"]),
        (["JSON.TYPE", "doc", "$..dummy"], []),
        (["JSON.TYPE", "doc", ".nope"], None),
        (["JSON.TYPE", "none", "$"], None),
    ],
    "NUMINCRBY": [
        (["JSON.SET", "doc", ".", '{"a":"b","b":[{"a":2}, {"a":5}, {"a":"c"}]}'], OK),
        (["JSON.NUMINCRBY", "doc", "$.a", "2"], b"[null]"),
        (["JSON.NUMINCRBY", "doc", "$..a", "2"], b"[null,4,7,null]"),
        (["JSON.NUMINCRBY", "doc", ".b[0].a", "0.5"], b"4.5"),
    ],
    "NUMMULTBY": [
        (["JSON.SET", "doc", ".", '{"a":"b","b":[{"a":2}, {"a":5}, {"a":"c"}]}'], OK),
        (["JSON.NUMMULTBY", "doc", "$.a", "2"], b"[null]"),
        (["JSON.NUMMULTBY", "doc", "$..a", "2"], b"[null,4,10,null]"),
    ],
    "STRAPPEND": [
        (["JSON.SET", "doc", "$", '{"a":"foo", "nested": {"a": "hello"}, "nested2": {"a": 31}}'], OK),
        (["JSON.STRAPPEND", "doc", "$..a", '"baz"'], [6, 8, None]),
        (
            ["JSON.GET", "doc", "$"],
            b'[{"a":"foobaz","nested":{"a":"hellobaz"},"nested2":{"a":31}}]',
        ),
    ],
    "STRLEN": [
        (["JSON.SET", "doc", "$", '{"a":"foo", "nested": {"a": "hello"}, "nested2": {"a": 31}}'], OK),
        (["JSON.STRLEN", "doc", "$..a"], [3, 5, None]),
        (["JSON.SET", "doc", "$", '"hyvää"'], OK),
        (["JSON.STRLEN", "doc"], 7),
        (["JSON.STRLEN", "none"], None),
    ],
    "TOGGLE": [
        (["JSON.SET", "doc", "$", '{"bool": true}'], OK),
        (["JSON.TOGGLE", "doc", "$.bool"], [0]),
        (["JSON.GET", "doc", "$"], b'[{"bool":false}]'),
        (["JSON.TOGGLE", "doc", ".bool"], b"true"),
    ],
    "arrays": [
        (["JSON.SET", "item", "$", '{"price":99.98,"colors":["black","silver"]}'], OK),
        (["JSON.ARRAPPEND", "item", "$.colors", '"blue"'], [3]),
        (["JSON.ARRINSERT", "item", "$.colors", "2", '"yellow"', '"gold"'], [5]),
        (["JSON.GET", "item", "$.colors"], b'[["black","silver","yellow","gold","blue"]]'),
        (["JSON.ARRINDEX", "item", "$..colors", '"silver"'], [1]),
        (["JSON.ARRLEN", "item", "$..colors"], [5]),
        (["JSON.ARRTRIM", "item", "$.colors", "1", "2"], [2]),
        (["JSON.ARRPOP", "item", "$.colors", "0"], [b'"silver"']),
        (["JSON.GET", "item", "$.colors"], b'[["yellow"]]'),
    ],
    "ARRINDEX with a range": [
        (["JSON.SET", "item", "$", '{"a":[1,2,3,2], "nested": {"a": [3,4]}}'], OK),
        (["JSON.ARRINDEX", "item", "$..a", "2"], [1, -1]),
        (["JSON.ARRINDEX", "item", "$..a", "2", "2", "0"], [3, -1]),
        (["JSON.ARRINDEX", "item", "$.a", "2", "1", "0"], [1]),
        (["JSON.ARRINDEX", "item", "$.a", "2", "2", "-1"], [-1]),
        (["JSON.ARRINDEX", "item", ".a", "9"], -1),
    ],
    "ARRPOP of several": [
        (["JSON.SET", "doc", "$", '{"a":[3,4], "nested": {"a": {"b":[5]}}, "b": []}'], OK),
        (["JSON.ARRPOP", "doc", "$..b"], [None, b"5"]),
        (["JSON.ARRPOP", "doc", "$.*"], [b"4", None, None]),
        (["JSON.ARRPOP", "doc", ".a", "99"], b"3"),
        (["JSON.ARRPOP", "doc", ".a"], None),
    ],
    "ARRPOP of what is no array, at what is no index": [
        (["JSON.SET", "doc", "$", '{"s":"x","a":[1,2]}'], OK),
        (["JSON.ARRPOP", "doc", "$.*", '"abc"'], [None, b"2"]),
        (["JSON.ARRLEN", "doc", "$.*", "what is too much"], [None, 1]),
    ],
    "ARRINDEX of each type": [
        (
            ["JSON.SET", "doc", ".",
             '[{"arr":[0,1,3.0,3,2,1,0,3]},{"n":{"arr":[5,4,3,2,1,0,1,2,3.0,2,4,5]}},'
             '{"arr":"3"},[{"arr":[]}],{"arr":["a",null,{"b":[1]}]}]'],
            OK,
        ),
        (["JSON.ARRINDEX", "doc", "$..arr", "3"], [3, 2, None, -1, -1]),
        (["JSON.ARRINDEX", "doc", "$..arr", "3.0"], [2, 8, None, -1, -1]),
        (["JSON.ARRINDEX", "doc", "$..arr", "5", "7", "-1"], [-1, -1, None, -1, -1]),
        (["JSON.ARRINDEX", "doc", "$..arr", "5", "-5", "0"], [-1, 11, None, -1, -1]),
        (["JSON.ARRINDEX", "doc", "$..arr", "3", "99"], [7, -1, None, -1, -1]),
        (["JSON.ARRINDEX", "doc", "$..arr", "null"], [-1, -1, None, -1, 1]),
        (["JSON.ARRINDEX", "doc", "$..arr", '{"b":[1]}'], [-1, -1, None, -1, 2]),
    ],
    "OBJKEYS and OBJLEN": [
        (["JSON.SET", "doc", "$", '{"a":[3], "nested": {"a": {"b":2, "c": 1}}}'], OK),
        (["JSON.OBJKEYS", "doc", "$..a"], [None, [b"b", b"c"]]),
        (["JSON.OBJLEN", "doc", "$..a"], [None, 2]),
        (["JSON.OBJKEYS", "doc"], [b"a", b"nested"]),
        (["JSON.OBJLEN", "doc", "."], 2),
        (["JSON.OBJLEN", "doc", ".nope"], None),
        (["JSON.OBJKEYS", "none"], None),
    ],
    "RESP": [
        (["JSON.SET", "item", "$", '{"n":1,"f":1.5,"t":true,"z":null,"a":["x",{}]}'], OK),
        (
            ["JSON.RESP", "item"],
            [
                Status(b"{"), b"n", 1, b"f", 1.5, b"t", Status(b"true"), b"z", None,
                b"a", [Status(b"["), b"x", [Status(b"{")]],
            ],
        ),
        (["JSON.RESP", "item", "$.n"], [1]),
        (["JSON.RESP", "none"], None),
    ],
}  # fmt: skip


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_examples_of_the_documentation(client: Client, example: str) -> None:
    for words, expected in EXAMPLES[example]:
        reply = client(*words)
        assert (reply.message if isinstance(reply, Failure) else reply) == expected, words


# Words on a document, and the error.
DOCUMENT = '{"s":"x","n":9223372036854775807,"f":1.5,"a":[1],"o":{"k":1},"t":true}'
ERRORS: list[tuple[list[str], bytes]] = [
    (["JSON.GET", "doc", ".nope"], NO_PATH),
    (["JSON.GET", "doc", ".s", ".nope"], NO_PATH),
    (["JSON.SET", "doc", "$..nope", "1"], b"Err wrong static path"),
    (["JSON.SET", "doc", "$.a[7]", "1"], b"ERR array index out of range"),
    (["JSON.SET", "doc", "$", "1", "NX", "XX"], b"ERR syntax error"),
    (["JSON.SET", "doc", "$", "1", "WHAT"], b"ERR syntax error"),
    (["JSON.SET", "doc", "$", "[1.5]", "FPHA", "FP8"], b"ERR invalid FPHA type"),
    (["JSON.SET", "doc", "$", "[1e100,1]", "FPHA", "FP16"], b"value out of range for F16"),
    (["JSON.SET", "doc", "$", "[1e100,1]", "FPHA", "BF16"], b"value out of range for BF16"),
    (["JSON.SET", "doc", "$", "{"], b"EOF while parsing a value at line 1 column 1"),
    (["JSON.SET", "doc", "$", "nope"], b"expected value at line 1 column 1"),
    (["JSON.SET", "doc", "$", "1 2"], b"trailing characters at line 1 column 3"),
    (["JSON.SET", "doc", "$", '{"a":1,}'], b"key must be a string at line 1 column 8"),
    (["JSON.SET", "doc", "$", "NaN"], b"expected value at line 1 column 1"),
    (["JSON.SET", "doc", "$", "[Infinity]"], b"expected value at line 1 column 1"),
    (["JSON.SET", "doc", "$", "1e400"], b"number out of range"),
    (["JSON.SET", "doc", "$", '"\\ud800"'], b"lone surrogate in hex escape"),
    (["JSON.MERGE", "none", "$.a", "1"], b"ERR new objects must be created at the root"),
    (["JSON.MERGE", "doc", "$..nope", "1"], b"Err wrong static path"),
    (["JSON.MSET", "doc", "$", "1", "x"], b"ERR wrong number of arguments for 'json.mset' command"),
    (["JSON.MSET", "doc", "$", "1", "no", "$.a", "1"], b"ERR new objects must be created at the root"),
    (["JSON.NUMINCRBY", "none", "$", "1"], NO_KEY),
    (["JSON.NUMINCRBY", "doc", "$.n", "1"], b"ERR numeric overflow"),
    (["JSON.NUMMULTBY", "doc", "$.n", "2"], b"ERR numeric overflow"),
    (["JSON.NUMPOWBY", "doc", "$.n", "99999999999"], b"ERR numeric overflow"),
    (["JSON.NUMMULTBY", "doc", "$.f", "1e308"], b""),
    (["JSON.NUMPOWBY", "doc", "$.f", "1e308"], b"ERR result is not a number"),
    (["JSON.NUMINCRBY", "doc", "$.n", '"1"'], b"bad input number"),
    (["JSON.NUMINCRBY", "doc", ".s", "1"], b"ERR Path does not exist or does not contains a number"),
    (["JSON.STRAPPEND", "none", '"x"'], NO_KEY),
    (["JSON.STRAPPEND", "doc", ".n", '"x"'], b"ERR Path does not exist or not a string"),
    (["JSON.STRAPPEND", "doc", ".s", "1"], b"WRONGTYPE wrong type of path value - expected string"),
    (["JSON.STRLEN", "doc", ".n"], b"WRONGTYPE wrong type of path value - expected string"),
    (["JSON.STRLEN", "doc", ".nope"], NO_PATH),
    (["JSON.STRLEN", "none", "$"], NO_KEY),
    (["JSON.TOGGLE", "doc", ".n"], b"ERR Path does not exist or not a bool"),
    (["JSON.TOGGLE", "none", "$"], NO_KEY),
    (["JSON.CLEAR", "none", "$"], NO_KEY),
    (["JSON.ARRAPPEND", "doc", "1"], b"ERR wrong number of arguments for 'json.arrappend' command"),
    (["JSON.ARRAPPEND", "doc", ".s", "1"], b"ERR Path does not exist or not an array"),
    (["JSON.ARRAPPEND", "none", "$", "1"], NO_KEY),
    (["JSON.ARRINSERT", "doc", "$.a", "3", "1"], b"ERR index out of bounds"),
    (["JSON.ARRINSERT", "doc", "$.a", "-2", "1"], b"ERR index out of bounds"),
    (["JSON.ARRINSERT", "doc", "$.a", "x", "1"], b"ERR value is not an integer or out of range"),
    (["JSON.ARRINDEX", "none", "$", "1"], NO_PATH),
    (["JSON.ARRINDEX", "doc", ".s", "1"], b"WRONGTYPE wrong type of path value - expected array"),
    (["JSON.ARRLEN", "none", "$"], NO_KEY),
    (["JSON.ARRLEN", "doc", ".nope"], NO_PATH),
    (["JSON.ARRLEN", "doc", ".s"], b"ERR Path does not exist or not an array"),
    (["JSON.ARRPOP", "none"], NO_KEY),
    (["JSON.ARRTRIM", "doc", ".s", "0", "1"], b"ERR Path does not exist or not an array"),
    (["JSON.OBJKEYS", "none", "$"], NO_KEY),
    (["JSON.OBJKEYS", "doc", ".a"], b"ERR Path does not exist or not an object"),
    (["JSON.OBJLEN", "none", "$"], b"ERR Path does not exist or not an object"),
    (["JSON.OBJLEN", "doc", ".a"], b"WRONGTYPE wrong type of path value - expected object"),
    (["JSON.RESP", "doc", ".nope"], NO_PATH),
    (["JSON.GET", "text"], b"Existing key has wrong Redis type"),
    (["JSON.SET", "text", "$", "1"], b"Existing key has wrong Redis type"),
    (["GET", "doc"], b"WRONGTYPE Operation against a key holding the wrong kind of value"),
    (["HGET", "doc", "s"], b"WRONGTYPE Operation against a key holding the wrong kind of value"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "message"), ERRORS, ids=[" ".join(words) for words, _ in ERRORS])
def test_an_error_changes_nothing(client: Client, words: list[str], message: bytes) -> None:
    client("JSON.SET", "doc", "$", DOCUMENT)
    client("SET text x")
    told = len(client.effects)
    reply = client(*words)
    if not message:  # it is none: the result is finite
        assert not isinstance(reply, Failure)
        return
    assert error(reply) == message
    assert document(client) == json.loads(DOCUMENT)
    assert client.effects[told:] == []


# ---- text


@given(trees)
def test_both_libraries_read_and_write_alike(value: object) -> None:
    written = plain_dumps(value)
    assert same(plain_loads(written), value)
    assert same(parse(written), value)
    assert same(plain_loads(text_of(value)), value)
    assert b"e" in written or written == text_of(value)  # exponents have no sign in the latter


@given(st.floats(allow_nan=False, allow_infinity=False).filter(lambda number: abs(number) < 1e-3))
def test_both_libraries_write_small_numbers_alike(number: float) -> None:
    assert plain_dumps(number) == text_of(number)


@pytest.mark.parametrize(
    "text",
    ["", " ", "{", "}", "[1,]", '{"a"}', "01", "+1", ".5", "1.", "nul", "'a'", '"\n"', '"\\x"',
     "NaN", "-Infinity", "1e400", "-1e999", '"\\ud800"', '["\\udc00"]', "[1] x", "\ufeff1"],
)  # fmt: skip
def test_both_libraries_refuse_alike(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of which kind does not matter
        plain_loads(text.encode())
    with pytest.raises(Failure):
        parse(text.encode())


@pytest.mark.parametrize(
    ("text", "kind", "shown"),
    [
        ("9223372036854775808", b"integer", b"9223372036854775808"),
        ("18446744073709551615", b"integer", b"18446744073709551615"),
        ("18446744073709551616", b"number", b"1.8446744073709552e19"),
        ("1.0", b"number", b"1.0"),
        ("-0", b"integer", b"0"),
        ("1e2", b"number", b"100.0"),
        ("1e15", b"number", b"1000000000000000.0"),
        ('["1e+16",1e16,-2.5e+300]', b"array", b'["1e+16",1e16,-2.5e300]'),
        ("0.00001", b"number", b"0.00001"),
    ],
)
def test_numbers_are_integers_or_doubles(
    client: Client, text: str, kind: bytes, shown: bytes
) -> None:
    client("JSON.SET", "doc", "$", text)
    assert client("JSON.TYPE doc") == kind
    assert client("JSON.GET doc") == shown
    assert same(plain_loads(text.encode()), parse(text.encode()))


def test_the_last_of_equal_keys_counts_and_order_is_kept(client: Client) -> None:
    client("JSON.SET", "doc", "$", '{"z":1,"a":2,"z":3}')
    assert client("JSON.GET doc") == b'{"z":3,"a":2}'


def test_a_document_is_laid_out_as_asked(client: Client) -> None:
    client("JSON.SET", "doc", "$", '{"obj":{"f":"v"},"arr":[0,[]],"none":{}}')
    assert client("JSON.GET", "doc", "INDENT", "\t", "NEWLINE", "\n", "SPACE", " ") == (
        b'{\n\t"obj": {\n\t\t"f": "v"\n\t},\n\t"arr": [\n\t\t0,\n\t\t[]\n\t],\n\t"none": {}\n}'
    )
    assert client("JSON.GET", "doc", "INDENT", "_", "$.arr", "$.no") == (
        b'{_"$.arr":[__[___0,___[]__]_],_"$.no":[]}'
    )
    assert client("JSON.GET", "doc", "NOESCAPE", "SPACE", " ", ".obj") == b'{"f": "v"}'


@given(trees)
def test_any_layout_has_the_same_content(value: object) -> None:
    layout = Layout()
    layout.indent, layout.newline, layout.space = b" ", b"\n", b"\t"
    assert same(parse(layout.text_of(value)), value)


# ---- depth


def test_a_document_may_have_128_levels(client: Client) -> None:
    assert client("JSON.SET", "doc", "$", nested(DEEPEST)) == OK
    assert client("JSON.GET doc") == nested(DEEPEST).encode()
    assert (
        error(client("JSON.SET", "doc", "$", nested(DEEPEST + 1)))
        == b"ERR recursion limit exceeded"
    )
    assert error(client("JSON.SET", "doc", "$", nested(100_000))) == b"ERR recursion limit exceeded"
    assert client("JSON.SET", "doc", "$", "[" + ",".join(["[]"] * 500) + "]") == OK


@pytest.mark.parametrize(
    ("words", "fits"),
    [
        (["JSON.SET", "doc", "$" + "[0]" * 99, "{}"], 29),
        (["JSON.SET", "doc", "$" + "[0]" * 99 + ".new", "{}"], 28),
        (["JSON.MERGE", "doc", "$" + "[0]" * 99, "{}"], 29),
        (["JSON.ARRAPPEND", "doc", "$" + "[0]" * 98, "{}"], 29),
        (["JSON.ARRINSERT", "doc", "$" + "[0]" * 98, "0", "{}"], 29),
        (["JSON.MSET", "doc", "$" + "[0]" * 99, "{}"], 29),
    ],
    ids=lambda case: case[0] if isinstance(case, list) else str(case),
)
def test_no_write_makes_it_deeper(client: Client, words: list[str], fits: int) -> None:
    client("JSON.SET", "doc", "$", nested(99, "{}"))
    deep = [word.replace("{}", nested(fits + 1, "1")) for word in words]
    assert error(client(*deep)) == b"ERR recursion limit exceeded"
    client(*[word.replace("{}", nested(fits, "1")) for word in words])
    assert depth(document(client)) == DEEPEST


# ---- writing


def test_nx_and_xx_ask_for_the_path(client: Client) -> None:
    client("JSON.SET", "doc", "$", '{"a":1}')
    assert client("JSON.SET doc $ 2 NX") is None
    assert client("JSON.SET doc $.a 2 NX") is None
    assert client("JSON.SET doc $.b 2 XX") is None
    assert client("JSON.SET doc $.b 2 NX") == OK
    assert client("JSON.SET doc $.a 3 xx") == OK
    assert document(client) == {"a": 3, "b": 2}
    assert error(client("JSON.SET doc $..a 3 NX")) == b"Err wrong static path"


def test_set_keeps_the_expiry_of_a_document(client: Client) -> None:
    client("JSON.SET doc $ [1]")
    client("EXPIRE doc 100")
    client("JSON.SET doc $ [2]")
    assert client("TTL doc") == 100


def test_places_that_were_set_do_not_share_the_value(client: Client) -> None:
    client("JSON.SET", "doc", "$", '{"a":1,"b":2}')
    client("JSON.SET", "doc", "$.*", "[]")
    client("JSON.ARRAPPEND doc $.a 1")
    assert document(client) == {"a": [1], "b": []}
    client("JSON.ARRAPPEND", "doc", "$.*", "{}")
    client("JSON.SET doc $.a[1].x 1")
    client("JSON.MERGE", "doc", "$.*[-1]", '{"m":{}}')
    client("JSON.SET doc $.a[1].m.y 1")
    assert document(client) == {"a": [1, {"x": 1, "m": {"y": 1}}], "b": [{"m": {}}]}


def test_of_values_within_one_another_the_outer_one_is_set(client: Client) -> None:
    client("JSON.SET", "doc", "$", '{"a":{"a":1},"b":{"a":{"a":2}}}')
    assert client("JSON.SET doc $..a 0") == OK
    assert document(client) == {"a": 0, "b": {"a": 0}}


def test_mset_is_refused_as_a_whole_or_does_what_it_can(client: Client) -> None:
    client("JSON.SET", "doc", "$", '{"a":1}')
    assert isinstance(client("JSON.MSET", "new", "$", "1", "doc", "$..x", "1"), Failure)
    assert client("EXISTS new") == 0
    assert client("JSON.MSET", "new", "$", "1", "doc", "$.x.y", "1", "doc", "$.b", "2") is None
    assert document(client, "new") == 1
    assert document(client) == {"a": 1, "b": 2}


def test_merge_follows_the_examples_of_rfc_7396(client: Client) -> None:
    for target, patch, result in (
        ('{"a":"b"}', '{"b":"c"}', {"a": "b", "b": "c"}),
        ('{"a":"b","b":"c"}', '{"a":null}', {"b": "c"}),
        ('{"a":{"b":"c"}}', '{"a":{"b":"d","c":null}}', {"a": {"b": "d"}}),
        ('{"a":[{"b":"c"}]}', '{"a":[1]}', {"a": [1]}),
        ('["a","b"]', '["c","d"]', ["c", "d"]),
        ('{"a":"foo"}', '"bar"', "bar"),
        ('{"e":null}', '{"a":1}', {"e": None, "a": 1}),
        ("[1,2]", '{"a":"b","c":null}', {"a": "b"}),
        ("{}", '{"a":{"bb":{"ccc":null}}}', {"a": {"bb": {}}}),
    ):
        client("JSON.SET", "doc", "$", target)
        assert client("JSON.MERGE", "doc", "$", patch) == OK
        assert document(client) == result


def test_of_values_within_one_another_the_inner_ones_are_merged_first(client: Client) -> None:
    client("JSON.SET", "doc", "$", '{"a":{"b":1}}')
    client("JSON.MERGE", "doc", "$..*", '{"m":1}')
    assert document(client) == {"a": {"b": {"m": 1}, "m": 1}}


@pytest.mark.parametrize(
    ("text", "path", "count", "left"),
    [
        ('{"a":{"a":2,"b":3},"b":["a"],"n":{"b":[true]}}', "$..a", 1,
         {"b": ["a"], "n": {"b": [True]}}),
        ("[0,1,2,3]", "$[1,2,0]", 3, [3]),
        ("[0,1,2,3]", "$[1,1,-3]", 1, [0, 2, 3]),
        ("[[1],[1,2,3]]", "$..[0]", 2, [[2, 3]]),
        ('[true,{"answer":42},null]', "[-1]", 1, [True, {"answer": 42}]),
        ('{"x":{"b":[1,2,3]}}', "$..x.b[1,0,2]", 3, {"x": {"b": []}}),
        ("[1,2,3]", "$[*]", 3, None),
        ('{"a":1}', ".a", 1, None),
    ],
)  # fmt: skip
def test_what_is_deleted_is_counted_once(
    client: Client, text: str, path: str, count: int, left: object
) -> None:
    client("JSON.SET", "doc", "$", text)
    assert client("JSON.DEL", "doc", path) == count
    assert document(client) == left


def test_arrays_within_one_another_change_from_the_inside(client: Client) -> None:
    client("JSON.SET", "doc", "$", '{"a":[[1,2,3],[4,5,6]]}')
    assert client("JSON.ARRPOP doc $..*")[:3] == [b"[4,5]", b"3", b"6"]  # type: ignore[index]
    assert document(client) == {"a": [[1, 2]]}
    assert client("JSON.ARRAPPEND", "doc", ".a[*]", "9", "8") == 4
    assert client("JSON.ARRINSERT", "doc", "$.a[0]", "-1", "7") == [5]
    assert client("JSON.ARRTRIM", "doc", "..a", "5", "9") == 0
    assert document(client) == {"a": []}


@pytest.mark.parametrize(
    ("start", "stop", "left"),
    [(1, 3, [1, 2, 3]), (-1, 3, []), (3, 99, [3, 4]), (9, 1, []), (9, 11, []), (0, -2, [0, 1, 2, 3]),
     (-2, -1, [3, 4]), (-99, 0, [0]), (2, 2, [2])],
)  # fmt: skip
def test_arrtrim_keeps_a_range(client: Client, start: int, stop: int, left: list[int]) -> None:
    client("JSON.SET doc $ [0,1,2,3,4]")
    assert client(f"JSON.ARRTRIM doc $ {start} {stop}") == [len(left)]
    assert document(client) == left


@pytest.mark.parametrize(
    ("command", "number", "operand", "result"),
    [
        ("INCR", "1", "2", b"3"),
        ("INCR", "1", "2.0", b"3.0"),
        ("INCR", "1.5", "1", b"2.5"),
        ("INCR", "9223372036854775808", "1", b"9.223372036854776e18"),
        ("MULT", "3", "-2", b"-6"),
        ("MULT", "5", "0.5", b"2.5"),
        ("POW", "2", "10", b"1024"),
        ("POW", "2", "0.5", b"1.4142135623730951"),
        ("POW", "-1", "9223372036854775807", b"-1"),
        ("POW", "4.0", "2", b"16.0"),
        ("POW", "390625.0", "3", b"5.960464477539062e16"),
    ],
)
def test_integers_stay_integers(
    client: Client, command: str, number: str, operand: str, result: bytes
) -> None:
    client("JSON.SET", "doc", "$", number)
    assert client(f"JSON.NUM{command}BY doc . {operand}") == result
    assert client("JSON.GET doc") == result


# ---- RESP3


def test_resp3_answers_with_numbers_and_one_array_more(client: Client) -> None:
    client("JSON.SET", "doc", "$", '{"a":1,"b":{"a":2.5,"c":"x"}}')
    client.session.protocol = 3
    assert client("JSON.NUMINCRBY doc $..a 1") == [2, 3.5]
    assert client("JSON.NUMINCRBY doc .a 1") == [3]
    assert client("JSON.NUMMULTBY doc $..c 1") == [None]
    assert client("JSON.TYPE doc $..a") == [[b"integer", b"number"]]
    assert client("JSON.TYPE doc .a") == [b"integer"]
    assert client("JSON.TYPE none $") == [None]
    assert client("JSON.GET doc $..a") == b"[3,3.5]"
    assert encode(client("JSON.RESP doc .b"), 3) == (
        b"*5\r\n+{\r\n$1\r\na\r\n,3.5\r\n$1\r\nc\r\n$1\r\nx\r\n"
    )


# ---- the key and what is told of it


def test_a_document_is_a_value_like_others(client: Client) -> None:
    client("JSON.SET", "doc", "$", '{"a":[1,{"b":"x"}]}')
    assert client("TYPE doc") == Status(b"ReJSON-RL")
    assert client("OBJECT ENCODING doc") == b"raw"
    assert strings(client("SCAN 0 TYPE ReJSON-RL")[1]) == [b"doc"]  # type: ignore[index]
    assert client("COPY doc other") == 1
    client("JSON.SET doc $.a[1].b 2")
    assert document(client, "other") == {"a": [1, {"b": "x"}]}
    assert client("RENAME other third") == OK
    assert client("JSON.GET third .a[0]") == b"1"
    usage = client("MEMORY USAGE doc")
    client("JSON.SET", "doc", "$.long", json.dumps("y" * 1000))
    longer = client("MEMORY USAGE doc")
    assert isinstance(usage, int)
    assert isinstance(longer, int)
    assert 900 < longer - usage < 1300
    assert client("JSON.DEBUG MEMORY doc $.long") == [1049]
    assert client("JSON.DEBUG MEMORY none") == 0


def test_changes_are_told_as_events_and_as_the_commands(client: Client) -> None:
    client.listen()
    lines = {
        'JSON.SET doc $ {"a":1,"s":"x","t":true,"l":[],"m":[1],"o":{}}': b"json.set",
        "JSON.NUMINCRBY doc $.a 1": b"json.numincrby",
        "JSON.NUMMULTBY doc $.a 2": b"json.nummultby",
        'JSON.STRAPPEND doc $.s "y"': b"json.strappend",
        "JSON.TOGGLE doc $.t": b"json.toggle",
        "JSON.ARRAPPEND doc $.l 1 2": b"json.arrappend",
        "JSON.ARRINSERT doc $.l 0 3": b"json.arrinsert",
        "JSON.ARRPOP doc $.l": b"json.arrpop",
        "JSON.ARRTRIM doc $.l 0 0": b"json.arrtrim",
        'JSON.MERGE doc $.o {"k":1}': b"json.merge",
        "JSON.CLEAR doc $.m": b"json.clear",
        "JSON.MSET doc $.a 1": b"json.mset",
        "JSON.DEL doc $.a": b"json.del",
        "JSON.FORGET doc": b"json.del",
    }
    for line in lines:
        client(line)
    assert client.effects == [line.encode() for line in lines]
    assert client.events() == [event + b" doc" for event in lines.values()]


def test_powers_are_told_by_what_came_out(client: Client) -> None:
    client("JSON.SET", "doc", "$", '{"a":{"b\\"c":2},"l":[1,3.0]}')
    client("JSON.NUMPOWBY doc $..* 0.5")
    assert client.effects[1:] == [
        b'JSON.SET doc $["a"]["b\\"c"] 1.4142135623730951',
        b'JSON.SET doc $["l"][0] 1.0',
        b'JSON.SET doc $["l"][1] 1.7320508075688772',
    ]


def test_what_changes_nothing_is_told_to_nobody(client: Client) -> None:
    client("JSON.SET", "doc", "$", '{"a":1,"l":[]}')
    client.listen()
    told = len(client.effects)
    for line in (
        "JSON.SET doc $ 1 NX",
        "JSON.SET doc $.x.y 1",
        "JSON.NUMINCRBY doc $.l 1",
        "JSON.STRAPPEND doc $.a x",
        "JSON.TOGGLE doc $.a",
        "JSON.ARRAPPEND doc $.a 1",
        "JSON.ARRPOP doc $.l",
        "JSON.CLEAR doc $.l",
        "JSON.DEL doc $.x",
        "JSON.DEL none",
        "JSON.MERGE doc $.x.y 1",
    ):
        client(line)
    assert client.events() == []
    assert client.effects[told:] == []


def test_what_was_told_makes_the_same_document_again(client: Client) -> None:
    draw = random.Random(7)
    paths = ["$", "$.a", "$..a", "$.b[0]", "$.b", "$..b[*]", ".a", "$.*", "$..*", "$.b[?(@>1)]"]
    commands = ["SET", "MERGE", "ARRAPPEND", "NUMINCRBY", "NUMMULTBY", "NUMPOWBY", "STRAPPEND"]
    texts = ["1", "2.5", '"x"', "[]", '[1,2,"y"]', '{"a":1}', '{"b":[3],"a":null}', "true"]
    for _ in range(1500):
        path = draw.choice(paths)
        if draw.random() < 0.6:
            client(f"JSON.{draw.choice(commands)}", "doc", path, draw.choice(texts))
        else:
            client(f"JSON.{draw.choice(['DEL', 'CLEAR', 'TOGGLE', 'ARRPOP'])}", "doc", path)
        if draw.random() < 0.05 or client("EXISTS doc") == 0:
            client("JSON.SET", "doc", "$", '{"a":1,"b":[1,2,{"a":0.5}],"c":{"a":"z","t":true}}')
    other = Client()
    for effect in client.effects:
        other(*effect.split(b" ", 3))
    assert document(other) == document(client)
    assert len(client.effects) > 400


def test_a_large_document_is_freed_in_steps() -> None:
    held = Json([[{"a": [number] * 10} for number in range(100)] for _ in range(20)])
    assert len(held) > 64
    steps = 0
    while held.release(500):
        steps += 1
    assert steps > 40
    assert held.box == []


def test_what_leaves_a_document_is_freed_in_steps(client: Client) -> None:
    large = json.dumps({"a": list(range(10_000))})
    for line in ("JSON.SET doc $ 1", "JSON.SET doc $.a 1", "JSON.DEL doc $.a", "JSON.DEL doc",
                 "JSON.CLEAR doc $.a", "JSON.CLEAR doc"):  # fmt: skip
        client("JSON.SET", "doc", "$", large)
        client.step()
        client(line)
        assert client.namespace.garbage, line
        client.step()
        assert not client.namespace.garbage


# ---- floating-point arrays


@pytest.mark.parametrize(
    ("width", "number", "held"),
    [
        ("FP64", 0.123456789012345, 0.123456789012345),
        ("FP32", 0.1, 0.1),
        ("FP32", 0.123456789, 0.12345679),
        ("FP16", 0.1, 0.1),
        ("FP16", 0.12345, 0.12344),
        ("FP16", 2049.5, 2050.0),
        ("BF16", 3.14159, 3.14),
        ("bf16", 1e38, 1e38),
    ],
)
def test_fpha_keeps_the_digits_that_its_width_can_tell(
    client: Client, width: str, number: float, held: float
) -> None:
    assert client("JSON.SET", "doc", "$", json.dumps([number, 1]), "FPHA", width) == OK
    first, second = document(client)
    assert math.isclose(first, held, rel_tol=1e-3)
    assert len(repr(first)) <= max(len(repr(held)), 6)
    assert (second, type(second)) == (1.0, float)


def test_fpha_leaves_arrays_of_integers_and_of_other_values(client: Client) -> None:
    text = '{"i":[1,2],"m":[1.5,"x"],"n":[[1.5,2],{"d":[1e3]}],"e":[],"b":[true,1.5]}'
    client("JSON.SET", "doc", "$", text, "NX", "FPHA", "FP32")
    assert client("JSON.GET doc") == (
        b'{"i":[1,2],"m":[1.5,"x"],"n":[[1.5,2.0],{"d":[1000.0]}],"e":[],"b":[true,1.5]}'
    )
