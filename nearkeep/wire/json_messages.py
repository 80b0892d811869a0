"""WebSocket's subprotocol `json`: requests with an id, replies with the same, and events.

    {"id": 1, "command": ["SET", "key", "value"]}       {"id": 1, "result": "OK"}
    {"id": 2, "pipeline": [["GET", "a"], ["NO"]]}       {"id": 2, "results": [{"result": null}, …]}
    {"id": 3, "transaction": [["INCR", "n"]]}           {"id": 3, "results": [{"result": 1}]}
    {"id": 4, "subscribe": ["news"]}                    {"id": 4, "result": ["news"]}

    {"id": 5, "watch": ["flag:*"]}                      {"id": 5, "result": ["flag:*"]}

    {"event": "message", "channel": "news", "message": "hello"}
    {"event": "key", "key": "flag:dark", "type": "string", "value": "on"}

Where channels keep recent messages, a message and the reply to `subscribe` say where the subscriber stands
(`at`), and `"since": at` with a later `subscribe` brings what was missed, ahead of the reply.

Values have the shapes that REST gives them (see json_reply.py).
"""

from typing import Final

import orjson

from nearkeep.wire.json_reply import Text, as_text, outcome, plain
from nearkeep.wire.reply import Failure, Push, Reply
from nearkeep.wire.rest import RestError, argument

COMMAND: Final = "command"
PIPELINE: Final = "pipeline"
TRANSACTION: Final = "transaction"
SUBSCRIPTIONS: Final = ("subscribe", "psubscribe", "unsubscribe", "punsubscribe")
BEGINNINGS: Final = ("subscribe", "psubscribe")
WATCHES: Final = ("watch", "unwatch")

_DEEDS: Final = (COMMAND, PIPELINE, TRANSACTION, *SUBSCRIPTIONS, *WATCHES)
_FIELDS: Final[dict[bytes, tuple[str, ...]]] = {
    b"message": ("channel", "message"),
    b"smessage": ("channel", "message"),
    b"pmessage": ("pattern", "channel", "message"),
    b"invalidate": ("keys",),
    b"gap": ("channel",),
}
"""The names of what an event holds."""


class Ask:
    """One request.

    Attributes:
        id: given back with the reply; any JSON value.
        deed: COMMAND, PIPELINE, TRANSACTION, one of SUBSCRIPTIONS or of WATCHES.
        commands: what is to be run.
        since: where a subscriber was who has come back, or empty.
    """

    def __init__(
        self, id_: object, deed: str, commands: list[list[bytes]], since: bytes = b""
    ) -> None:
        self.id = id_
        self.since = since
        self.deed = deed
        self.commands = commands


class MessageError(Exception):
    """A message that is no request; `id` is its id, if it has one."""

    def __init__(self, id_: object, message: str) -> None:
        super().__init__(message)
        self.id = id_
        self.message = message


def read(text: bytes) -> Ask:
    """The request that a message holds.

    Raises:
        MessageError: it holds none.
    """
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError as problem:
        raise MessageError(None, f"ERR failed to parse JSON: {problem}") from None
    if not isinstance(message, dict):
        raise MessageError(None, "ERR expected a JSON object")
    id_ = message.get("id")
    deeds = [deed for deed in _DEEDS if deed in message]
    if len(deeds) != 1:
        raise MessageError(id_, f"ERR expected one of {', '.join(_DEEDS)}")
    deed = deeds[0]
    try:
        commands = _commands(deed, message[deed])
    except RestError as refused:
        raise MessageError(id_, refused.message) from None
    since = message.get("since")
    return Ask(id_, deed, commands, since.encode() if isinstance(since, str) else b"")


def _commands(deed: str, value: object) -> list[list[bytes]]:
    if not isinstance(value, list):
        raise RestError(400, f"ERR expected an array as {deed}")
    if deed in (PIPELINE, TRANSACTION):
        commands = [_command(item) for item in value]
        return [[b"MULTI"], *commands, [b"EXEC"]] if deed == TRANSACTION else commands
    if deed == COMMAND:
        return [_command(value)]
    return [[deed.encode(), *[argument(item) for item in value]]]


def _command(value: object) -> list[bytes]:
    if not isinstance(value, list) or not value:
        raise RestError(400, "ERR expected an array: the command's name and its arguments")
    return [argument(item) for item in value]


def reply_to(ask: Ask, replies: list[Reply], base64: bool, at: bytes = b"") -> bytes:
    """What is answered; `at` is what a subscriber may come back with."""
    answer: dict[str, object] = {"id": ask.id}
    last = replies[-1] if replies else None
    if ask.deed == PIPELINE:
        answer["results"] = [outcome(reply, base64) for reply in replies]
    elif ask.deed == TRANSACTION and isinstance(last, list):
        answer["results"] = [outcome(reply, base64) for reply in last]
    elif ask.deed in WATCHES and not isinstance(last, Failure):
        answer["result"] = [as_text(name) for name in ask.commands[0][1:]]
    elif ask.deed in SUBSCRIPTIONS and not isinstance(last, Failure):
        answer["result"] = [as_text(name) for name in ask.commands[0][1:]]
        if at:
            answer["at"] = as_text(at)
    else:
        answer.update(outcome(last, base64))
    return orjson.dumps(answer)


def refusal(problem: MessageError) -> bytes:
    """What is answered to a message that is no request."""
    return orjson.dumps({"id": problem.id, "error": problem.message})


def event(message: Reply, text: Text) -> bytes:
    """A message of the engine as an event."""
    if not isinstance(message, Push):
        return orjson.dumps({"event": "monitor", "line": plain(message, as_text)})
    kind = message.items[0]
    if kind == b"key":
        return _key_event(message, text)
    names = _FIELDS.get(kind) if isinstance(kind, bytes) else None
    shown: dict[str, object] = {"event": plain(kind, as_text)}
    if names is None or len(names) != len(message.items) - 1:
        shown["data"] = [plain(item, text) for item in message.items[1:]]
        return orjson.dumps(shown)
    for name, item in zip(names, message.items[1:], strict=True):
        shown[name] = plain(item, text if name == "message" else as_text)
    if message.id:
        shown["at"] = as_text(message.id)
    return orjson.dumps(shown)


def _key_event(message: Push, text: Text) -> bytes:
    """What has become of a key: a hash is an object, a sorted set an array of pairs."""
    _, key, type_, value = message.items
    shown = plain(value, text)
    if type_ == b"hash" and isinstance(shown, list):
        shown = dict(zip(shown[::2], shown[1::2], strict=True))
    elif type_ == b"zset" and isinstance(shown, list):
        shown = [[shown[at], shown[at + 1]] for at in range(0, len(shown), 2)]
    event_ = {"event": "key", "key": plain(key, as_text), "type": plain(type_, as_text)}
    return orjson.dumps(event_ | {"value": shown})
