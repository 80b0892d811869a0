"""Where settings come from, each overriding those before: defaults, a file, environment, flags."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from nearkeep.cli.settings_file import Assignment
from nearkeep.engine.settings import BY_NAME, SettingError, Settings
from nearkeep.wire.request import split_words

PREFIX: Final = "NEARKEEP_"

_OTHER_VARIABLES: Final = frozenset({"engine", "compile", "opt-level"})
_LIKENESS: Final = 0.85
"""From which a variable is a setting misspelt, and not something of another program."""


def from_environment(environment: Mapping[str, str]) -> Iterator[Assignment]:
    """Settings by variables: NEARKEEP_MAXMEMORY, NEARKEEP_TLS_PORT.

    Raises:
        LoadError: a variable looks like a setting and is none.
    """
    for variable, value in sorted(environment.items()):
        name = variable.removeprefix(PREFIX).lower().replace("_", "-")
        # Kubernetes and Docker tell of a service called nearkeep by NEARKEEP_PORT=tcp://…
        if not variable.startswith(PREFIX) or value.startswith("tcp://"):
            continue
        given = Assignment(name, [os.fsencode(value)], "environment", f"{variable}={value}")
        if name in BY_NAME:
            yield given
        elif name not in _OTHER_VARIABLES and _suggestion(name, _LIKENESS):
            raise given.error("there is no such setting", *_suggestion(name))


def from_flags(words: Sequence[str]) -> Iterator[Assignment]:
    """Settings by flags: --port 7000, --port=7000, --save 60 1 --save 300 10, --save "".

    A flag's words are all up to the next that begins with two dashes.

    Raises:
        LoadError: a word belongs to no flag.
    """
    at = 0
    while at < len(words):
        start, at = at, at + 1
        while at < len(words) and not words[at].startswith("--"):
            at += 1
        flag, equals, value = words[start].partition("=")
        values = [value] * bool(equals) + list(words[start + 1 : at])
        name = flag.removeprefix("--").lower()
        given = Assignment(
            name, list(map(os.fsencode, values)), "command line", " ".join(words[start:at])
        )
        if not flag.startswith("--") or not name:
            raise given.error("a flag begins with two dashes and a name: --port 7000")
        yield given


def load(settings: Settings, assignments: Iterable[Assignment]) -> None:
    """Sets what one source says.

    Lines of a setting that gathers them add up, within the source; an empty one begins anew.

    Raises:
        LoadError: there is no such setting, or it can't be so.
    """
    gathered: dict[str, list[bytes]] = {}
    for given in assignments:
        if _is_directive(settings, given):
            continue
        setting = BY_NAME.get(given.name)
        if setting is None:
            raise given.error("there is no such setting", *_suggestion(given.name))
        words = given.words
        if setting.kind.splits and len(words) == 1 and words[0]:
            words = split_words(words[0]) or []
        if setting.kind.gathers:
            before = gathered.get(setting.name, [])
            words = words if words == [b""] else before + words
            gathered[setting.name] = [] if words == [b""] else words
        try:
            settings.set(given.name, words)
        except SettingError as error:
            shown = replace(given, line=f"{given.name} …") if setting.secret else given
            raise shown.error(*_reasons(error)) from None


def _is_directive(settings: Settings, given: Assignment) -> bool:
    """Takes in what a file can say beside settings."""
    if given.name == "user":
        if len(given.words) < 1:
            raise given.error("expected a name and rules, as for ACL SETUSER")
        settings.users.append(given.words)
    elif given.name == "rename-command":
        if len(given.words) != 2:
            raise given.error('expected a command and its new name, or "" to take it away')
        settings.renamed.append((given.words[0], given.words[1]))
    elif given.name in {"loadmodule", "loadmodule-ex"}:
        raise given.error("Nearkeep loads no modules: leave the line out")
    else:
        return False
    return True


def _reasons(error: SettingError) -> list[str]:
    if error.message == error.expected:
        return [error.message]
    return [f"expected {error.expected}", f"({error.message})"]


def _suggestion(name: str, likeness: float = 0.6) -> list[str]:
    from difflib import get_close_matches  # noqa: PLC0415 - only after a mistake

    close = get_close_matches(name, BY_NAME, 1, likeness)
    return [f"did you mean {close[0]}?"] if close else []
