"""Cap'n Web without I/O: what is evaluated, told and let go of, and what ends a session."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearkeep.wire.capnweb import (
    DEEPEST,
    MOST_ENTRIES,
    UNDEFINED,
    Promise,
    RpcError,
    RpcSession,
    Stub,
    Target,
)


class Main(Target):
    """Has methods of all kinds."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[str, list[object]]] = []
        self.later: list[Promise] = []
        self.disposed = 0

    def call(self, name: str, args: list[object]) -> object:
        self.calls.append((name, args))
        if name == "echo":
            return args[0] if args else UNDEFINED
        if name == "self":
            return Main.Other(self)
        if name == "later":
            self.later.append(Promise())
            return self.later[-1]
        if name == "tell":
            assert isinstance(args[0], Stub)
            return args[0].call(args[1:])
        return super().call(name, args)

    class Other(Target):
        def __init__(self, owner: Main) -> None:
            super().__init__()
            self.owner = owner

        def call(self, name: str, args: list[object]) -> object:
            return [name, *args]

        def dispose(self) -> None:
            self.owner.disposed += 1


class Peer:
    """The other side, by hand."""

    def __init__(self) -> None:
        self.main = Main()
        self.said: list[Any] = []
        self.session = RpcSession(self.main, lambda text: self.said.append(orjson.loads(text)))

    def __call__(self, *messages: object) -> list[Any]:
        """What the session says to these messages."""
        for message in messages:
            self.session.receive(orjson.dumps(message))
        said, self.said[:] = list(self.said), []
        return said

    def value(self, expression: object) -> Any:
        """What an expression evaluates to, as the session tells it."""
        number = self.session._pushed + 1
        (answer,) = self(["push", expression], ["pull", number])
        assert answer[:2] in (["resolve", number], ["reject", number])
        return answer[2]


def call(name: str, *args: object, on: int = 0) -> list[object]:
    return ["pipeline", on, [name], list(args)]


@pytest.mark.parametrize(
    "expression",
    [
        1,
        "text",
        None,
        True,
        1.5,
        [[]],
        [[1, [[2]], {"a": [["b"]]}]],
        {"a": {"b": 1}},
        ["undefined"],
        ["inf"],
        ["-inf"],
        ["nan"],
        ["bigint", "90071992547409930"],
        ["bytes", "/wA"],
        ["error", "TypeError", "no"],
    ],
)
def test_values_come_back_as_they_went(expression: object) -> None:
    peer = Peer()
    assert peer.value(expression) == expression
    assert peer.value(call("echo", expression)) == expression


def test_results_are_used_before_they_are_there() -> None:
    peer = Peer()
    said = peer(
        ["push", call("later")],
        ["push", call("echo", ["pipeline", 1])],
        ["push", call("echo", [[["pipeline", 2], 5]])],
        ["pull", 3],
    )
    assert said == []
    peer.main.later[0].resolve("value")
    assert peer() == [["resolve", 3, [["value", 5]]]]


def test_a_failure_goes_through_all_that_depends_on_it() -> None:
    peer = Peer()
    assert peer(
        ["push", call("nosuch")], ["push", call("echo", {"a": ["pipeline", 1]})], ["pull", 2]
    ) == [["reject", 2, ["error", "TypeError", "'nosuch' is not a function."]]]


def test_properties_of_values_can_be_asked_for() -> None:
    peer = Peer()
    peer(["push", {"a": [[1, {"b": "deep"}]]}])
    assert peer.value(["pipeline", 1, ["a", 1, "b"]]) == "deep"
    assert peer.value(["pipeline", 1, ["a", "length"]]) == 2
    assert peer.value(["pipeline", 1, ["none"]]) == ["undefined"]
    assert peer.value(["pipeline", 1, ["none", "more"]])[0] == "error"
    assert peer.value(["pipeline", 1, ["__class__"]]) == ["undefined"]
    assert peer.value(["pipeline", 0, ["__init__"], []])[1] == "TypeError"


