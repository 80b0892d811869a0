"""Requests as they come in: RESP arrays of bulk strings, and inline commands.

The parser is fed whatever the socket gave, cut at any byte, and hands out one request at a time.
Work is linear in the bytes however they are cut: what has been read of a request is kept (its
arguments so far), and a long argument is gathered in pieces and joined once.

Everything a client may do wrong ends in `ProtocolError` with Redis' own words; the connection is
closed after that, since nothing tells where the next request would begin.
"""

from typing import Final

from mypy_extensions import i64

INLINE_LIMIT: Final = 65536
"""Longest line of a header or an inline command, bytes."""

_LARGE: Final = 32768
_STAR: Final = 42
_DOLLAR: Final = 36
_CR: Final = 13
_ZERO: Final = 48
_MINUS: Final = 45
_SPACES: Final = b" \t\n\v\f\r\0"


class ProtocolError(Exception):
    """The client broke the protocol; `message` is what it is told before the end."""

    def __init__(self, message: bytes) -> None:
        super().__init__(message)
        self.message = b"ERR Protocol error: " + message


class RequestParser:
    """Bytes in, requests out.

    Attributes:
        max_bulk: longest argument allowed, bytes (`proto-max-bulk-len`).
        trusted: whether the client has authenticated; before that, requests have at most 10
            arguments of 16 KB.
    """

    def __init__(self, max_bulk: int = 512 * 1024 * 1024) -> None:
        self.max_bulk = max_bulk
        self.trusted = True
        self._data = b""
        self._at: i64 = 0
        self._missing: i64 = 0  # arguments of the present request still to come
        self._args = _NO_ARGS
        self._size: i64 = -1  # of the argument that is being read, -1 while unknown
        self._pieces: list[bytes] = []  # of a long argument
        self._gathered: i64 = 0

    def pending(self) -> int:
        """Bytes held of requests not yet handed out."""
        held: i64 = len(self._data) - self._at + self._gathered
        for arg in self._args:
            held += len(arg)
        return held

    def idle(self) -> bool:
        """Whether no request has begun that has not ended."""
        return self._missing == 0 and self._at >= len(self._data)

    def feed(self, data: bytes) -> None:
        """Takes what the socket gave."""
        if self._size >= _LARGE:
            self._gather(data)
        elif self._at >= len(self._data):
            self._data = data
            self._at = 0
        else:
            self._data = self._data[self._at :] + data
            self._at = 0

    def _gather(self, data: bytes) -> None:
        """Continues a long argument, whose pieces are joined once it and its CRLF are whole."""
        wanted: i64 = self._size + 2 - self._gathered
        if self._at < len(self._data):
            data = self._data[self._at :] + data
        size: i64 = len(data)
        if size < wanted:
            self._pieces.append(data)
            self._gathered += size
            self._data = b""
            self._at = 0
            return
        self._pieces.append(data[:wanted])
        whole = b"".join(self._pieces)
        self._args.append(whole[: self._size])
        self._pieces = []
        self._gathered = 0
        self._size = -1
        self._missing -= 1
        self._data = data[wanted:]
        self._at = 0

    def next(self) -> list[bytes] | None:
        """The next request, or None until more bytes come.

        Raises:
            ProtocolError: the client broke the protocol.
        """
        while True:
            if self._missing == 0 and self._args:
                return self._done()
            if self._size >= _LARGE:
                return None
            data = self._data
            end: i64 = len(data)
            at: i64 = self._at
            if self._missing == 0:
                if at >= end:
                    return None
                if data[at] != _STAR:
                    inline = self._inline()
                    if inline is None:
                        return None
                    if inline:
                        return inline
                    continue
                # The usual header, "*" and one digit, is read right here.
                digit: i64 = -1
                if at + 3 < end and data[at + 2] == _CR:
                    digit = data[at + 1]
                    digit -= 48
                if 0 < digit <= 9:
                    self._at = at + 4
                    self._missing = digit
                    self._args = []
                    if not self._arguments():
                        return None
                    continue
                count = self._number(at + 1, b"invalid multibulk length", b"mbulk count")
                if count < -1:
                    return None
                if count > 2147483647:
                    raise ProtocolError(b"invalid multibulk length")
                if count > 10 and not self.trusted:
                    raise ProtocolError(b"unauthenticated multibulk length")
                if count <= 0:
                    continue
                self._missing = count
                self._args = []
            if not self._arguments():
                return None

    def _done(self) -> list[bytes]:
        args = self._args
        self._args = _NO_ARGS
        return args

    def _arguments(self) -> bool:
        """Reads arguments of the present request; whether it is whole now."""
        data = self._data
        end: i64 = len(data)
        at: i64 = self._at
        args = self._args
        missing: i64 = self._missing
        size: i64 = self._size
        digit: i64 = 0
        while missing > 0:
            if size < 0:
                # The usual header, "$" and up to nine digits, is read right here.
                if at + 3 < end and data[at] == _DOLLAR:
                    start = at
                    at += 1
                    size = 0
                    while at < end and at - start < 10:
                        digit = data[at]
                        digit -= 48
                        if digit < 0 or digit > 9:
                            break
                        size = size * 10 + digit
                        at += 1
                    if (
                        at + 1 >= end
                        or data[at] != _CR
                        or at == start + 1
                        or (at > start + 2 and data[start + 1] == _ZERO)
                    ):
                        at = start
                        size = -1
                    else:
                        at += 2
                if size < 0:
                    self._at = at
                    self._missing = missing
                    self._size = -1
                    if at >= end:
                        return False
                    if data[at] != _DOLLAR:
                        if self._line_end(at, b"bulk count") < 0:
                            return False
                        raise ProtocolError(b"expected '$', got '%s'" % data[at : at + 1])
                    size = self._number(at + 1, b"invalid bulk length", b"bulk count")
                    if size == -1:
                        raise ProtocolError(b"invalid bulk length")
                    if size < 0:
                        return False
                    at = self._at
                if size > self.max_bulk:
                    raise ProtocolError(b"invalid bulk length")
                if size > 16384 and not self.trusted:
                    raise ProtocolError(b"unauthenticated bulk length")
            if at + size + 2 > end:
                self._size = size
                self._missing = missing
                if size >= _LARGE:
                    self._pieces.append(data[at:])
                    self._gathered = end - at
                    self._data = b""
                    self._at = 0
                else:
                    self._at = at
                return False
            args.append(data[at : at + size])
            at += size + 2
            size = -1
            missing -= 1
        self._size = -1
        self._missing = 0
        self._at = at
        return True

    def _number(self, start: i64, wrong: bytes, what: bytes) -> i64:
        """The number of a header that begins at `start`; moves past it. -2 until it is whole."""
        data = self._data
        stop = self._line_end(start, what)
        if stop < 0:
            return -2
        number = parse_integer(data[start:stop])
        if number is None:
            raise ProtocolError(wrong)
        self._at = stop + 2
        if number < -1:
            if what == b"bulk count":
                raise ProtocolError(wrong)
            return -1
        if number > 4294967296:
            raise ProtocolError(wrong)
        return number

    def _line_end(self, start: i64, what: bytes) -> i64:
        """Where the line of a header ends, -1 until it is whole. A NUL hides the end, as in Redis."""
        data = self._data
        stop: i64 = data.find(b"\r", start)
        if stop < 0 or data.find(b"\x00", start, stop) >= 0:
            if len(data) - self._at > INLINE_LIMIT:
                raise ProtocolError(b"too big %s string" % what)
            return -1
        return stop if stop + 2 <= len(data) else -1

    def _inline(self) -> list[bytes] | None:
        """A request as a line of words; None until the line is whole."""
        data = self._data
        stop: i64 = data.find(b"\n", self._at)
        if stop < 0 or data.find(b"\x00", self._at, stop) >= 0:  # a NUL hides the end, as in Redis
            if len(data) - self._at > INLINE_LIMIT:
                raise ProtocolError(b"too big inline request")
            return None
        line = data[self._at : stop]
        if line.endswith(b"\r"):
            line = line[:-1]
        if len(line) > INLINE_LIMIT:
            raise ProtocolError(b"too big inline request")
        self._at = stop + 1
        words = split_words(line)
        if words is None:
            raise ProtocolError(b"unbalanced quotes in request")
        return words


