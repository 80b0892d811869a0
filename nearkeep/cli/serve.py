"""`nearkeep serve [redis.conf] [--port 7000 …]`: finds out the settings, and starts the server."""

import os
import sys
from functools import partial
from pathlib import Path

from nearkeep.cli import settings_file
from nearkeep.cli.settings_file import STDIN, LoadError
from nearkeep.cli.settings_sources import from_environment, from_flags, load
from nearkeep.engine.settings import SettingError, Settings


def serve(words: list[str]) -> int:
    """Serves until told to stop; returns the exit status, 1 where the settings won't do."""
    if "--help" in words or "-h" in words or "--help-all" in words:
        from nearkeep.cli.serve_help import show  # noqa: PLC0415 - draws with rich

        show(everything="--help-all" in words)
        return 0
    file = words[0] if words and (words[0] == STDIN or not words[0].startswith("-")) else None
    try:
        settings = gather(file, words[1:] if file else words)
        config_file = prepare(settings, file)
    except LoadError as error:
        print(f"nearkeep: {error}", file=sys.stderr)
        return 1
    from nearkeep.server.serve import run  # noqa: PLC0415 - only with settings that will do

    return run(settings, config_file)


def gather(file: str | None, flags: list[str]) -> Settings:
    """The settings of all sources.

    Raises:
        LoadError: a source can't be read, or says what won't do.
    """
    settings = Settings()
    if file is not None:
        load(settings, settings_file.read(file))
    load(settings, from_environment(os.environ))
    load(settings, from_flags(flags))
    return settings


def prepare(settings: Settings, file: str | None) -> str | None:
    """Gets the process ready: folder, log, number. Returns the file's absolute path.

    Raises:
        LoadError: the system refuses.
    """
    path = str(Path(file).absolute()) if file and file != STDIN else None
    if path is not None:
        settings.save_file = partial(settings_file.rewrite, path, settings)
    try:
        _enter_folder(settings)
        given = set(settings.given)
        settings.set("dir", [os.fsencode(Path.cwd())])
        settings.given = given  # it matters whether the user has said where data goes
        _log_to(os.fsdecode(settings.string("logfile")))
        pid_file = os.fsdecode(settings.string("pidfile"))
        if pid_file:
            Path(pid_file).write_text(f"{os.getpid()}\n")
    except OSError as error:
        raise LoadError(f"can't use {error.filename}: {error.strerror}") from None
    settings.on_change("dir", partial(_change_folder, settings))
    _rename_commands(settings.renamed)
    return path


def _enter_folder(settings: Settings) -> None:
    os.chdir(os.fsdecode(settings.string("dir")))


def _change_folder(settings: Settings) -> None:
    try:
        _enter_folder(settings)
    except OSError as error:
        reason = error.strerror or str(error)
        raise SettingError("dir", settings.string("dir"), reason) from None


def _log_to(path: str) -> None:
    """Has all output go to a file."""
    if not path:
        return
    with open(path, "ab") as log:  # noqa: PTH123 - a descriptor is wanted, not a Path
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
            os.dup2(log.fileno(), stream.fileno())


def _rename_commands(pairs: list[tuple[bytes, bytes]]) -> None:
    """Gives commands other names; takes away those whose new name is empty."""
    if not pairs:
        return
    from nearkeep.engine import commands  # noqa: F401, PLC0415 - declares the commands
    from nearkeep.engine.command import COMMANDS  # noqa: PLC0415

    for old, new in pairs:
        command = COMMANDS.get(old.lower())
        if command is None:
            raise LoadError(f"rename-command: there is no command {old.decode(errors='replace')}")
        if new.lower() in COMMANDS:
            raise LoadError(f"rename-command: {new.decode(errors='replace')} is a command already")
        for name in (old.lower(), old.upper()):
            del COMMANDS[name]
        if new:
            COMMANDS[new.lower()] = COMMANDS[new.upper()] = command
