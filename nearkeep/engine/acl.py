"""Users and what they may do.

A user has passwords and selectors: the first, the root, is what its own rules say, each other one
stands in parentheses. A command may run if a single selector allows all of it: the command, its
keys, its channels. What a selector allows is a set of commands, so that most checks are one
look-up; users who may do everything are never checked (`User.unrestricted`).

Source: https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/
"""

import hashlib
import hmac
from typing import TYPE_CHECKING, Final

from nearkeep.engine.acl_log import AccessLog
from nearkeep.engine.command import (
    CATEGORIES,
    NO_AUTH,
    Command,
    every_command,
    keys_with_flags,
    lookup,
    subcommands_of,
)
from nearkeep.engine.glob import matches
from nearkeep.engine.keyspec import ACCESS, DELETE, INSERT, UPDATE
from nearkeep.engine.session import IN_MULTI, IN_SCRIPT, RESTRICTED, UNAUTHENTICATED
from nearkeep.wire.reply import Failure

if TYPE_CHECKING:
    from nearkeep.engine.session import Session
    from nearkeep.engine.settings import Settings

WRONG_PASS: Final = Failure(b"WRONGPASS invalid username-password pair or user is disabled.")

# Why something is denied; of several selectors' reasons the highest is told.
COMMAND: Final = 1
KEY: Final = 2
CHANNEL: Final = 4

Denial = tuple[int, int]
"""A reason and the index of the argument that it is about."""

REASONS: Final = {COMMAND: b"command", KEY: b"key", CHANNEL: b"channel"}
_CHANGED: Final = {
    COMMAND: b"no permission to execute the command or subcommand",
    KEY: b"no permission to touch the specified keys",
    CHANNEL: b"no permission to access one of the channels used as arguments to the command",
}

_READ: Final = 1
_WRITE: Final = 2
_WRITES: Final = INSERT | DELETE | UPDATE
_SIGNS: Final = {_READ: b"%R~", _WRITE: b"%W~", _READ | _WRITE: b"~"}
_HEXADECIMAL: Final = frozenset(b"0123456789abcdef")
_BLANKS: Final = frozenset(b" \t\n\v\f\r\0")

_ONE_CHANNEL: Final = frozenset((b"publish", b"spublish"))
_CHANNELS: Final = frozenset((b"subscribe", b"ssubscribe"))
_PATTERNS: Final = frozenset((b"psubscribe",))

_SYNTAX: Final = b"Syntax error"
_UNKNOWN: Final = b"Unknown command or category name in ACL"
_FIRST_ARG: Final = b"Allowing first-arg of a subcommand is not supported"
_NO_PASSWORD: Final = b"The password you are trying to remove from the user does not exist"
_BAD_HASH: Final = (
    b"The password hash must be exactly 64 characters and contain only lowercase hexadecimal"
    b" characters"
)
_ALL_KEYS: Final = (
    b"Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have"
    b" any effect. Try 'resetkeys' to start with an empty list of patterns"
)
_ALL_CHANNELS: Final = (
    b"Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not"
    b" have any effect. Try 'resetchannels' to start with an empty list of channels"
)


class RuleError(Exception):
    """A rule that won't do, and why."""

    def __init__(self, rule: bytes, reason: bytes) -> None:
        super().__init__(reason.decode())
        self.rule = rule
        self.reason = reason


class UnmatchedError(Exception):
    """A selector without its closing parenthesis."""

    def __init__(self, start: bytes) -> None:
        super().__init__("Unmatched parenthesis in selector")
        self.start = start


