"""The server that clients are tried against: Nearkeep, or redis-server to try the tests themselves."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import trustme

from tests.servers import Server, Setting, absent, start_nearkeep, start_redis

if TYPE_CHECKING:
    from collections.abc import Callable

MODES = ("plain", "password", "tls")

# Characters that a URL, a shell and a line of redis.conf each treat in their own way.
PASSWORD = "p@ss:w/rd?#%20é"

IS_REDIS = os.environ.get("NEARKEEP_TEST_SUBJECT") == "redis"


@dataclass(frozen=True)
class Subject:
    """A running server, and what a client must know to connect to it."""

    server: Server
    port: int
    password: str = ""
    authority: Path | None = None
    """Certificate of the authority that signed the server's, where the port speaks TLS."""

    host: str = "127.0.0.1"


def start(mode: str, folder: Path) -> Subject:
    """A server for one of MODES, with its files in `folder`."""
    launch: Callable[..., Server] = start_redis if IS_REDIS else start_nearkeep
    if mode == "plain":
        server = launch()
        return Subject(server, server.port)
    if mode == "password":
        server = launch(requirepass=PASSWORD)
        return Subject(server, server.port, password=PASSWORD)
    if IS_REDIS:
        # The wheel's redis-server is built without TLS, Debian's with it.
        settings, authority = _redis_tls(folder)
        server = start_redis("7.0", tls_port=0, **settings)
    else:
        settings, authority = _development_tls(folder)
        server = start_nearkeep(tls_port=0, **settings)
    assert server.tls_port is not None
    return Subject(server, server.tls_port, authority=authority)


def _redis_tls(folder: Path) -> tuple[dict[str, Setting], Path]:
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    files = {name: folder / f"{name}.pem" for name in ("ca", "certificate", "key")}
    authority.cert_pem.write_to_path(files["ca"])
    certificate.cert_chain_pems[0].write_to_path(files["certificate"])
    certificate.private_key_pem.write_to_path(files["key"])
    settings: dict[str, Setting] = {
        "tls_cert_file": files["certificate"],
        "tls_key_file": files["key"],
        "tls_ca_cert_file": files["ca"],
        "tls_auth_clients": False,
    }
    return settings, files["ca"]


def _development_tls(folder: Path) -> tuple[dict[str, Setting], Path]:
    """Where the server's folder has a `tls-dev`, the authority is made there."""
    development = folder / "tls-dev"
    development.mkdir()
    return {"dir": folder}, development / "ca.pem"


def program(name: str) -> str:
    """The path of a program; without it, the test is skipped, or fails where CI is set."""
    return shutil.which(name) or absent(name)
