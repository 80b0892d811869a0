"""Compiled Lua 5.1 functions, as `string.dump` writes them.

Two things are asked of them. Errors must name the line of `return redis.call(…)`, but Lua forgets
the caller in a tail call: so tail calls become calls, which differ in nothing else but that endless
tail recursion overflows the stack. And a script that can't run for long, because it has neither
loops nor functions of its own, needs no greenlet around it.

Source: the file format and the opcodes of Lua 5.1, lundump.c and lopcodes.h.
"""

from typing import Final

_HEADER: Final = 12
_JMP: Final = 22
_CALL: Final = 28
_TAILCALL: Final = 29
_FORLOOP: Final = 31
_TFORLOOP: Final = 33
_CLOSURE: Final = 36
_BIAS: Final = 131071
_COMPILING: Final = (b"load", b"loadstring")


class Chunk:
    """A compiled function, read once from its first byte to its last.

    Attributes:
        straight: whether no instruction of it can run more than once.
    """

    def __init__(self, dumped: bytes) -> None:
        self.code = bytearray(dumped)
        self.straight = True
        self._int = dumped[7]
        self._size = dumped[8]
        self._number = dumped[10]
        self._at = _HEADER
        self._upvalues = 0
        self._function()
        if self._upvalues:  # they may be functions with loops
            self.straight = False

    def _integer(self, width: int) -> int:
        self._at += width
        return int.from_bytes(self.code[self._at - width : self._at], "little")

    def _skip(self, count: int) -> None:
        self._at += count

    def _string(self) -> None:
        self._skip(self._integer(self._size))

    def _function(self) -> None:
        self._string()
        self._skip(2 * self._int)
        upvalues = self._integer(1)
        self._skip(3)
        self._instructions(self._integer(self._int))
        for _ in range(self._integer(self._int)):
            self._constant()
        for _ in range(self._integer(self._int)):
            self._function()
        self._skip(self._int * self._integer(self._int))
        for _ in range(self._integer(self._int)):
            self._string()
            self._at += 2 * self._int
        for _ in range(self._integer(self._int)):
            self._string()
        self._upvalues = upvalues

    def _instructions(self, count: int) -> None:
        for _ in range(count):
            place = self._at
            word = self._integer(4)
            opcode = word & 63
            if opcode == _TAILCALL:
                self.code[place] = self.code[place] & 0xC0 | _CALL
            elif opcode in (_FORLOOP, _TFORLOOP, _CLOSURE) or (
                opcode == _JMP and (word >> 14) < _BIAS
            ):
                self.straight = False

    def _constant(self) -> None:
        kind = self._integer(1)
        if kind == 1:
            self._at += 1
        elif kind == 3:
            self._at += self._number
        elif kind == 4:
            start = self._at
            self._string()
            if bytes(self.code[start + self._size : self._at - 1]) in _COMPILING:
                self.straight = False
