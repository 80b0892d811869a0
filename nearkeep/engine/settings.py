"""The settings of a server: Redis' names, what each may be, and who follows their changes.

    settings = Settings()
    settings.set("maxmemory", [b"100mb"])
    settings.integer("maxmemory")                           # 104857600
    settings.on_change("maxmemory", keyspace.limit_changed)  # called after each change
    settings.set_many([(b"maxmemory", b"1gb"), (b"hz", b"20")])  # all or none, as CONFIG SET

All settings are declared in `nearkeep.engine.settings_table`; how their values are written is in
`nearkeep.engine.settings_kinds`.
"""

from collections.abc import Callable
from typing import Final

from nearkeep.engine.glob import is_literal, matches
from nearkeep.engine.settings_table import SETTINGS, Setting

Follower = Callable[[], None]
"""Called after a change; may raise SettingError to refuse it, and is called again once it is
undone."""

LOCAL: Final = b"local"


class SettingError(Exception):
    """A setting can't be set so.

    Attributes:
        name: as it was given.
        value: as it was given.
        message: what is wrong, in Redis' words.
        expected: what would be right, for people; empty where the message says it.
    """

    def __init__(self, name: str, value: bytes, message: str, expected: str = "") -> None:
        super().__init__(name, value, message, expected)
        self.name = name
        self.value = value
        self.message = message
        self.expected = expected

    def __str__(self) -> str:
        return f"{self.name}: {self.message}"


class UnknownSettingError(SettingError):
    """There is no setting of that name."""

    def __init__(self, name: str, value: bytes) -> None:
        super().__init__(name, value, "there is no such setting")