def parse_integer(text: bytes) -> int | None:
    """A canonical signed 64-bit decimal (no plus, no leading zero, no blank), or None."""
    size = len(text)
    if size == 0 or size > 20:
        return None
    if size == 1:
        digit = text[0] - 48
        return digit if 0 <= digit <= 9 else None
    start: i64 = 1 if text[0] == _MINUS else 0
    first = text[start]
    if first < 49 or first > 57:
        return None
    index: i64 = start
    total: i64 = 0
    while index < size:
        char: i64 = text[index]
        if char < 48 or char > 57:
            return None
        if index < 18:
            total = total * 10 + (char - 48)
        index += 1
    if size <= 18:
        return int(-total if start else total)
    number = int(text)
    if number > 9223372036854775807 or number < -9223372036854775808:
        return None
    return number


_NO_ARGS: Final[list[bytes]] = []
"""Stands where no request has begun; nothing is ever added to it."""

_ESCAPES: Final = {ord("n"): 10, ord("r"): 13, ord("t"): 9, ord("b"): 8, ord("a"): 7}
_HEX: Final = b"0123456789abcdefABCDEF"


def split_words(line: bytes) -> list[bytes] | None:
    r"""Splits a line at blanks, with Redis' quoting: "…" with escapes, '…' without but \'.

    Returns None where quotes don't balance or a closing quote is followed by a character.
    """
    if b'"' not in line and b"'" not in line and b"\0" not in line:
        return line.split()
    words: list[bytes] = []
    at: i64 = 0
    end: i64 = len(line)
    while True:
        while at < end and line[at] in _SPACES:
            at += 1
        if at >= end:
            return words
        word = bytearray()
        quote: i64 = 0
        while at < end:
            char: i64 = line[at]
            if quote == 34:
                if (
                    char == 92
                    and at + 3 < end
                    and line[at + 1] == 120
                    and line[at + 2] in _HEX
                    and line[at + 3] in _HEX
                ):
                    word.append(int(line[at + 2 : at + 4], 16))
                    at += 3
                elif char == 92 and at + 1 < end:
                    at += 1
                    escaped = line[at]
                    word.append(_ESCAPES.get(escaped, escaped))
                elif char == 34:
                    if at + 1 < end and line[at + 1] not in _SPACES:
                        return None
                    quote = -1
                else:
                    word.append(char)
            elif quote == 39:
                if char == 92 and at + 1 < end and line[at + 1] == 39:
                    at += 1
                    word.append(39)
                elif char == 39:
                    if at + 1 < end and line[at + 1] not in _SPACES:
                        return None
                    quote = -1
                else:
                    word.append(char)
            elif char in _SPACES:
                break
            elif char in (34, 39):
                quote = char
            else:
                word.append(char)
            at += 1
            if quote == -1:
                quote = 0
                break
        if quote > 0:
            return None
        words.append(bytes(word))