def test_objects_are_disposed_of_when_nobody_refers_to_them() -> None:
    peer = Peer()
    assert peer(["push", call("self")], ["pull", 1]) == [["resolve", 1, ["export", -1]]]
    assert peer.value(call("hello", 1, on=-1)) == [["hello", 1]]
    peer(["release", 1, 1])
    assert peer.main.disposed == 0
    peer(["release", -1, 1])
    assert peer.main.disposed == 1
    peer(["push", call("self")], ["release", 3, 1])
    assert peer.main.disposed == 2


def test_a_session_that_ends_lets_go_of_everything() -> None:
    peer = Peer()
    peer(["push", call("self")], ["pull", 1], ["push", call("tell", ["export", -1])])
    peer(["abort", ["error", "Error", "bye"]])
    assert peer.session.closed
    assert peer.main.disposed == 1
    assert peer(["push", call("echo", 1)], ["pull", 9]) == []


def test_the_peers_functions_are_called_and_released() -> None:
    peer = Peer()
    said = peer(["push", call("tell", ["export", -1], "hello")], ["pull", 1])
    assert said == [["push", ["pipeline", -1, [], ["hello"]]], ["pull", 1]]
    said = peer(["resolve", 1, "thanks"])
    assert ["resolve", 1, "thanks"] in said
    assert ["release", 1, 1] in said
    assert ["release", -1, 1] in said
    peer(["push", call("tell", ["export", -2])], ["pull", 2])
    assert ["reject", 2, ["error", "Error", "no"]] in peer(["reject", 2, ["error", "Error", "no"]])


def test_a_promise_of_the_peer_is_waited_for() -> None:
    peer = Peer()
    assert peer(["push", call("echo", ["promise", -1])], ["pull", 1]) == []
    assert ["resolve", 1, 7] in peer(["resolve", -1, 7])


def test_a_stream_message_is_pulled_and_released_by_itself() -> None:
    peer = Peer()
    assert peer(["stream", call("echo", 1)]) == [["resolve", 1, 1]]
    assert 1 not in peer.session._exports


def test_values_are_mapped() -> None:
    peer = Peer()
    peer(["push", [[1, 2]]])
    mapper = [["pipeline", -1, ["echo"], [["pipeline", 0]]], [[["pipeline", 1], ["pipeline", 0]]]]
    assert peer.value(["remap", 1, [], [["import", 0]], mapper]) == [[[[1, 1]], [[2, 2]]]]


@pytest.mark.parametrize(
    "message",
    [
        {},
        [],
        ["nosuch"],
        ["push"],
        ["pull", 5],
        ["pull", "1"],
        ["pull", True],
        ["release", 1],
        ["push", []],
        ["push", ["import", 9]],
        ["push", ["pipeline", 0, "path"]],
        ["push", ["pipeline", 0, ["echo"], "args"]],
        ["push", ["export", 1]],
        ["push", ["bytes", "!"]],
        ["push", ["bigint", "1" * 5000]],
        ["push", ["remap", 0, [], [], []]],
        ["push", [[], []]],
    ],
)
def test_what_breaks_the_protocol_ends_the_session(message: object) -> None:
    peer = Peer()
    said = peer(message)
    assert [one[0] for one in said] == ["abort"]
    assert peer.session.closed


def test_depth_and_entries_are_limited() -> None:
    peer = Peer()
    deep: object = 1
    for _ in range(DEEPEST + 1):
        deep = [[deep]]
    assert peer(["push", deep])[0][0] == "abort"
    peer = Peer()
    said = peer(*[["push", 1]] * (MOST_ENTRIES + 1))
    assert said[0][0] == "abort"
    peer = Peer()
    assert peer(["push", [[1] * 200_000]])[0][0] == "abort"


def test_the_main_object_stays() -> None:
    peer = Peer()
    peer(["release", 0, 1])
    assert peer.value(call("echo", 1)) == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 5) | st.sampled_from(
        ["push", "pull", "release", "resolve", "reject", "import", "pipeline", "export", "promise",
         "remap", "echo", "self", "later", "tell", "bytes", "bigint", "error", "undefined", "x"]
    ),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=12,
)  # fmt: skip


@given(st.lists(st.lists(JSON, min_size=1, max_size=5), max_size=8))
def test_whatever_a_peer_says_no_exception_gets_out(messages: list[list[object]]) -> None:
    peer = Peer()
    peer(*messages)
    for promise in peer.main.later:
        promise.reject(RpcError("late"))
    peer.session.close()