class Settings:
    """The value of every setting.

    Attributes:
        save_file: writes them to the file that they came from; None if they came from none. Raises
            OSError.
        given: names of the settings that someone has set.
        users: the words of the file's `user` lines, without the first, as they were read or are to
            be written.
        renamed: the old and the new name of each command, from the file's `rename-command` lines;
            an empty new name takes the command away.
    """

    def __init__(self) -> None:
        self.save_file: Callable[[], None] | None = None
        self.users: list[list[bytes]] = []
        self.renamed: list[tuple[bytes, bytes]] = []
        self.given: set[str] = set()
        self._values: dict[str, object] = {}
        self._followers: dict[str, list[Follower]] = {}
        for setting in SETTINGS:
            self._values[setting.name] = setting.default

    def integer(self, name: str) -> int:
        """A number, a number of bytes, a percentage (negative) or the bits of event classes."""
        value = self._values[name]
        if not isinstance(value, int):
            raise TypeError(name)
        return value

    def flag(self, name: str) -> bool:
        """Yes or no."""
        value = self._values[name]
        if not isinstance(value, bool):
            raise TypeError(name)
        return value

    def string(self, name: str) -> bytes:
        """Text, a path, or the one of several words that was chosen."""
        value = self._values[name]
        if not isinstance(value, bytes):
            raise TypeError(name)
        return value

    def strings(self, name: str) -> list[bytes]:
        """Addresses, or those of several words that were chosen."""
        value = self._values[name]
        if not isinstance(value, list):
            raise TypeError(name)
        return [word for word in value if isinstance(word, bytes)]

    def integers(self, name: str) -> list[int]:
        """Several numbers: save points, buffer limits (see settings_kinds)."""
        value = self._values[name]
        if not isinstance(value, list):
            raise TypeError(name)
        return [number for number in value if isinstance(number, int)]

    def floats(self, name: str) -> list[float]:
        """Percentiles."""
        value = self._values[name]
        if not isinstance(value, list):
            raise TypeError(name)
        return [number for number in value if isinstance(number, float)]

    def text(self, name: str) -> bytes:
        """The value as CONFIG GET prints it."""
        setting = find(name)
        return setting.kind.text(self._values[setting.name])

    def lines(self, name: str) -> list[list[bytes]]:
        """The value as the words of the lines in a file."""
        setting = find(name)
        return setting.kind.lines(self._values[setting.name])

    def is_default(self, name: str) -> bool:
        """Whether the value is the one that it has if nobody sets it."""
        setting = find(name)
        return self._values[setting.name] == setting.default

    def holds(self, name: str, words: list[bytes]) -> bool:
        """Whether these words would change nothing."""
        setting = find(name)
        value = self._values[setting.name]
        try:
            return setting.kind.parse(words, value) == value
        except ValueError:
            return False

    def match(self, patterns: list[bytes]) -> dict[bytes, bytes]:
        """The settings that fit any of the patterns, and their values as text.

        Hidden ones are found by their exact name alone; exact names are shown as they were given.
        """
        found: dict[bytes, bytes] = {}
        names: set[str] = set()
        for given in patterns:
            pattern = given.lower()
            if is_literal(pattern):
                name = pattern.decode("latin-1")
                if name in BY_NAME and name not in names:
                    names.add(name)
                    found[given] = self.text(name)
                continue
            for name, setting in BY_NAME.items():
                if not setting.hidden and name not in names and matches(pattern, name.encode()):
                    names.add(name)
                    found[name.encode()] = self.text(name)
        return found

    def on_change(self, name: str, follower: Follower) -> None:
        """Has `follower` called after each change of a setting."""
        self._followers.setdefault(find(name).name, []).append(follower)

    def set(self, name: str, words: list[bytes]) -> None:
        """Sets one setting, before the start: also one that can't be changed later.

        Raises:
            SettingError: it can't be set so; nothing has changed then.
        """
        if name not in BY_NAME:
            raise UnknownSettingError(name, b" ".join(words))
        before = dict(self._values)
        self._store(name, words)
        self.given.add(BY_NAME[name].name)
        self._tell(before)

    def set_many(self, pairs: list[tuple[bytes, bytes]], local: bool = True) -> None:
        """Sets all or none, while the server runs. `local`: for a client on the same machine.

        Raises:
            SettingError: one can't be set so; nothing has changed then.
        """
        names: list[str] = []
        for given, value in pairs:
            shown = given.decode("latin-1")
            name = shown.lower()
            setting = BY_NAME.get(name)
            if setting is None:
                raise UnknownSettingError(shown, value)
            if setting.start_only:
                raise SettingError(shown, value, "can't set immutable config")
            if setting.protected and not self._may_set_protected(local):
                raise SettingError(shown, value, "can't set protected config")
            if name in names:
                raise SettingError(shown, value, "duplicate parameter")
            names.append(name)
        before = dict(self._values)
        self.given.update(names)
        try:
            for given, value in pairs:
                shown = given.decode("latin-1")
                splits = BY_NAME[shown.lower()].kind.splits
                self._store(shown.lower(), _split(value) if splits else [value])
        except SettingError:
            self._values = before
            raise
        self._tell(before)

    def _may_set_protected(self, local: bool) -> bool:
        allowed = self.string("enable-protected-configs")
        return allowed == b"yes" or (local and allowed == LOCAL)

    def _store(self, name: str, words: list[bytes]) -> None:
        """Sets a value; `name` is in any case, as it was given."""
        setting = BY_NAME[name.lower()]
        try:
            value = setting.kind.parse(words, self._values[setting.name])
        except ValueError as error:
            raise SettingError(name, b" ".join(words), str(error), setting.kind.expects) from None
        self._values[setting.name] = value

    def _tell(self, before: dict[str, object]) -> None:
        """Calls the followers of what has changed, each once; undoes it all if one refuses."""
        called: list[Follower] = []
        try:
            for name, followers in self._followers.items():
                if self._values[name] == before[name]:
                    continue
                for follower in followers:
                    if follower not in called:
                        called.append(follower)
                        follower()
        except SettingError:
            self._values = before
            for follower in called:
                follower()
            raise


BY_NAME: Final[dict[str, Setting]] = {
    name: setting for setting in SETTINGS for name in (setting.name, *setting.aliases)
}
"""The settings by name, their aliases included."""


def find(name: str) -> Setting:
    """The setting of that name or alias.

    Raises:
        UnknownSettingError: there is none.
    """
    setting = BY_NAME.get(name)
    if setting is None:
        raise UnknownSettingError(name, b"")
    return setting


def _split(value: bytes) -> list[bytes]:
    """At every single space: two in a row have an empty word between them, as CONFIG SET has it."""
    return value.split(b" ") if value else []
