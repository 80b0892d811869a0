"""Users and access: https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from nearkeep.engine.acl import (
    COMMAND,
    REASONS,
    RuleError,
    Selector,
    UnmatchedError,
    has_blanks,
    with_subcommands,
)
from nearkeep.engine.command import (
    CATEGORIES,
    command,
    container,
    find,
    help_lines,
    names_of,
)
from nearkeep.engine.session import wrong_arity
from nearkeep.engine.text import c_string, integer, no_such_form
from nearkeep.wire.reply import OK, Failure, Map, Reply, SetReply
from nearkeep.wire.rest import make_token

if TYPE_CHECKING:
    from nearkeep.engine.session import Session

_NO_FILE: Final = Failure(
    b"ERR This Redis instance is not configured to use an ACL file. You may want to specify users"
    b" via the ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis"
    b" configuration file set) in order to store users in the Redis configuration."
)


container(
    "ACL",
    group="server", since="6.0.0",
    summary="Users and what they may do.",
)


@command(
    "ACL CAT [category]",
    group="server", since="6.0.0", complexity="O(1)",
    flags="noscript loading stale",
    summary="Lists the categories, or the commands in one.",
)
def acl_cat(_session: Session, args: list[bytes]) -> Reply:
    if len(args) > 3:
        return no_such_form(args)
    known = 0
    for one in with_subcommands():
        known |= one.categories
    if len(args) == 2:
        return [name.encode() for name in names_of(known, CATEGORIES)]
    name = args[2].lower().decode("latin-1")
    if name not in names_of(known, CATEGORIES):
        return Failure(b"ERR Unknown category '%s'" % c_string(args[2]))
    bit = 1 << CATEGORIES.index(name)
    return [one.name for one in with_subcommands() if one.categories & bit]


@command(
    "ACL DELUSER username ...",
    group="server", since="6.0.0", complexity="O(1)",
    flags="admin noscript loading stale",
    hints="request_policy:all_nodes response_policy:all_succeeded",
    summary="Deletes users and closes their connections.",
)
def acl_deluser(session: Session, args: list[bytes]) -> Reply:
    namespace = session.namespace
    if b"default" in args[2:]:
        return Failure(b"ERR The 'default' user cannot be removed")
    sessions = list(namespace.sessions.values())
    return sum([namespace.users.delete(name, sessions) for name in args[2:]])


@command(
    "ACL DRYRUN username command [arg ...]",
    group="server", since="7.0.0", complexity="O(1)",
    flags="admin noscript loading stale",
    summary="Tells whether a user could run a command.",
)
def acl_dryrun(session: Session, args: list[bytes]) -> Reply:
    user = session.namespace.users.named.get(args[2])
    if user is None:
        return Failure(b"ERR User '%s' not found" % c_string(args[2]))
    words = args[3:]
    wanted = find(words)
    if wanted is None:
        return Failure(b"ERR Command '%s' not found" % c_string(args[3]))
    if not wanted.accepts(len(words)):
        return wrong_arity(wanted)
    denial = user.denial(wanted, words)
    if denial is None:
        return OK
    reason, index = denial
    if reason == COMMAND:
        return b"User %s has no permissions to run the '%s' command" % (user.name, wanted.name)
    return b"User %s has no permissions to access the '%s' %s" % (
        user.name, words[index], REASONS[reason],
    )  # fmt: skip


@command(
    "ACL GENPASS [bits:integer]",
    group="server", since="6.0.0", complexity="O(1)",
    flags="noscript loading stale",
    summary="Returns a random password.",
)
def acl_genpass(session: Session, args: list[bytes]) -> Reply:
    if len(args) > 3:
        return no_such_form(args)
    bits = integer(args[2]) if len(args) == 3 else 256
    if not 0 < bits <= 4096:
        return Failure(
            b"ERR ACL GENPASS argument must be the number of bits for the output password, a"
            b" positive number up to 4096"
        )
    digits = (bits + 3) // 4
    return session.namespace.host.entropy((digits + 1) // 2).hex().encode()[:digits]


@command(
    "ACL GETUSER username",
    group="server", since="6.0.0", complexity="O(N)",
    flags="admin noscript loading stale",
    summary="Describes a user's rules.",
)
def acl_getuser(session: Session, args: list[bytes]) -> Reply:
    user = session.namespace.users.named.get(args[2])
    if user is None:
        return None
    return Map(
        [
            b"flags", SetReply(list[object](user.flags())),
            b"passwords", list[object](user.passwords),
            *_rules(user.selectors[0]),
            b"selectors", [Map(_rules(selector)) for selector in user.selectors[1:]],
        ]
    )  # fmt: skip


@command(
    "ACL HELP",
    group="server", since="6.0.0", complexity="O(1)",
    flags="loading stale",
    summary="Lists the subcommands of ACL.",
)
def acl_help(_session: Session, _args: list[bytes]) -> Reply:
    return help_lines("acl")


@command(
    "ACL LIST",
    group="server", since="6.0.0", complexity="O(N)",
    flags="admin noscript loading stale",
    summary="Lists the users as lines of an ACL file.",
)
def acl_list(session: Session, _args: list[bytes]) -> Reply:
    return list[object](session.namespace.users.lines())


@command(
    "ACL LOAD",
    group="server", since="6.0.0", complexity="O(N)",
    flags="admin noscript loading stale",
    summary="Reads the ACL file again.",
)
def acl_load(session: Session, _args: list[bytes]) -> Reply:
    namespace = session.namespace
    path = namespace.settings.string("aclfile")
    if not path:
        return _NO_FILE
    errors = namespace.load_users()
    return Failure(b"ERR " + errors) if errors else OK


@command(
    "ACL LOG [operation=(count:integer | RESET)]",
    group="server", since="6.0.0", complexity="O(N)",
    flags="admin noscript loading stale",
    summary="Shows or clears the log of refused commands and log-ins.",
)
def acl_log(session: Session, args: list[bytes]) -> Reply:
    if len(args) > 3:
        return no_such_form(args)
    log = session.namespace.users.log
    count = 10
    if len(args) == 3:
        if args[2].lower() == b"reset":
            log.clear()
            return OK
        count = max(integer(args[2]), 0)
    now = session.namespace.clock.ms
    return [entry.shown(now) for entry in log.entries[:count]]


@command(
    "ACL RESTTOKEN username password",
    group="server", since="6.0.0", complexity="O(1)",
    flags="noscript loading stale",
    summary="Returns the token with which HTTP requests are this user's.",
)
def acl_resttoken(session: Session, args: list[bytes]) -> Reply:
    name, password = args[2], args[3]
    user = session.namespace.users.authenticate(session, name, [b"ACL", password])
    if user is None:
        return Failure(b'ERR Wrong password or user "%s" does not exist' % c_string(name))
    return make_token(name, password)


@command(
    "ACL SAVE",
    group="server", since="6.0.0", complexity="O(N)",
    flags="admin noscript loading stale",
    hints="request_policy:all_nodes response_policy:all_succeeded",
    summary="Writes the users to the ACL file.",
)
def acl_save(session: Session, _args: list[bytes]) -> Reply:
    namespace = session.namespace
    path = namespace.settings.string("aclfile")
    if not path:
        return _NO_FILE
    text = b"".join([line + b"\n" for line in namespace.users.lines()])
    try:
        namespace.host.write_text(path, text)
    except OSError:
        return Failure(
            b"ERR There was an error trying to save the ACLs. Please check the server logs for more"
            b" information"
        )
    return OK


@command(
    "ACL SETUSER username [rule ...]",
    group="server", since="6.0.0", complexity="O(N)",
    flags="admin noscript loading stale",
    hints="request_policy:all_nodes response_policy:all_succeeded",
    summary="Creates a user or changes one's rules.",
)
def acl_setuser(session: Session, args: list[bytes]) -> Reply:
    name = args[2]
    if has_blanks(name):
        return Failure(b"ERR Usernames can't contain spaces or null characters")
    namespace = session.namespace
    try:
        namespace.users.set(name, args[3:], list(namespace.sessions.values()))
    except RuleError as error:
        return Failure(
            b"ERR Error in ACL SETUSER modifier '%s': %s" % (c_string(error.rule), error.reason)
        )
    except UnmatchedError as unmatched:
        return Failure(
            b"ERR Unmatched parenthesis in acl selector starting at '%s'." % c_string(unmatched.start)
        )
    return OK


@command(
    "ACL USERS",
    group="server", since="6.0.0", complexity="O(N)",
    flags="admin noscript loading stale",
    summary="Lists the names of the users.",
)
def acl_users(session: Session, _args: list[bytes]) -> Reply:
    return list[object](session.namespace.users.names())


@command(
    "ACL WHOAMI",
    group="server", since="6.0.0", complexity="O(1)",
    flags="noscript loading stale",
    summary="Returns the name of the connection's user.",
)
def acl_whoami(session: Session, _args: list[bytes]) -> Reply:
    return session.user.name


def _rules(selector: Selector) -> list[object]:
    return [
        b"commands", selector.shown_commands(),
        b"keys", selector.shown_keys(),
        b"channels", selector.shown_channels(),
    ]  # fmt: skip
