"""Where the suite comes from: the source package `redis`, by apt, into a cache folder.

The machine's own sources are read and never changed: apt gets a configuration of its own, with each
`deb` turned into `deb-src`, and folders of its own, so that neither root nor a lock is needed. Of
the package only the upstream tarball is used, which is the same in every distribution and known by
its digest.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

VERSION = "7.0.15"
TARBALL = f"redis_{VERSION}.orig.tar.gz"
TARBALL_SHA256 = "4b1dc4ee6d622a09fff9c6777191209750fb5e5a725ef78ea012d6eef4c22982"

APT_TIMEOUT = 300.0


class Unavailable(Exception):
    """The suite cannot be had or run here; the message says what is missing."""


def suite_folder(given: Path | None = None) -> Path:
    """The unpacked suite: the folder that holds `runtest`.

    Args:
        given: an unpacked source tree, or the upstream tarball, to use instead of fetching.

    Raises:
        Unavailable: no apt, no network, or an archive without this version.
    """
    if given is not None and given.is_dir():
        if not (given / "runtest").is_file():
            raise Unavailable(f"{given} holds no runtest: it is not Redis' source tree")
        return given
    unpacked = cache_folder() / f"redis-{VERSION}"
    if not (unpacked / "runtest").is_file():
        unpack(given or fetch(cache_folder()), unpacked)
    return unpacked


def cache_folder() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(home) / "nearkeep" / "redis-source"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def fetch(into: Path) -> Path:
    """Have apt download the source package, and return its upstream tarball."""
    tarball = into / TARBALL
    if tarball.is_file():
        return tarball
    if shutil.which("apt-get") is None:
        raise Unavailable(
            f"apt-get is not here, which fetches the source package redis {VERSION}; "
            f"give an unpacked tree or its {TARBALL} with --source"
        )
    with tempfile.TemporaryDirectory(prefix="nearkeep-apt-") as scratch:
        options = private_apt(Path(scratch))
        # A third party's repository without sources fails here; what counts is the next step.
        update = _apt(["apt-get", *options, "update"], into)
        listing = _apt(["apt-cache", *options, "showsrc", "redis"], into)
        version = newest_of(VERSION, listing.stdout)
        if version is None:
            offered = re.findall(r"^Version: (\S+)", listing.stdout, re.MULTILINE)
            raise Unavailable(
                f"the source package redis {VERSION} is not in this machine's apt archives "
                f"(they have: {', '.join(offered) or 'none'})\n{update.stderr.strip()[-500:]}"
            )
        got = _apt(
            ["apt-get", *options, "source", "--download-only", f"redis={version}"], Path(scratch)
        )
        fetched = Path(scratch) / TARBALL
        if not fetched.is_file():
            raise Unavailable(f"apt-get source redis={version}: {got.stderr.strip()[-500:]}")
        shutil.move(fetched, tarball)
    return tarball


def private_apt(folder: Path) -> list[str]:
    """Options that point apt at lists, cache and sources of its own below `folder`."""
    parts = folder / "sources.list.d"
    for needed in (parts, folder / "lists" / "partial", folder / "cache" / "archives" / "partial"):
        needed.mkdir(parents=True)
    system = Path("/etc/apt")
    for file in (system / "sources.list", *sorted((system / "sources.list.d").glob("*"))):
        if file.suffix in {".list", ".sources"} and file.is_file():
            (parts / file.name).write_text(source_entries(file.read_text(errors="replace")))
    settings = {
        "Dir::Etc::sourcelist": parts / "none",
        "Dir::Etc::sourceparts": parts,
        "Dir::State::lists": folder / "lists",
        "Dir::Cache": folder / "cache",
        "Debug::NoLocking": 1,
        "APT::Sandbox::User": "",
        "Acquire::Languages": "none",
        "Acquire::Retries": 3,
    }
    return [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]


def source_entries(text: str) -> str:
    """An apt sources file, of either format, with its binary archives turned into source archives.

    >>> source_entries("deb [arch=amd64] http://mirror/debian stable main")
    'deb-src [arch=amd64] http://mirror/debian stable main'
    """
    text = re.sub(r"^(\s*)deb(?=\s)", r"\1deb-src", text, flags=re.MULTILINE)
    return re.sub(r"^Types:.*$", "Types: deb-src", text, flags=re.MULTILINE)


def newest_of(upstream: str, listing: str) -> str | None:
    """Of the versions in the output of `apt-cache showsrc`, the last one of that upstream version."""
    found = re.findall(rf"^Version: ((?:\d+:)?{re.escape(upstream)}-\S+)", listing, re.MULTILINE)
    return found[-1] if found else None


def unpack(tarball: Path, into: Path) -> None:
    """Unpack the upstream tarball to `into`, after its digest was found right."""
    digest = hashlib.sha256(tarball.read_bytes()).hexdigest()
    if digest != TARBALL_SHA256:
        raise Unavailable(f"{tarball} is not redis {VERSION} as released: its SHA-256 is {digest}")
    with tempfile.TemporaryDirectory(prefix="unpack-", dir=into.parent) as scratch:
        with tarfile.open(tarball) as archive:
            archive.extractall(scratch, filter="data")
        (top,) = Path(scratch).iterdir()
        shutil.rmtree(into, ignore_errors=True)
        top.rename(into)


def _apt(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command,
            cwd=folder,
            env=os.environ | {"LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=APT_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired as slow:
        raise Unavailable(f"{command[0]} took longer than {APT_TIMEOUT:.0f} seconds") from slow
