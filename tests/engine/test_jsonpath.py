"""JSONPath: the examples of Redis' documentation, each step and operator, and what is no path."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearkeep.engine.values.jsonpath_reader import path_of
from nearkeep.wire.reply import Failure

# The document of https://redis.io/docs/latest/develop/data-types/json/path/ without descriptions.
BIKES: dict[str, Any] = {
    "inventory": {
        "mountain_bikes": [
            {"id": "bike:1", "model": "Phoebe", "price": 1920,
             "specs": {"material": "carbon", "weight": 13.1}, "colors": ["black", "silver"]},
            {"id": "bike:2", "model": "Quaoar", "price": 2072,
             "specs": {"material": "aluminium", "weight": 7.9}, "colors": ["black", "white"]},
            {"id": "bike:3", "model": "Weywot", "price": 3264,
             "specs": {"material": "alloy", "weight": 13.8}},
        ],
        "commuter_bikes": [
            {"id": "bike:4", "model": "Salacia", "price": 1475,
             "specs": {"material": "aluminium", "weight": 16.6}, "colors": ["black", "silver"]},
            {"id": "bike:5", "model": "Mimas", "price": 3941,
             "specs": {"material": "alloy", "weight": 11.6}},
        ],
    }
}  # fmt: skip


def found(document: object, path: str) -> list[object]:
    return path_of(path.encode()).values(document, document)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$..model", ["Phoebe", "Quaoar", "Weywot", "Salacia", "Mimas"]),
        ("$.inventory.mountain_bikes[*].model", ["Phoebe", "Quaoar", "Weywot"]),
        ('$.inventory["mountain_bikes"][*].model', ["Phoebe", "Quaoar", "Weywot"]),
        ("$..mountain_bikes[*].model", ["Phoebe", "Quaoar", "Weywot"]),
        ("$..mountain_bikes[0:2].model", ["Phoebe", "Quaoar"]),
        ("$..mountain_bikes[?(@.price < 3000 && @.specs.weight < 10)].id", ["bike:2"]),
        ('$..[?(@.specs.material == "alloy")].model', ["Weywot", "Mimas"]),
        ('$..[?(@.specs.material =~ "(?i)al")].model', ["Quaoar", "Weywot", "Salacia", "Mimas"]),
        ("$..price", [1920, 2072, 3264, 1475, 3941]),
        ("$.inventory.*[?(@.price<2000)].price", [1920, 1475]),
        ("$..[*].colors", [["black", "silver"], ["black", "white"], ["black", "silver"]]),
        (".inventory.commuter_bikes[-1].id", ["bike:5"]),
        ("inventory[\"commuter_bikes\"][0]['id']", ["bike:4"]),
        ("['inventory'][\"commuter_bikes\"][1].id", ["bike:5"]),
    ],
)
def test_the_examples_of_the_documentation(path: str, expected: list[object]) -> None:
    assert found(BIKES, path) == expected


@pytest.mark.parametrize(
    ("document", "path", "expected"),
    [
        ('[{"a":1,"b":1},{"b":2},{"a":1},{"c":3}]', "$[?!@.a]", [{"b": 2}, {"c": 3}]),
        ('[{"a":1,"b":1},{"b":2},{"a":1},{"c":3}]', "$[?!(@.a==1)]", [{"b": 2}, {"c": 3}]),
        ('[{"a":1,"b":1},{"b":2},{"a":1},{"c":3}]', "$[?!@.a && @.b]", [{"b": 2}]),
        ('[{"a":1,"b":1},{"b":2},{"a":1},{"c":3}]', "$[?!!@.c]", [{"c": 3}]),
        ("[[1],[2],[1,2],[1,[2]]]", "$[?(@ == [1])]", [[1]]),
        ("[[1],[2],[1,2],[1,[2]]]", "$[?(@ == [1,[2]])]", [[1, [2]]]),
        ('[{"x":1},{"x":2},{"y":1}]', '$[?(@ == {"x":1})]', [{"x": 1}]),
        ('{"a":[1,2,3,4],"allow":[2,3]}', "$.a[?@ in [2,4]]", [2, 4]),
        ('{"a":[1,2,3,4],"allow":[2,3]}', "$.a[?@ nin [2,4]]", [1, 3]),
        ('{"a":[1,2,3,4],"allow":[2,3]}', "$.a[?@ in $.allow]", [2, 3]),
        ('{"a":[[1,2],[1,5],[]]}', "$.a[?@ subsetof [1,2,3]]", [[1, 2], []]),
        ('{"a":[[1,9],[8,9],[]]}', "$.a[?@ anyof [1,2,3]]", [[1, 9]]),
        ('{"a":[[4,5],[1,9],[]]}', "$.a[?@ noneof [1,2,3]]", [[4, 5], []]),
        ('{"a":[[4,5],[1],[7,8,9]]}', "$.a[?@ sizeof 2]", [[4, 5]]),
        ('{"a":[[4,5],"xy",{"k":1}]}', "$.a[?@ size 2]", [[4, 5], "xy"]),
        ('{"a":[[],[1],"",[2,3],{},{"k":1}]}', "$.a[?@ empty true]", [[], "", {}]),
        ('{"a":[[],[1],"",[2,3],{},{"k":1}]}', "$.a[?@ empty false]", [[1], [2, 3], {"k": 1}]),
        ('[{"a":2,"b":3},{"a":5,"b":2}]', "$[?@.a + 1 == 3]", [{"a": 2, "b": 3}]),
        ('[{"a":2,"b":3},{"a":5,"b":2}]', "$[?@.a + @.b * 2 == 8]", [{"a": 2, "b": 3}]),
        ('[{"a":2,"b":3},{"a":5,"b":2}]', "$[?(@.a + @.b) * 2 == 10]", [{"a": 2, "b": 3}]),
    ],
)
def test_the_operators_of_the_documentation(
    document: str, path: str, expected: list[object]
) -> None:
    assert found(json.loads(document), path) == expected


DOCUMENT: dict[str, Any] = {
    "a": {"b": [10, 11, 12, 13, 14], "c d": 1, "e'f": 2, 'g"h': 3, "i\\j": 4, "": 5},
    "k-1_2:3": {"b": "x"},
    "l": [{"n": 1}, {"n": 2.0}, {"n": "2"}, {"n": None}, {"n": True}, {"m": 1}, {"n": [1]}],
}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$", [DOCUMENT]),
        (".", [DOCUMENT]),
        ("$.a.b[1]", [11]),
        ("a.b[1]", [11]),
        ("$.a.b[ 1 , 3 ]", [11, 13]),
        ("$.a.b[3,1,-1,9]", [13, 11, 14]),
        ("$.a.b[-9]", [10]),
        ("$.a.b[1:3]", [11, 12]),
        ("$.a.b[-2:]", [13, 14]),
        ("$.a.b[:2]", [10, 11]),
        ("$.a.b[::2]", [10, 12, 14]),
        ("$.a.b[1:4:2]", [11, 13]),
        ("$.a.b[:]", [10, 11, 12, 13, 14]),
        ("$.a.b[3:1]", []),
        ("$.a.b.[0]", [10]),
        ('$.a["c d"]', [1]),
        ("$.a[\"e'f\"]", [2]),
        ("$.a['e\\'f']", [2]),
        ("$.a['g\"h']", [3]),
        ('$.a["g\\"h"]', [3]),
        ('$.a["i\\\\j"]', [4]),
        ('$.a[""]', [5]),
        ('$.a["c d","g\\"h","none"]', [1, 3]),
        ("$.k-1_2:3.b", ["x"]),
        ("$.*.b", [[10, 11, 12, 13, 14], "x"]),
        ("$..b", [[10, 11, 12, 13, 14], "x"]),
        ("$..b[0]", [10]),
        ("$..[0]", [10, {"n": 1}, 1]),
        ("$.a.b.c", []),
        ("$.a[0]", []),
        ("$.l[?(@.n==2)]", [{"n": 2.0}]),
        ("$.l[?(@.n=='2')]", [{"n": "2"}]),
        ("$.l[?(@.n==null)]", [{"n": None}]),
        ("$.l[?(@.n==true)]", [{"n": True}]),
        ("$.l[?(@.n>=1)]", [{"n": 1}, {"n": 2.0}]),
        ("$.l[?(@.n<=1.5)].n", [1]),
        ("$.l[?(@.n<2)].n", [1]),
        ("$.l[?(@.n>-1)].n", [1, 2.0]),
        ("$.l[?(@.n>'1')].n", ["2"]),
        ("$.l[?(@.n!=1 && @.n!=2)].n", ["2", None, True, [1]]),
        ("$.l[?(@.m || @.n=='2')]", [{"n": "2"}, {"m": 1}]),
        ("$.l[?(@.m || @.n==1 && @.n==2)]", [{"m": 1}]),
        ("$.l[?((@.m || @.n==1) && @.n)]", [{"n": 1}]),
        ("$.l[?(1 == @.n)]", [{"n": 1}]),
        ("$.l[?(@['n']==1)]", [{"n": 1}]),
        ("$.l[?(@.n==$.a['c d'])]", [{"n": 1}]),
        ("$.l[?(@.n[0]==1)]", [{"n": [1]}]),
        ("$.l[?(@.* == 1)]", [{"n": 1}, {"m": 1}]),
        ("$.l[?(@.n[?(@==1)])]", [{"n": 1}, {"n": [1]}]),
        ("$.a.b[?(@>12)]", [13, 14]),
        ("$.a[?(@==1)]", [1]),
        ("$.k-1_2:3[?(@ =~ '^X$')]", []),
        ("$.k-1_2:3[?(@ =~ '(?i)^X$')]", ["x"]),
        ("$.k-1_2:3[?(@ =~ '[')]", []),
        ("$.l[?(@.n =~ '2')].n", ["2"]),
        ("$.l[?true].m", [1]),
        ("$.a.b[?@ % 5 == 1]", [11]),
        ("$.a.b[?-@ == -11]", [11]),
        ("$.a.b[?+@ - 1 == 10 || 24 - @ == @]", [11, 12]),
        ("$.a.b[?@ / 2 == 5.5]", [11]),
        ("$.a.b[?-@ % 4 == -3]", [11]),
        ("$.a.b[?@ % 5.5 == 0]", [11]),
        ("$.a.b[?(((@))) - (2 * (1 + 1)) == 10]", [14]),
        ("$.a.b[?@ / 0 == 1]", []),
        ("$.a.b[?@ % 0 == 1]", []),
        ("$.a.b[?!(@ / 0 == 1) && @ > 12]", [13, 14]),
        ("$.a.b[?@ * 1000000000000000000 > 13000000000000000000]", [14]),
        ("$.l[?(@.n * 2 == 4)].n", [2.0]),
        ("$.l[?(@.n + 0)].n", [1, 2.0]),
    ],
)  # fmt: skip
def test_a_path_leads_to_values(path: str, expected: list[object]) -> None:
    assert found(DOCUMENT, path) == expected


@pytest.mark.parametrize(
    ("path", "position"),
    [
        ("$.", 2), ("$..", 3), ("$[", 2), ("$[]", 2), ("$.a[", 4), ("$.a]", 3), ("$.a b", 3),
        ("$['a", 2), ("$['a',]", 6), ("$[1,]", 4), ("$[1,'a']", 4), ("$[01]", 3), ("$[1:2:0]", 6),
        ("$[::-1]", 4), ("$[?]", 3), ("$[?(@.a]", 7), ("$[?(@.a==)]", 9), ("$[?(@.a=1)]", 7),
        ("$[?(@.a is 1)]", 8), ("$[?@.a &&]", 9), ("$[?(@.a == {'x' 1})]", 16), ("", 2), (" ", 2),
        (".a..", 5), ("$.\n", 2), ("$.a!", 3), ("$.a + 1", 3), ("$[?@ +]", 6), ("$[?(@==1) + 1]", 11),
        ("$[?@ == (@>1)]", 13), ("$[?-(@>1)]", 9),
    ],
)  # fmt: skip
def test_what_is_no_path_is_refused_with_its_position(path: str, position: int) -> None:
    with pytest.raises(Failure, match=rf"^b'Error occurred on position {position}, ") as refused:
        path_of(path.encode())
    assert refused.value.message.endswith(b".")


@pytest.mark.parametrize(
    "path",
    ["$[?" + "(" * 100_000, "$[?" + "!" * 100_000 + "@]", "$[?@==" + "[" * 100_000,
     "$" + "[?@" * 100_000, "$[?@ == 1" + " + 1" * 100_000, "$[?@ == 1" + " * 1" * 100_000,
     "$[?@ == " + "-" * 100_000],
)  # fmt: skip
def test_a_path_is_not_nested_without_end(path: str) -> None:
    with pytest.raises(Failure, match="fewer levels"):
        path_of(path.encode())


@pytest.mark.parametrize("path", ["$[:", "$[1", "$['a'", "$[?@.a", "$.a", "$[?@ in [1", "$[?!"])
def test_blanks_take_no_time(path: str) -> None:
    start = time.thread_time()
    with pytest.raises(Failure):
        path_of(f"{path}{' ' * 20_000}x".encode())
    assert time.thread_time() - start < 0.5


def test_bytes_that_are_no_utf8_are_no_path() -> None:
    with pytest.raises(Failure, match="UTF-8"):
        path_of(b"$.\xff")


def test_a_long_path_is_read_and_followed() -> None:
    document: object = 1
    for _ in range(120):
        document = {"a": [document]}
    assert found(document, "$" + ".a[0]" * 120) == [1]


@given(
    st.recursive(
        st.none() | st.integers(0, 3) | st.text("ab'\"\\[.", max_size=3),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.text("ab'\"\\[.", max_size=3), inner, max_size=3)
        ),
    )
)
def test_the_location_of_each_place_leads_there_alone(document: object) -> None:
    box = [document]
    for place in path_of(b"$..*").places(box):
        (again,) = path_of(place.location()).places(box)
        assert again.container is place.container
        assert again.key == place.key
        assert again.level() == place.level()


@given(
    st.recursive(
        st.integers(0, 3),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
        ),
    ),
    st.lists(
        st.sampled_from([".a", ".*", "..a", "[0]", "[-1]", "[0,1]", "[1:]", "[?(@==1)]", "..[*]"]),
        max_size=4,
    ),
)
def test_places_and_values_agree(document: object, steps: list[str]) -> None:
    path = path_of(f"${''.join(steps)}".encode())
    values = path.values(document, document)
    places = path.places([document])
    assert [place.value for place in places] == values


def test_paths_are_read_once_and_not_all_are_kept() -> None:
    assert path_of(b"$.once") is path_of(b"$.once")
    first = path_of(b"$.first")
    for number in range(2000):
        path_of(b"$.p%d" % number)
    assert path_of(b"$.first") is not first
