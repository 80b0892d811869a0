"""All protocols at the same time: a message from each reaches those who listen on any."""

from __future__ import annotations

import contextlib
import json
import ssl
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from typing import TYPE_CHECKING

import pytest
from websockets.sync.client import ClientConnection, connect

from tests.servers import start_nearkeep, trust_anything

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.resp import Connection


def resp_listener(connection: Connection) -> Callable[[], str]:
    connection.call("SUBSCRIBE", "all")

    def receive() -> str:
        reply = connection.read().value
        assert isinstance(reply, list)
        assert isinstance(reply[2], bytes)
        return reply[2].decode()

    return receive


def event_listener(response: HTTPResponse) -> Callable[[], str]:
    def receive() -> str:
        while not (line := response.readline().decode()).startswith("data: message"):
            assert line
        return line.strip().split(",", 2)[2]

    return receive


def socket_listener(client: ClientConnection) -> Callable[[], str]:
    client.send('{"id": 1, "subscribe": ["all"]}')
    client.recv(5)

    def receive() -> str:
        message: str = json.loads(client.recv(5))["message"]
        return message

    return receive


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_a_message_goes_from_each_protocol_to_each(tls: bool) -> None:
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(start_nearkeep(tls_port=0))
        context: ssl.SSLContext | None = trust_anything() if tls else None
        port = server.tls_port if tls else server.port
        assert port is not None
        scheme = "wss" if tls else "ws"

        def http() -> HTTPConnection:
            made = (
                HTTPSConnection("127.0.0.1", port, timeout=5, context=context)
                if tls
                else HTTPConnection("127.0.0.1", port, timeout=5)
            )
            return stack.enter_context(contextlib.closing(made))

        def websocket() -> ClientConnection:
            return stack.enter_context(connect(f"{scheme}://127.0.0.1:{port}/", ssl=context))

        events = http()
        events.request("GET", "/subscribe/all")
        receivers = {
            "resp": resp_listener(stack.enter_context(server.raw(tls=context))),
            "events": event_listener(events.getresponse()),
            "websocket": socket_listener(websocket()),
        }
        resp = stack.enter_context(server.raw(tls=context))
        rest = http()
        sender = websocket()

        def by_rest(text: str) -> None:
            rest.request("GET", f"/publish/all/{text}")
            assert json.loads(rest.getresponse().read()) == {"result": 3}

        def by_websocket(text: str) -> None:
            sender.send(json.dumps({"id": 1, "command": ["PUBLISH", "all", text]}))
            assert json.loads(sender.recv(5)) == {"id": 1, "result": 3}

        def by_resp(text: str) -> None:
            assert resp.value("PUBLISH", "all", text) == 3

        for turn in range(3):  # the connections stay open
            for send in (by_resp, by_rest, by_websocket):
                text = f"{send.__name__}:{turn}"
                send(text)
                assert {name: receive() for name, receive in receivers.items()} == dict.fromkeys(
                    receivers, text
                )
