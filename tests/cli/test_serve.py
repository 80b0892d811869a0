from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from nearkeep.cli.serve_help import show
from nearkeep.engine.settings_table import SETTINGS
from tests.resp import Error
from tests.servers import start_nearkeep


def nearkeep(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "nearkeep", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=os.environ | environment,
    )


def test_the_version_names_the_engine() -> None:
    shown = nearkeep("--version", NEARKEEP_ENGINE="interpreted")
    assert shown.returncode == 0
    assert shown.stdout == "Nearkeep 0.1.0 (interpreted engine)\n"


def test_the_overview_names_serve() -> None:
    shown = nearkeep("--help")
    assert shown.returncode == 0
    assert "serve" in shown.stdout


@pytest.mark.parametrize("everything", [False, True])
def test_the_help_shows_the_main_settings_or_all(everything: bool) -> None:
    output = io.StringIO()
    show(everything=everything, console=Console(width=200, file=output))
    for setting in SETTINGS:
        shown = not setting.hidden and (setting.main or everything)
        assert (f"  --{setting.name} " in output.getvalue()) == shown, setting.name


def test_help_is_no_reason_to_start() -> None:
    shown = nearkeep("serve", "--port", "abc", "--help")
    assert shown.returncode == 0
    assert "--maxmemory" in shown.stdout


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--port", "abc"), "nearkeep: command line: --port abc"),
        (("/none.conf",), "nearkeep: can't read /none.conf: No such file or directory"),
        (("--dir", "/none"), "nearkeep: can't use /none: No such file or directory"),
    ],
)
def test_what_will_not_do_stops_the_start(words: tuple[str, ...], line: str) -> None:
    shown = nearkeep("serve", *words)
    assert shown.returncode == 1
    assert shown.stderr.splitlines()[0] == line
    assert "Traceback" not in shown.stderr


def test_a_flag_overrides_the_environment_and_that_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nearkeep.cli.serve import gather

    path = tmp_path / "redis.conf"
    path.write_text("hz 11\ntimeout 11\nmaxclients 11\n")
    monkeypatch.setenv("NEARKEEP_TIMEOUT", "22")
    monkeypatch.setenv("NEARKEEP_MAXCLIENTS", "22")
    settings = gather(str(path), ["--maxclients", "33"])
    assert [settings.integer(name) for name in ("hz", "timeout", "maxclients")] == [11, 22, 33]


def test_a_server_has_its_flags_as_settings() -> None:
    with start_nearkeep(maxmemory="5mb", save="60 1") as server, server.raw() as connection:
        assert connection.value("CONFIG", "GET", "maxmemory") == [b"maxmemory", b"5242880"]
        assert connection.value("CONFIG", "GET", "save") == [b"save", b"60 1"]
        folder = os.fsencode(server.directory.resolve())
        assert connection.value("CONFIG", "GET", "dir") == [b"dir", folder]


def test_a_server_writes_its_number_into_a_file(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    with start_nearkeep(pidfile=file) as server:
        assert file.read_text() == f"{server.process.pid}\n"


def test_a_server_without_a_file_can_not_rewrite_it() -> None:
    with start_nearkeep() as server, server.raw() as connection:
        error = connection.value("CONFIG", "REWRITE")
        assert error == Error("ERR The server is running without a config file")


def test_the_folder_can_be_changed_to_one_that_is_there(tmp_path: Path) -> None:
    with start_nearkeep(enable_protected_configs="local") as server, server.raw() as connection:
        assert connection.value("CONFIG", "SET", "dir", str(tmp_path)) == "OK"
        error = connection.value("CONFIG", "SET", "dir", str(tmp_path / "none"))
        assert error == Error(
            "ERR CONFIG SET failed (possibly related to argument 'dir') - No such file or directory"
        )
        assert connection.value("CONFIG", "GET", "dir") == [b"dir", os.fsencode(tmp_path)]
