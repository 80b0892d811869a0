"""Clients that come over HTTP, with a URL and a token: plain, with a password, and over TLS."""

from __future__ import annotations

import pytest

from tests.clients.node.runner import HERE, run_node
from tests.clients.subject import IS_REDIS, Subject

LIMIT = 60.0

pytestmark = pytest.mark.skipif(IS_REDIS, reason="redis-server has no HTTP")


def token_of(subject: Subject) -> str:
    """The default user's token, or any where there is no password."""
    if not subject.password:
        return "any"
    with subject.server.raw() as connection:
        connection.call("AUTH", subject.password)
        token = connection.value("ACL", "RESTTOKEN", "default", subject.password)
    assert isinstance(token, bytes)
    return token.decode()


@pytest.mark.parametrize("file", ["upstash.test.mjs", "websocket.test.mjs", "capnweb.test.mjs"])
def test_every_client_over_http_passes(
    file: str, subject: Subject, subtests: pytest.Subtests
) -> None:
    run_node(
        HERE / file,
        subject,
        subtests,
        limit=LIMIT,
        TOKEN=token_of(subject),
        GUARDED="yes" if subject.password else "",
        NODE_EXTRA_CA_CERTS=str(subject.authority or ""),
    )