class Selector:
    """Commands together with the keys and channels that they may touch.

    Attributes:
        rules: those about commands since the last `+@all` or `-@all`, as ACL LIST shows them.
        patterns: key patterns with their permissions.
        first_args: of commands that are not allowed, with which first argument they are.
    """

    def __init__(self, all_channels: bool) -> None:
        self.all_commands = False
        self.all_keys = False
        self.all_channels = all_channels
        self.allowed: set[Command] = set()
        self.first_args: dict[Command, list[bytes]] = {}
        self.starts_with_all = False
        self.rules: list[bytes] = []
        self.patterns: dict[bytes, int] = {}
        self.channels: dict[bytes, None] = {}

    def copy(self) -> "Selector":
        twin = Selector(self.all_channels)
        twin.all_commands = self.all_commands
        twin.all_keys = self.all_keys
        twin.allowed = set(self.allowed)
        twin.first_args = {one: list(words) for one, words in self.first_args.items()}
        twin.starts_with_all = self.starts_with_all
        twin.rules = list(self.rules)
        twin.patterns = dict(self.patterns)
        twin.channels = dict(self.channels)
        return twin

    # ---- checking

    def denial(self, command: Command, args: list[bytes]) -> Denial | None:
        """Why the command may not run, or None."""
        if (
            not self.all_commands
            and command not in self.allowed
            and not command.flags & NO_AUTH
            and not self._allows_first_arg(command, args)
        ):
            return COMMAND, 0
        if not self.all_keys and (command.key_specs or command.getkeys is not None):
            for index, flags in keys_with_flags(command, args):
                if not self._allows_key(args[index], flags):
                    return KEY, index
        if not self.all_channels:
            for index in channel_positions(command, args):
                if not self.allows_channel(args[index], command.name in _PATTERNS):
                    return CHANNEL, index
        return None

    def _allows_first_arg(self, command: Command, args: list[bytes]) -> bool:
        words = self.first_args.get(command)
        return words is not None and len(args) > 1 and args[1].lower() in words

    def _allows_key(self, key: bytes, flags: int) -> bool:
        needed = (_READ if flags & ACCESS else 0) | (_WRITE if flags & _WRITES else 0)
        for pattern, permission in self.patterns.items():
            if permission & needed == needed and matches(pattern, key):
                return True
        return False

    def allows_channel(self, channel: bytes, is_pattern: bool) -> bool:
        """Whether a channel may be used; a pattern must be listed as it stands."""
        if self.all_channels or channel in self.channels:
            return True
        if is_pattern:
            return False
        for pattern in self.channels:
            if matches(pattern, channel):
                return True
        return False

    # ---- rules

    def apply(self, rule: bytes) -> None:
        """Follows a rule. Raises RuleError."""
        word = rule.lower()
        sign = rule[:1]
        if word in (b"allcommands", b"+@all"):
            self._start(everything=True)
        elif word in (b"nocommands", b"-@all"):
            self._start(everything=False)
        elif word in (b"allkeys", b"~*"):
            self.all_keys = True
            self.patterns = {}
        elif word == b"resetkeys":
            self.all_keys = False
            self.patterns = {}
        elif word in (b"allchannels", b"&*"):
            self.all_channels = True
            self.channels = {}
        elif word == b"resetchannels":
            self.all_channels = False
            self.channels = {}
        elif sign in (b"~", b"%"):
            self._add_pattern(rule)
        elif sign == b"&":
            self._add_channel(rule)
        elif rule[:2] in (b"+@", b"-@"):
            self._set_category(rule)
        elif sign == b"+":
            self._allow(rule)
        elif sign == b"-":
            command = lookup(word[1:])
            if command is None:
                raise RuleError(rule, _UNKNOWN)
            self._set(command, allowed=False)
            self._note(b"-" + command.name)
        else:
            raise RuleError(rule, _SYNTAX)

    def _start(self, everything: bool) -> None:
        self.all_commands = self.starts_with_all = everything
        self.allowed = set()
        self.first_args = {}
        self.rules = []

    def _add_pattern(self, rule: bytes) -> None:
        if self.all_keys:
            raise RuleError(rule, _ALL_KEYS)
        permission, pattern = _READ | _WRITE, rule[1:]
        if rule[:1] == b"%":
            letters, _, pattern = rule[1:].upper().partition(b"~")
            pattern = rule[len(letters) + 2 :]
            if letters not in (b"R", b"W", b"RW", b"WR"):
                raise RuleError(rule, _SYNTAX)
            permission = (_READ if b"R" in letters else 0) | (_WRITE if b"W" in letters else 0)
        if has_blanks(pattern):
            raise RuleError(rule, _SYNTAX)
        self.patterns[pattern] = self.patterns.get(pattern, 0) | permission

    def _add_channel(self, rule: bytes) -> None:
        if self.all_channels:
            raise RuleError(rule, _ALL_CHANNELS)
        if has_blanks(rule[1:]):
            raise RuleError(rule, _SYNTAX)
        self.channels[rule[1:]] = None

    def _set_category(self, rule: bytes) -> None:
        name = rule[2:].lower().decode("latin-1")
        if name not in CATEGORIES:
            raise RuleError(rule, _UNKNOWN)
        bit = 1 << CATEGORIES.index(name)
        allowed = rule[:1] == b"+"
        for one in with_subcommands():
            if one.categories & bit:
                self._set(one, allowed)
        self._note(rule[:2] + name.encode())

    def _allow(self, rule: bytes) -> None:
        name = rule[1:].lower()
        command = lookup(name)
        if command is None:
            self._allow_first_arg(rule, name)
        else:
            self._set(command, allowed=True)
        self._note(b"+" + (name if command is None else command.name))

    def _allow_first_arg(self, rule: bytes, name: bytes) -> None:
        owner_name, bar, word = name.rpartition(b"|")
        owner = lookup(owner_name) if bar else None
        if owner is None:
            raise RuleError(rule, _UNKNOWN)
        if owner.parent is not None:
            raise RuleError(rule, _FIRST_ARG)
        if not word:
            raise RuleError(rule, _SYNTAX)
        if owner.subcommands is not None:
            raise RuleError(rule, _UNKNOWN)
        words = self.first_args.setdefault(owner, [])
        if word not in words:
            words.append(word)

    def _set(self, command: Command, allowed: bool) -> None:
        """Allows or forbids a command with all its subcommands."""
        if self.all_commands and not allowed:
            self.all_commands = False
            self.allowed = set(with_subcommands())
        for one in [command, *subcommands_of(command)]:
            self.first_args.pop(one, None)
            if allowed:
                self.allowed.add(one)
            else:
                self.allowed.discard(one)

    def _note(self, rule: bytes) -> None:
        """Keeps a rule in place of those that it makes void."""
        name = rule[1:]
        inner = name + b"|"
        self.rules = [
            old for old in self.rules if old[1:] != name and old[1:][: len(inner)] != inner
        ]
        self.rules.append(rule)

    # ---- showing

    def shown_commands(self) -> bytes:
        return b" ".join([b"+@all" if self.starts_with_all else b"-@all", *self.rules])

    def shown_keys(self) -> bytes:
        if self.all_keys:
            return b"~*"
        return b" ".join([_SIGNS[bits] + pattern for pattern, bits in self.patterns.items()])

    def shown_channels(self) -> bytes:
        if self.all_channels:
            return b"&*"
        return b" ".join([b"&" + pattern for pattern in self.channels])

    def line(self) -> bytes:
        """The rules as ACL LIST shows them."""
        channels = self.shown_channels()
        if not self.all_channels:
            channels = b"resetchannels " + channels
        parts = (self.shown_keys(), channels.rstrip(b" "), self.shown_commands())
        return b" ".join([part for part in parts if part])


