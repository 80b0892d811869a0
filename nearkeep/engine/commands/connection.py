"""The commands about the connection: https://redis.io/docs/latest/commands/?group=connection"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from nearkeep.engine import timeout
from nearkeep.engine.acl import WRONG_PASS
from nearkeep.engine.command import command, container, help_lines
from nearkeep.engine.session import (
    IN_MULTI,
    MUTED,
    SUBSCRIBED,
    UNAUTHENTICATED,
    UNTOUCHING,
    Session,
)
from nearkeep.engine.text import (
    NOT_INTEGER,
    SYNTAX_ERROR,
    c_string,
    int32,
    integer,
    no_such_form,
    number_or,
)
from nearkeep.wire.reply import NO_REPLY, OK, PONG, Failure, Map, Reply, Status, Verbatim
from nearkeep.wire.request import parse_integer

if TYPE_CHECKING:
    from nearkeep.engine.session import Session

VERSION: Final = b"8.2.3"
"""The version of Redis whose behaviour this is."""

_BAD_NAME: Final = Failure(
    b"ERR Client names cannot contain spaces, newlines or special characters."
)
_NO_PASSWORD: Final = Failure(
    b"ERR AUTH <password> called without any password configured for the default user. Are you"
    b" sure your configuration is correct?"
)
_HELLO_FIRST: Final = Failure(
    b"NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO"
    b" <proto> AUTH <user> <pass> option can be used to authenticate the client and select the"
    b" RESP protocol version at the same time"
)
_KINDS: Final = frozenset((b"normal", b"master", b"replica", b"slave", b"pubsub"))


@command(
    "AUTH [username] password",
    group="connection", since="1.0.0", complexity="O(N)",
    flags="noscript loading stale fast no_auth allow_busy",
    summary="Logs the connection in.",
)
def auth(session: Session, args: list[bytes]) -> Reply:
    if len(args) > 3:
        return SYNTAX_ERROR
    users = session.namespace.users
    if len(args) == 2 and users.default.open:
        return _NO_PASSWORD
    name = args[1] if len(args) == 3 else b"default"
    user = users.authenticate(session, name, [args[0], args[-1]])
    if user is None:
        return WRONG_PASS
    session.become(user)
    return OK


container(
    "CLIENT",
    group="connection", since="2.4.0",
    acl="-connection",
    summary="The connections: name, list, pause and close them.",
)


@command(
    "CLIENT GETNAME",
    group="connection", since="2.6.9", complexity="O(1)",
    flags="noscript loading stale",
    summary="Returns the connection's name.",
)
def client_getname(session: Session, _args: list[bytes]) -> Reply:
    return session.name or None


@command(
    "CLIENT HELP",
    group="connection", since="5.0.0", complexity="O(1)",
    flags="loading stale",
    summary="Lists the subcommands of CLIENT.",
)
def client_help(session: Session, args: list[bytes]) -> Reply:
    return help_lines("client")


@command(
    "CLIENT ID",
    group="connection", since="5.0.0", complexity="O(1)",
    flags="noscript loading stale",
    summary="Returns the connection's number.",
)
def client_id(session: Session, _args: list[bytes]) -> Reply:
    return session.id


@command(
    "CLIENT INFO",
    group="connection", since="6.2.0", complexity="O(1)",
    flags="noscript loading stale", hints="nondeterministic_output",
    summary="Describes the connection.",
)
def client_info(session: Session, _args: list[bytes]) -> Reply:
    return Verbatim(describe(session) + b"\n")


@command(
    "CLIENT KILL filter=(old-format=ip:port | new-format=([ID client-id:integer] | [TYPE "
    "client-type=(NORMAL | MASTER | SLAVE | REPLICA | PUBSUB)] | [USER username] | "
    "[ADDR addr=ip:port] | [LADDR laddr=ip:port] | [SKIPME (YES | NO)] | "
    "[MAXAGE maxage:integer]) ...)",
    group="connection", since="2.4.0", complexity="O(N)",
    flags="admin noscript loading stale", arity=-3,
    summary="Closes connections.",
)
def client_kill(session: Session, args: list[bytes]) -> Reply:
    sessions = session.namespace.sessions
    if len(args) == 3:
        for other in list(sessions.values()):
            if other.outlet.address == args[2]:
                _kill(session, other)
                return OK
        return Failure(b"ERR No such client")
    chosen = ClientFilter(session, args)
    killed = 0
    for other in list(sessions.values()):
        if chosen.admits(other):
            _kill(session, other)
            killed += 1
    return killed


@command(
    "CLIENT LIST [TYPE client-type=(NORMAL | MASTER | REPLICA | PUBSUB)] "
    "[ID client-id:integer ...]",
    group="connection", since="2.4.0", complexity="O(N)",
    flags="admin noscript loading stale", hints="nondeterministic_output",
    summary="Describes the open connections.",
)
def client_list(session: Session, args: list[bytes]) -> Reply:
    sessions = session.namespace.sessions
    chosen = list(sessions.values())
    if len(args) > 2:
        option = args[2].upper()
        if option == b"TYPE" and len(args) == 4:
            kind = _kind_named(args[3])
            chosen = [other for other in chosen if kind_of(other) == kind]
        elif option == b"ID" and len(args) > 3:
            chosen = []
            for word in args[3:]:
                number = parse_integer(word)
                if number is None:
                    return Failure(b"ERR Invalid client ID")
                if number in sessions:
                    chosen.append(sessions[number])
        else:
            return SYNTAX_ERROR
    return Verbatim(b"".join([describe(other) + b"\n" for other in chosen]))


@command(
    "CLIENT NO-EVICT enabled=(ON | OFF)",
    group="connection", since="7.0.0", complexity="O(1)",
    flags="admin noscript loading stale",
    summary="Exempts the connection from being closed for its memory.",
)
def client_no_evict(session: Session, args: list[bytes]) -> Reply:
    session.no_evict = _on_or_off(args[2])
    return OK


@command(
    "CLIENT NO-TOUCH enabled=(ON | OFF)",
    group="connection", since="7.2.0", complexity="O(1)",
    flags="noscript loading stale",
    summary="Keeps the connection's reads from marking keys as used.",
)
def client_no_touch(session: Session, args: list[bytes]) -> Reply:
    if _on_or_off(args[2]):
        session.gate |= UNTOUCHING
    else:
        session.gate &= ~UNTOUCHING
    return OK


@command(
    "CLIENT PAUSE timeout:integer [mode=(WRITE | ALL)]",
    group="connection", since="3.0.0", complexity="O(1)",
    flags="admin noscript loading stale",
    summary="Holds back commands for a time.",
)
def client_pause(session: Session, args: list[bytes]) -> Reply:
    writes_only = False
    if len(args) == 4:
        mode = args[3].upper()
        if mode == b"WRITE":
            writes_only = True
        elif mode != b"ALL":
            return Failure(b"ERR CLIENT PAUSE mode must be WRITE or ALL")
    elif len(args) > 4:
        return SYNTAX_ERROR
    now = session.namespace.clock.ms
    session.namespace.pause(now + timeout.milliseconds(args[2], now), writes_only)
    return OK


@command(
    "CLIENT REPLY action=(ON | OFF | SKIP)",
    group="connection", since="3.2.0", complexity="O(1)",
    flags="noscript loading stale",
    summary="Turns replies on or off.",
)
def client_reply(session: Session, args: list[bytes]) -> Reply:
    mode = args[2].upper()
    if mode == b"ON":
        session.gate &= ~MUTED
        session.reply_mode = b"on"
        return OK
    if mode == b"OFF":
        session.gate |= MUTED
        session.reply_mode = b"off"
    elif mode == b"SKIP":
        if session.reply_mode != b"off":
            session.gate |= MUTED
            session.reply_mode = b"skip"
    else:
        return SYNTAX_ERROR
    return NO_REPLY


@command(
    "CLIENT SETINFO attr=(LIB-NAME libname | LIB-VER libver)",
    group="connection", since="7.2.0", complexity="O(1)",
    flags="noscript loading stale", hints="request_policy:all_nodes response_policy:all_succeeded",
    summary="Tells the name and version of the client library.",
)
def client_setinfo(session: Session, args: list[bytes]) -> Reply:
    option = args[2].upper()
    if option not in (b"LIB-NAME", b"LIB-VER"):
        return Failure(b"ERR Unrecognized option '%s'" % c_string(args[2]))
    if not _is_plain(args[3]):
        return Failure(
            b"ERR %s cannot contain spaces, newlines or special characters." % args[2]
        )
    if option == b"LIB-NAME":
        session.library = args[3]
    else:
        session.library_version = args[3]
    return OK


@command(
    "CLIENT SETNAME connection-name",
    group="connection", since="2.6.9", complexity="O(1)",
    flags="noscript loading stale", hints="request_policy:all_nodes response_policy:all_succeeded",
    summary="Names the connection.",
)
def client_setname(session: Session, args: list[bytes]) -> Reply:
    if not _is_plain(args[2]):
        return _BAD_NAME
    session.name = args[2]
    return OK


@command(
    "CLIENT UNBLOCK client-id:integer [unblock-type=(TIMEOUT | ERROR)]",
    group="connection", since="5.0.0", complexity="O(log N)",
    flags="admin noscript loading stale",
    summary="Ends the wait of another connection.",
)
def client_unblock(session: Session, args: list[bytes]) -> Reply:
    error = False
    if len(args) == 4:
        reason = args[3].upper()
        if reason == b"ERROR":
            error = True
        elif reason != b"TIMEOUT":
            return Failure(b"ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")
    elif len(args) > 4:
        return no_such_form(args)
    other = session.namespace.sessions.get(integer(args[2]))
    if other is None or other.blocked is None or other.blocked.reason == b"pause":
        return 0
    if error:
        other.unblock(Failure(b"UNBLOCKED client unblocked via CLIENT UNBLOCK"))
    else:
        other.unblock(other.blocked.timed_out)
    return 1


@command(
    "CLIENT UNPAUSE",
    group="connection", since="6.2.0", complexity="O(N)",
    flags="admin noscript loading stale",
    summary="Ends a pause.",
)
def client_unpause(session: Session, _args: list[bytes]) -> Reply:
    session.namespace.unpause()
    return OK


@command(
    "ECHO message",
    group="connection", since="1.0.0", complexity="O(1)",
    flags="loading stale fast",
    summary="Returns its argument.",
)
def echo(session: Session, args: list[bytes]) -> Reply:
    return args[1]


@command(
    "HELLO [arguments=(protover:integer [AUTH (username password)] [SETNAME clientname])]",
    group="connection", since="6.0.0", complexity="O(1)",
    flags="noscript loading stale fast no_auth allow_busy",
    summary="Chooses the protocol version, and can log in and name the connection.",
)
def hello(session: Session, args: list[bytes]) -> Reply:
    protocol = session.protocol
    if len(args) > 1:
        protocol = number_or(args[1], b"ERR Protocol version is not an integer or out of range")
        if protocol not in (2, 3):
            return Failure(b"NOPROTO unsupported protocol version")
    users = session.namespace.users
    name: bytes | None = None
    login: list[bytes] = []
    index = 2
    while index < len(args):
        option = args[index].upper()
        if option == b"AUTH" and index + 2 < len(args):
            login = args[index + 1 : index + 3]
            index += 3
        elif option == b"SETNAME" and index + 1 < len(args):
            name = args[index + 1]
            if not _is_plain(name):
                return _BAD_NAME
            index += 2
        else:
            return Failure(b"ERR Syntax error in HELLO option '%s'" % c_string(args[index]))
    if login:
        user = users.authenticate(session, login[0], [args[0], login[1]])
        if user is None:
            return WRONG_PASS
        session.become(user)
    if session.gate & UNAUTHENTICATED:
        return _HELLO_FIRST
    if name is not None:
        session.name = name
    session.protocol = protocol
    return Map(
        [
            b"server", b"redis",
            b"version", VERSION,
            b"proto", protocol,
            b"id", session.id,
            b"mode", b"standalone",
            b"role", b"master",
            b"modules", list[object](),
        ]
    )  # fmt: skip


@command(
    "PING [message]",
    group="connection", since="1.0.0", complexity="O(1)",
    flags="fast", hints="request_policy:all_shards response_policy:all_succeeded",
    summary="Answers PONG, or its argument.",
)
def ping(session: Session, args: list[bytes]) -> Reply:
    if len(args) > 2:
        return Failure(b"ERR wrong number of arguments for 'ping' command")
    if session.gate & SUBSCRIBED and session.protocol == 2:
        return [b"pong", args[1] if len(args) == 2 else b""]
    return args[1] if len(args) == 2 else PONG


@command(
    "QUIT",
    group="connection", since="1.0.0", complexity="O(1)",
    flags="noscript loading stale fast no_auth allow_busy", deprecated="7.2.0",
    replaced_by="closing the connection", arity=-1,
    summary="Ends the connection.",
)
def quit_(session: Session, _args: list[bytes]) -> Reply:
    session.outlet.close(after_reply=True)
    return OK


@command(
    "RESET",
    group="connection", since="6.2.0", complexity="O(1)",
    flags="noscript loading stale fast no_auth allow_busy",
    summary="Puts the connection back into its first state.",
)
def reset(session: Session, _args: list[bytes]) -> Reply:
    namespace = session.namespace
    session.clear_transaction()
    namespace.pubsub.leave(session)
    namespace.stop_monitoring(session)
    namespace.tracking.stop(session)
    if session.reply_mode == b"skipping":  # also of the reply to this command
        session.gate = MUTED
    else:
        session.gate = 0
        session.reply_mode = b"on"
    session.protocol = 2
    session.name = b""
    session.no_evict = False
    session.select(0)
    default = namespace.users.default
    session.become(default)
    if not default.open or not default.enabled:
        session.gate |= UNAUTHENTICATED
    return Status(b"RESET")


@command(
    "SELECT index:integer",
    group="connection", since="1.0.0", complexity="O(1)",
    flags="loading stale fast",
    summary="Chooses the database.",
)
def select(session: Session, args: list[bytes]) -> Reply:
    index = int32(args[1])
    if not 0 <= index < len(session.namespace.databases):
        return Failure(b"ERR DB index is out of range")
    session.select(index)
    return OK


def kind_of(session: Session) -> bytes:
    """The class of a client, as CLIENT LIST TYPE names it."""
    if session.channels or session.patterns or session.shard_channels:
        return b"pubsub"
    return b"normal"


def flags_of(session: Session) -> bytes:
    """What a client is and does, in the letters of CLIENT LIST."""
    flags = b""
    if session.monitoring:
        flags += b"O"
    if session.blocked is not None and session.blocked.reason != b"pause":
        flags += b"b"
    if session.channels or session.patterns or session.shard_channels:
        flags += b"P"
    if session.gate & IN_MULTI:
        flags += b"x"
    if session.dirty:
        flags += b"d"
    if session.tracking is not None:
        flags += b"t"
        flags += b"B" if session.tracking.broadcast else b""
        flags += b"R" if session.tracking.broken else b""
    if session.no_evict:
        flags += b"e"
    if session.gate & UNTOUCHING:
        flags += b"T"
    return flags or b"N"


def describe(session: Session) -> bytes:
    """A client as a line of CLIENT LIST."""
    now = session.namespace.clock.ms
    waiting = session.outlet.output_size()
    pending = session.outlet.input_size()
    command = session.last
    fields: list[tuple[bytes, object]] = [
        (b"id", session.id),
        (b"addr", session.outlet.address),
        (b"laddr", session.outlet.local_address),
        (b"fd", session.outlet.descriptor()),
        (b"name", session.name),
        (b"age", (now - session.created) // 1000),
        (b"idle", (now - session.active) // 1000),
        (b"flags", flags_of(session)),
        (b"db", session.db.index),
        (b"sub", len(session.channels)),
        (b"psub", len(session.patterns)),
        (b"ssub", len(session.shard_channels)),
        (b"multi", len(session.queue) if session.gate & IN_MULTI else -1),
        (b"watch", len(session.watched)),
        (b"qbuf", pending),
        (b"qbuf-free", 0),
        (b"argv-mem", 0),
        (b"multi-mem", session.queued_bytes),
        (b"rbs", 1024),
        (b"rbp", 0),
        (b"obl", 0),
        (b"oll", 1 if waiting else 0),
        (b"omem", waiting),
        (b"tot-mem", waiting + pending + session.queued_bytes + 2048),
        (b"events", b"r"),
        (b"cmd", command.name if command is not None else b"NULL"),
        (b"user", session.user.name),
        (b"redir", -1 if session.tracking is None else session.tracking.redirect),
        (b"resp", session.protocol),
        (b"lib-name", session.library),
        (b"lib-ver", session.library_version),
        (b"io-thread", 0),
        (b"tot-net-in", session.input_bytes),
        (b"tot-net-out", session.output_bytes),
        (b"tot-cmds", session.commands_run),
    ]
    return b" ".join(
        [
            b"%s=%s" % (name, value if isinstance(value, bytes) else str(value).encode())
            for name, value in fields
        ]
    )


def _kind_named(word: bytes) -> bytes:
    kind = word.lower()
    if kind not in _KINDS:
        raise Failure(b"ERR Unknown client type '%s'" % c_string(word))
    return b"replica" if kind == b"slave" else kind


def _kill(killer: Session, session: Session) -> None:
    session.outlet.close(after_reply=session is killer)


def _on_or_off(word: bytes) -> bool:
    choice = word.upper()
    if choice not in (b"ON", b"OFF"):
        raise Failure(SYNTAX_ERROR.message)
    return choice == b"ON"


def _is_plain(text: bytes) -> bool:
    """Whether all of the text, as a C string, can be printed and none of it is a blank."""
    for char in c_string(text):
        if char < 33 or char > 126:
            return False
    return True


class ClientFilter:
    """Which clients CLIENT KILL means; all options must fit.

    Raises:
        Failure: an option is unknown or its value makes no sense.
    """

    def __init__(self, session: Session, args: list[bytes]) -> None:
        self.me = session
        self.skip_me = True
        self.id: int | None = None
        self.kind: bytes | None = None
        self.address: bytes | None = None
        self.local_address: bytes | None = None
        self.user: bytes | None = None
        self.age: int | None = None
        for index in range(2, len(args), 2):
            if index + 1 == len(args):
                raise Failure(SYNTAX_ERROR.message)
            self._option(args[index].upper(), args[index + 1])

    def _option(self, option: bytes, value: bytes) -> None:
        if option == b"ID":
            self.id = parse_integer(value)
            if self.id is None or self.id < 1:
                raise Failure(b"ERR client-id should be greater than 0")
        elif option == b"MAXAGE":
            self.age = parse_integer(value)
            if self.age is None:
                raise Failure(NOT_INTEGER.message)
            if self.age < 1:
                raise Failure(b"ERR maxage should be greater than 0")
        elif option == b"TYPE":
            self.kind = _kind_named(value)
        elif option == b"ADDR":
            self.address = value
        elif option == b"LADDR":
            self.local_address = value
        elif option == b"USER":
            self.user = value
            if value not in self.me.namespace.users.named:
                raise Failure(b"ERR No such user '%s'" % c_string(value))
        elif option == b"SKIPME":
            if value.lower() not in (b"yes", b"no"):
                raise Failure(SYNTAX_ERROR.message)
            self.skip_me = value.lower() == b"yes"
        else:
            raise Failure(SYNTAX_ERROR.message)

    def admits(self, session: Session) -> bool:
        """Whether a client is meant."""
        now = session.namespace.clock.ms
        return not (
            (self.skip_me and session is self.me)
            or (self.id is not None and session.id != self.id)
            or (self.kind is not None and kind_of(session) != self.kind)
            or (self.address is not None and session.outlet.address != self.address)
            or (
                self.local_address is not None
                and session.outlet.local_address != self.local_address
            )
            or (self.user is not None and session.user.name != self.user)
            or (self.age is not None and (now - session.created) // 1000 < self.age)
        )
