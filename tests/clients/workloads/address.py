"""The server that the workloads in Python connect to, as the tests tell it by the environment."""

from __future__ import annotations

import os
from urllib.parse import quote

PASSWORD = os.environ["SERVER_PASSWORD"]
AUTHORITY = os.environ["SERVER_CA"]
PORT = int(os.environ["SERVER_PORT"])


def url(database: int, **parameters: str) -> str:
    """An address for a database; over TLS, the certificate is checked."""
    scheme = "rediss" if AUTHORITY else "redis"
    password = f":{quote(PASSWORD, safe='')}@" if PASSWORD else ""
    if AUTHORITY:
        parameters = {"ssl_ca_certs": AUTHORITY, "ssl_cert_reqs": "required"} | parameters
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in parameters.items())
    return f"{scheme}://{password}127.0.0.1:{PORT}/{database}{'?' if query else ''}{query}"