class User:
    """One user.

    Attributes:
        passwords: SHA-256 digests in hexadecimal.
        open: whether any password will do (`nopass`).
        sanitizes: whether what it restores is looked through; kept as it is told.
        selectors: what it may do, the root first.
        unrestricted: whether the user may do everything.
    """

    def __init__(self, name: bytes, all_channels: bool = False) -> None:
        self.name = name
        self.all_channels = all_channels
        self.enabled = False
        self.open = False
        self.sanitizes = True
        self.passwords: dict[bytes, None] = {}
        self.selectors = [Selector(all_channels)]
        self.unrestricted = False

    def copy(self) -> "User":
        twin = User(self.name, self.all_channels)
        twin.assume(self)
        return twin

    def assume(self, other: "User") -> None:
        """Takes over all that is said of another user."""
        self.all_channels = other.all_channels
        self.enabled = other.enabled
        self.open = other.open
        self.sanitizes = other.sanitizes
        self.passwords = dict(other.passwords)
        self.selectors = [selector.copy() for selector in other.selectors]
        self.unrestricted = other.unrestricted

    def accepts(self, password: bytes) -> bool:
        """Whether the password is right; takes as long for a wrong one."""
        if self.open:
            return True
        digest = hash_password(password)
        found = False
        for known in self.passwords:
            found = hmac.compare_digest(known, digest) or found
        return found

    def denial(self, command: Command, args: list[bytes]) -> Denial | None:
        """Why the user may not run a command, or None."""
        worst = (COMMAND, 0)
        for selector in self.selectors:
            denial = selector.denial(command, args)
            if denial is None:
                return None
            worst = max(worst, denial)
        return worst

    def reads_all_keys(self, command: Command, args: list[bytes]) -> bool:
        """Whether a selector that allows the command lets it read any key, told or not."""
        for selector in self.selectors:
            anything = selector.all_keys or selector.patterns.get(b"*", 0) & _READ
            if anything and selector.denial(command, args) is None:
                return True
        return self.unrestricted

    def allows_channel(self, channel: bytes, is_pattern: bool) -> bool:
        """Whether one of the selectors lets a channel be used."""
        for selector in self.selectors:
            if selector.allows_channel(channel, is_pattern):
                return True
        return False

    def apply(self, rule: bytes) -> None:
        """Follows one rule. Raises RuleError, and is as it was."""
        self._follow(rule)
        self.unrestricted = False
        for selector in self.selectors:
            if selector.all_commands and selector.all_keys and selector.all_channels:
                self.unrestricted = True

    def _follow(self, rule: bytes) -> None:
        word = rule.lower()
        sign = rule[:1]
        if not rule:
            return
        if word in (b"on", b"off"):
            self.enabled = word == b"on"
        elif word == b"nopass":
            self.open = True
            self.passwords = {}
        elif word == b"resetpass":
            self.open = False
            self.passwords = {}
        elif word in (b"sanitize-payload", b"skip-sanitize-payload"):
            self.sanitizes = word == b"sanitize-payload"
        elif word == b"clearselectors":
            self.selectors = self.selectors[:1]
        elif word == b"reset":
            self.assume(User(self.name, self.all_channels))
        elif sign in (b">", b"#"):
            self.passwords[_digest(rule)] = None
            self.open = False
        elif sign in (b"<", b"!"):
            digest = _digest(rule)
            if digest not in self.passwords:
                raise RuleError(rule, _NO_PASSWORD)
            del self.passwords[digest]
        elif sign == b"(" and rule[-1:] == b")":
            self.selectors.append(self._selector(rule))
        else:
            self.selectors[0].apply(rule)

    def _selector(self, rule: bytes) -> Selector:
        selector = Selector(self.all_channels)
        for word in rule[1:-1].split():
            try:
                selector.apply(word)
            except RuleError as error:
                raise RuleError(rule, error.reason) from None
        return selector

    def flags(self) -> list[bytes]:
        """As ACL GETUSER lists them."""
        flags = [b"on" if self.enabled else b"off"]
        if self.open:
            flags.append(b"nopass")
        flags.append(b"sanitize-payload" if self.sanitizes else b"skip-sanitize-payload")
        return flags

    def line(self) -> bytes:
        """The user as ACL LIST shows it and an ACL file holds it."""
        return b" ".join([b"user", *self.words()])

    def words(self) -> list[bytes]:
        """The name and the rules; together those of a selector that stands in brackets."""
        words = [self.name, *self.flags()]
        words += [b"#" + digest for digest in self.passwords]
        words += self.selectors[0].line().split(b" ")
        words += [b"(%s)" % selector.line() for selector in self.selectors[1:]]
        return words


