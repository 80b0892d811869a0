"""Server-sent events: messages as lines of text that a browser's EventSource reads.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from typing import Final

from nearkeep.wire.http import chunk
from nearkeep.wire.json_messages import event as json_event
from nearkeep.wire.json_reply import as_text
from nearkeep.wire.reply import OK, Push, Reply, Status

COMMENT: Final = b":\n\n"
"""Says nothing, and keeps proxies from closing a silent connection."""

_WHOLE: Final = "events"
_CHUNK: Final = "events in chunks"


def event(data: bytes, id_: bytes = b"", name: bytes = b"") -> bytes:
    """One event with this data."""
    lines = as_text(data).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    text = "".join([f"data: {line}\n" for line in lines]).encode() + b"\n"
    if id_:
        text = b"id: %s\n%s" % (id_, text)
    return b"event: %s\n%s" % (name, text) if name else text


def place(id_: bytes, chunked: bool) -> bytes:
    """Tells the client what to come back with, and nothing else."""
    text = b"id: %s\n\n" % id_
    return chunk(text) if chunked else text


def message_event(message: Reply, chunked: bool) -> bytes:
    """A message of the engine as an event, `message,<channel>,<text>`; made once for all who get it."""
    if not isinstance(message, Push):
        data = event(b'"OK"' if message is OK else _data(message))
        return chunk(data) if chunked else data
    form = _CHUNK if chunked else _WHOLE
    forms = message.forms
    if forms is None:
        forms = message.forms = {}
    made = forms.get(form)
    if made is None:
        kind = message.items[0]
        if kind in (b"key", b"flush"):
            made = event(json_event(message, as_text))
        else:
            name = b"gap" if kind == b"gap" else b""
            made = event(b",".join([_data(item) for item in message.items]), message.id, name)
        if chunked:
            made = chunk(made)
        forms[form] = made
    return made


def _data(item: object) -> bytes:
    if isinstance(item, bytes):
        return item
    if isinstance(item, Status):
        return item.text
    return b"" if item is None else str(item).encode()
