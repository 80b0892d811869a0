"""REST: an HTTP request as commands, in the manner of Upstash.

    GET  /get/key                 the command in the path
    POST /set/key?EX=100          the body is the last argument, the query's words follow it
    POST /                        the command as a JSON array
    POST /pipeline                an array of commands
    POST /multi-exec              the same, as one transaction
    GET  /subscribe/channel       server-sent events; so /psubscribe and /monitor
    GET  /live/key/pattern        values of keys now and after each change, as events

Header `Upstash-Encoding: base64` asks for strings in base64, `Upstash-Response-Format: resp2` for
RESP. The token stands in `Authorization: Bearer` or in the parameter `_token`.

Source: https://upstash.com/docs/redis/features/restapi
"""

import binascii
from base64 import b64decode, urlsafe_b64decode, urlsafe_b64encode
from typing import Final

import orjson

from nearkeep.wire.double import format_double
from nearkeep.wire.http import Request, unescaped

COMMAND: Final = 0
PIPELINE: Final = 1
TRANSACTION: Final = 2
EVENTS: Final = 3

_BATCHES: Final = {b"pipeline": PIPELINE, b"multi-exec": TRANSACTION}
LIVE: Final = b"live"
_EVENTS: Final = frozenset((b"subscribe", b"psubscribe", b"monitor", LIVE))
_METHODS: Final = frozenset((b"GET", b"HEAD", b"POST", b"PUT"))

ALLOWED: Final = b"GET, HEAD, POST, PUT, OPTIONS"
"""The methods that are served."""

_STATEFUL: Final = frozenset(
    (
        b"auth", b"hello", b"select", b"reset", b"quit", b"client",
        b"multi", b"exec", b"discard", b"watch", b"unwatch",
        b"subscribe", b"unsubscribe", b"psubscribe", b"punsubscribe", b"ssubscribe",
        b"sunsubscribe", b"monitor",
    )
)  # fmt: skip
"""Commands that are about a connection, of which a request of REST has none."""

_STATELESS_CLIENT: Final = frozenset(
    (b"getname", b"help", b"id", b"info", b"kill", b"list", b"pause", b"setinfo", b"unblock",
     b"unpause")
)  # fmt: skip

_TOKEN: Final = b"nk_"


class RestError(Exception):
    """A request that can't be served."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Call:
    """What a request asks for.

    Attributes:
        kind: COMMAND, PIPELINE, TRANSACTION or EVENTS.
        commands: each a name and its arguments; of COMMAND and EVENTS there is one.
        base64: whether strings are wanted in base64.
        resp2: whether RESP is wanted in place of JSON.
    """

    def __init__(self, kind: int, commands: list[list[bytes]], base64: bool, resp2: bool) -> None:
        self.kind = kind
        self.commands = commands
        self.base64 = base64
        self.resp2 = resp2


def call_of(request: Request) -> Call:
    """What a request asks for.

    Raises:
        RestError: it can't be served.
    """
    if request.method not in _METHODS:
        raise RestError(405, f"ERR method not allowed, expected one of {ALLOWED.decode()}")
    base64, resp2 = _formats(request)
    words = [unescaped(word) for word in request.path[1:].split(b"/")]
    name = words[0].lower()
    if words == [b""]:
        return Call(COMMAND, [_command(_json(request.body))], base64, resp2)
    kind = _BATCHES.get(name) if len(words) == 1 else None
    if kind is not None:
        if kind == TRANSACTION and resp2:
            raise RestError(400, "ERR /multi-exec answers in JSON only")
        return Call(kind, _commands(_json(request.body)), base64, resp2)
    if name in _EVENTS:
        if name == LIVE and len(words) < 2:
            raise RestError(400, "ERR expected keys or patterns: /live/<pattern>")
        return Call(EVENTS, [[name, *words[1:]]], base64, resp2)
    if request.body:
        words.append(request.body)
    for parameter, value in request.query:
        if parameter != b"_token":
            words.append(parameter)
            if value is not None:
                words.append(value)
    return Call(COMMAND, [stateless(words)], base64, resp2)


def _formats(request: Request) -> tuple[bool, bool]:
    """Whether base64 and whether RESP2 is wanted."""
    base64 = request.header(b"upstash-encoding").lower() == b"base64"
    wanted = request.header(b"upstash-response-format").lower()
    if wanted not in (b"", b"json", b"resp2"):
        raise RestError(400, "ERR Upstash-Response-Format must be json or resp2")
    if base64 and wanted == b"resp2":
        raise RestError(400, "ERR base64 is for JSON, resp2 needs no encoding")
    return base64, wanted == b"resp2"


def _json(body: bytes) -> object:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise RestError(400, f"ERR failed to parse the request's JSON: {error}") from None


def _commands(value: object) -> list[list[bytes]]:
    if not isinstance(value, list):
        raise RestError(400, "ERR expected a JSON array of commands")
    return [_command(item) for item in value]


def _command(value: object) -> list[bytes]:
    if not isinstance(value, list):
        raise RestError(400, "ERR expected a JSON array: the command's name and its arguments")
    if not value:
        raise RestError(400, "ERR empty command")
    return stateless([argument(item) for item in value])


def argument(value: object) -> bytes:
    """A JSON value as a command's argument.

    Raises:
        RestError: it is none that a command could have.
    """
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    if isinstance(value, bool):
        return b"true" if value else b"false"
    if isinstance(value, int):
        return b"%d" % value
    if isinstance(value, float):
        return format_double(value)
    raise RestError(400, "ERR arguments must be strings, numbers or booleans")


def stateless(args: list[bytes]) -> list[bytes]:
    """The command, unless it makes no sense where each request stands for itself."""
    name = args[0].lower()
    if name in _STATEFUL and (
        name != b"client" or len(args) < 2 or args[1].lower() not in _STATELESS_CLIENT
    ):
        shown = name.decode()
        raise RestError(400, f"ERR '{shown}' is about a connection, which REST does not have")
    return args


# ---- who asks


def credentials(request: Request) -> tuple[bytes, bytes] | None:
    """User name and password, if any are given."""
    scheme, _, value = request.header(b"authorization").partition(b" ")
    value = value.strip()
    if scheme.lower() == b"bearer":
        return read_token(value)
    if scheme.lower() == b"basic":
        try:
            name, colon, password = b64decode(value, validate=True).partition(b":")
        except binascii.Error:
            return None
        return (name or b"default", password) if colon else None
    for parameter, token in request.query:
        if parameter == b"_token":
            return read_token(token or b"")
    return None


def make_token(name: bytes, password: bytes) -> bytes:
    """A token that stands for user name and password."""
    return _TOKEN + urlsafe_b64encode(name + b"\0" + password).rstrip(b"=")


def read_token(token: bytes) -> tuple[bytes, bytes]:
    """User name and password of a token; what is none is the default user's password."""
    if token.startswith(_TOKEN):
        encoded = token[len(_TOKEN) :]
        try:
            text = urlsafe_b64decode(encoded + b"=" * (-len(encoded) % 4))
        except binascii.Error:
            text = b""
        name, mark, password = text.partition(b"\0")
        if mark:
            return name, password
    return b"default", token