class Users:
    """The users of a namespace, and what was denied to them."""

    def __init__(self, settings: "Settings") -> None:
        self.settings = settings
        self.default = self._everything()
        self.named: dict[bytes, User] = {b"default": self.default}
        self.log = AccessLog(settings)

    def new(self, name: bytes) -> User:
        """A user that may do nothing yet, and is not one of these yet."""
        return User(name, self.settings.string("acl-pubsub-default") == b"allchannels")

    def _everything(self) -> User:
        """The default user where nothing is said of it."""
        user = self.new(b"default")
        for rule in (b"on", b"nopass", b"~*", b"&*", b"+@all"):
            user.apply(rule)
        return user

    def names(self) -> list[bytes]:
        return sorted(self.named)

    def lines(self) -> list[bytes]:
        """All users as lines of an ACL file."""
        return [self.named[name].line() for name in self.names()]

    def configured(self) -> list[list[bytes]]:
        """The words of all users, as lines of a configuration file have them.

        None where there is but the default user, as the settings alone make it, or where an ACL file
        holds the users.
        """
        fresh = Users(self.settings)
        fresh.require_password(self.settings.string("requirepass"))
        if self.settings.string("aclfile") or self.lines() == fresh.lines():
            return []
        return [self.named[name].words() for name in self.names()]

    def require_password(self, password: bytes) -> None:
        """What `requirepass` sets: the default user's password, or none if it is empty."""
        self.default.passwords = {hash_password(password): None} if password else {}
        self.default.open = not password

    def authenticate(self, session: "Session", name: bytes, words: list[bytes]) -> User | None:
        """The user, if name and password (the last word) are right and it is enabled.

        `words` begins with the name of the command that asks, which the log shows.
        """
        user = self.named.get(name)
        if user is None:
            hash_password(words[-1])
        elif user.accepts(words[-1]) and user.enabled:
            return user
        self.log.add(session, b"auth", _context(session), words[0], name)
        return None

    def denied(self, session: "Session", command: "Command", args: list[bytes]) -> Failure | None:
        """Why the session's user may not run a command, or None. The log is told."""
        user = session.user
        denial = user.denial(command, args)
        if denial is None:
            return None
        reason, index = denial
        if not session.executing and not session.gate & IN_SCRIPT:
            session.last = command  # as the log's description of the client tells
        subject = command.name if reason == COMMAND else args[index]
        self.log.add(session, REASONS[reason], _context(session), subject, user.name)
        if session.executing:
            return Failure(
                b"NOPERM ACLs rules changed between the moment the transaction was accumulated and"
                b" the EXEC call. This command is no longer allowed for the following reason: "
                + _CHANGED[reason]
            )
        text = b"User %s has no permissions to run the '%s' command" % (user.name, command.name)
        if reason != COMMAND:
            text = b"No permissions to access a %s" % REASONS[reason]
        if session.gate & IN_SCRIPT:
            text = b"ACL failure in script: " + text
        return Failure(b"NOPERM " + text)

    def set(self, name: bytes, rules: list[bytes], sessions: "list[Session]") -> None:
        """Creates a user or changes one: by all rules or, where one won't do, not at all.

        Raises:
            RuleError: the first rule that won't do.
            UnmatchedError: a selector has no end.
        """
        user = self.named.get(name)
        draft = self.new(name)
        if user is not None:
            draft.assume(user)
            draft.all_channels = self.new(name).all_channels
        for rule in merged(rules):
            draft.apply(rule)
        if user is None:
            self.named[name] = draft
            return
        user.assume(draft)
        for session in sessions:
            if session.user is user:
                _follow_change(session)

    def delete(self, name: bytes, sessions: "list[Session]") -> bool:
        """Takes a user away and ends its sessions; whether there was one."""
        user = self.named.pop(name, None)
        if user is None:
            return False
        for session in sessions:
            if session.user is user:
                self._expel(session)
        return True

    def _expel(self, session: "Session") -> None:
        session.user = self.default
        session.gate |= UNAUTHENTICATED
        _close(session)

    def configure(self, lines: list[list[bytes]]) -> None:
        """Takes over what a configuration file's `user` lines say.

        Raises:
            ValueError: a line won't do; says which and why.
        """
        seen = set[bytes]()
        for words in lines:
            name = words[0]
            where = f"user {name.decode(errors='replace')}"
            if name in seen:
                raise ValueError(
                    f"{where}: Duplicate user found."
                    " A user can only be defined once in config files"
                )
            if has_blanks(name):
                raise ValueError(f"{where}: user names can't contain blanks")
            seen.add(name)
            try:
                self.set(name, [b"reset", *words[1:]], [])
            except RuleError as error:
                rule = error.rule.decode(errors="replace")
                raise ValueError(f"{where}: {rule}: {error}") from None
            except UnmatchedError as error:
                raise ValueError(f"{where}: {error}") from None

    def load(self, path: bytes, text: bytes, sessions: "list[Session]") -> bytes:
        """Takes over the users of an ACL file in place of these.

        Returns what is wrong with the file, in which case nothing has changed.
        """
        loaded: dict[bytes, User] = {}
        errors = b""
        for number, line in enumerate(text.split(b"\n"), 1):
            stripped = line.strip(b" \t\r\n")
            if stripped:
                errors += self._load_line(loaded, b"%s:%d" % (path, number), number, stripped)
        if errors:
            return errors + (
                b"WARNING: ACL errors detected, no change to the previously active ACL rules was"
                b" performed"
            )
        self.default.assume(loaded.get(b"default") or self._everything())
        loaded[b"default"] = self.default
        self.named = loaded
        for session in sessions:
            user = loaded.get(session.user.name)
            if user is None:
                self._expel(session)
            else:
                session.user = user
                _follow_change(session)
        return b""

    def _load_line(
        self, loaded: dict[bytes, User], where: bytes, number: int, line: bytes
    ) -> bytes:
        words = line.split(b" ")
        if words[0] != b"user" or len(words) < 2:
            return where + b" should start with user keyword followed by the username. "
        name = words[1]
        if has_blanks(name):
            return b"'%s: username '%s' contains invalid characters. " % (where, name)
        if name in loaded:
            return b"WARNING: Duplicate user '%s' found on line %d. " % (name, number)
        loaded[name] = user = self.new(name)
        try:
            rules = merged(words[2:])
        except UnmatchedError:
            return where + b": Unmatched parenthesis in selector definition."
        errors = b""
        told = False
        for rule in rules:
            try:
                user.apply(rule.strip(b"\t\r\n"))
            except RuleError as error:
                if error.reason == _UNKNOWN:
                    errors += b"%s: Error in applying operation '%s': %s. " % (
                        where, error.rule, error.reason,
                    )  # fmt: skip
                elif not told:
                    errors += b"%s: %s. " % (where, error.reason)
                    told = True
        return errors


