"""Documents as RedisJSON saves them: as a value of a module, of which there is but this one.

The name of a module's type is a number: nine characters of six bits and ten bits of its version.
Each thing that it has saved follows a number that says what it is, and a 0 ends the value.
"""

from typing import Final

from nearkeep.engine.values.json import Json
from nearkeep.engine.values.json_text import parse, text_of
from nearkeep.wire.rdb import Malformed, Reader, length, string
from nearkeep.wire.reply import Failure

_CHARACTERS: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_VERSION_BITS: Final = 10
_VERSION: Final = 3
_STRING: Final = 5
_END: Final = 0


def _type_number(name: bytes, version: int) -> int:
    number = 0
    for character in name:
        number = number << 6 | _CHARACTERS.index(character)
    return number << _VERSION_BITS | version


_JSON: Final = _type_number(b"ReJSON-RL", _VERSION)


def saved_document(value: Json) -> bytes:
    """A document, as RedisJSON has it since version 2."""
    text = string(text_of(value.box[0]))
    return length(_JSON) + length(_STRING) + text + length(_END)


def loaded_document(source: Reader) -> Json:
    """A document.

    Raises:
        Malformed: it is none, but maybe the value of another module.
    """
    if source.length() != _JSON or source.length() != _STRING:
        raise Malformed
    text = source.string()
    if source.length() != _END:
        raise Malformed
    try:
        return Json(parse(text))
    except Failure:
        raise Malformed from None