def hash_password(password: bytes) -> bytes:
    """A password as it is kept: SHA-256 in hexadecimal."""
    return hashlib.sha256(password).hexdigest().encode()


def has_blanks(text: bytes) -> bool:
    """Whether a name or pattern holds what would end it in an ACL file."""
    return not _BLANKS.isdisjoint(text)


def merged(words: list[bytes]) -> list[bytes]:
    """Rules, with the words of each selector made one. Raises UnmatchedError."""
    rules: list[bytes] = []
    selector = b""
    start = b""
    for word in words:
        if selector:
            selector += b" " + word
        elif word[:1] == b"(" and word[-1:] != b")":
            selector = start = word
            continue
        else:
            rules.append(word)
            continue
        if word[-1:] == b")":
            rules.append(selector)
            selector = b""
    if selector:
        raise UnmatchedError(start)
    return rules


def channel_positions(command: Command, args: list[bytes]) -> range:
    """Where the channels stand that a command sends to or subscribes to."""
    name = command.name
    if name in _ONE_CHANNEL:
        return range(1, 2)
    if name in _CHANNELS or name in _PATTERNS:
        return range(1, len(args))
    return range(0)


def _digest(rule: bytes) -> bytes:
    """The digest that a rule about a password means. Raises RuleError."""
    if rule[:1] in (b">", b"<"):
        return hash_password(rule[1:])
    digest = rule[1:]
    if len(digest) != 64 or not _HEXADECIMAL.issuperset(digest):
        raise RuleError(rule, _BAD_HASH)
    return digest


def with_subcommands() -> list[Command]:
    """All commands, containers ahead of their subcommands."""
    found: list[Command] = []
    for one in every_command():
        found.append(one)
        found += subcommands_of(one)
    return found


def _context(session: "Session") -> bytes:
    if session.gate & IN_SCRIPT:
        return b"lua"
    return b"multi" if session.executing or session.gate & IN_MULTI else b"toplevel"


def _follow_change(session: "Session") -> None:
    """Holds a session to its user's present rules: ends it if it listens to what it may not."""
    user = session.user
    if user.name == b"default" and user.open and user.enabled:
        session.gate &= ~UNAUTHENTICATED
    session.gate &= ~RESTRICTED
    if user.unrestricted:
        return
    session.gate |= RESTRICTED
    for channel in [*session.channels, *session.shard_channels]:
        if not user.allows_channel(channel, is_pattern=False):
            _close(session)
            return
    for pattern in session.patterns:
        if not user.allows_channel(pattern, is_pattern=True):
            _close(session)
            return


def _close(session: "Session") -> None:
    session.outlet.close(after_reply=session.namespace.current is session)
