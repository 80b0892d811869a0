"""One Lua state with its sandbox. What Lua may ask of the host is what `functions` names.

The host's functions must not raise: their errors are values, for Lua shall never hold a Python
object. As a second lock no attribute of any Python object can be reached from Lua.
"""

import hashlib
from collections.abc import Callable
from importlib.resources import files
from typing import Any, Final

from nearkeep.engine.scripting.bytecode import Chunk
from nearkeep.engine.scripting.numbers import FUNCTIONS

try:
    from lupa import lua51
except ImportError:  # scripts are then refused; all else works
    lua51 = None

_MULTIPLIER: Final = 0x5DEECE66D
_MASK: Final = (1 << 48) - 1
_LARGEST: Final = 0x7FFFFFFF


def available() -> bool:
    """Whether there is a Lua to run scripts with."""
    return lua51 is not None


class Interpreter:
    """A Lua state.

    Attributes:
        compile, run, run_many, call, load: see the end of sandbox.lua.
    """

    def __init__(self, functions: dict[str, Callable[..., object]], version: bytes) -> None:
        self._lua: Any = lua51.LuaRuntime(
            register_eval=False,
            register_builtins=False,
            encoding=None,
            source_encoding="latin-1",
            unpack_returned_tuples=True,
            attribute_filter=_no_attribute,
            max_memory=0,
        )
        self._random = 0x330E
        known: dict[bytes, object] = {
            name.encode(): function for name, function in {**FUNCTIONS, **functions}.items()
        }
        known |= {b"hash": _sha1, b"untail": _untail, b"random": self._draw, b"seed": self._seed}
        host = self._lua.table_from(known)
        raise_, argument = self._read("raise.lua")()
        bit, struct = self._read("numbers.lua")(host, raise_, argument)
        modules = self._lua.table_from(
            {
                b"bit": bit,
                b"struct": struct,
                b"cjson": self._read("cjson.lua")(host, raise_, argument),
                b"cmsgpack": self._read("cmsgpack.lua")(host, raise_, argument),
            }
        )
        major, minor, patch = [int(part) for part in version.split(b".")]
        entry = self._read("sandbox.lua")(host, modules, version, major << 16 | minor << 8 | patch)
        names = self._lua.globals()
        for name in _FORBIDDEN:
            names[name] = None
        self.compile: Any = entry[b"compile"]
        self.run: Any = entry[b"run"]
        self.run_many: Any = entry[b"run_many"]
        self.call: Any = entry[b"call"]
        self.load: Any = entry[b"load"]

    def table(self, items: list[bytes]) -> object:
        """A Lua array."""
        table: object = self._lua.table_from(items)
        return table

    def memory(self) -> int:
        """Bytes that the state holds."""
        return int(self._lua.get_memory_used())

    def collect(self) -> None:
        """Frees what scripts have left behind."""
        self._lua.gccollect()

    def _read(self, name: str) -> Any:
        source = files("nearkeep.engine.scripting").joinpath(name).read_bytes()
        function, problem = self._lua.eval(
            b"function(source) local f, e = loadstring(source, '=nearkeep') return f, e end"
        )(source)
        if function is None:
            raise ValueError(f"{name}: {problem.decode()}")
        return function

    def _draw(self) -> float:
        """The next of the random numbers that Redis draws: lrand48, of which scripts see 31 bits."""
        self._random = (self._random * _MULTIPLIER + 0xB) & _MASK
        return (self._random >> 17) % _LARGEST / _LARGEST

    def _seed(self, seed: object) -> None:
        number = seed if isinstance(seed, (int, float)) and seed == seed else 0  # noqa: PLR0124
        number = int(max(min(number, 1 << 62), -(1 << 62)))
        self._random = (number & 0xFFFFFFFF) << 16 | 0x330E


_FORBIDDEN: Final = (
    b"python", b"io", b"os", b"package", b"require", b"module", b"dofile", b"loadfile", b"debug",
    b"print", b"newproxy", b"getfenv", b"setfenv", b"load", b"loadstring",
)  # fmt: skip
"""Gone from Lua's own globals once the sandbox, which scripts see in their place, stands."""


def _no_attribute(_of: object, name: object, _is_setting: bool) -> object:
    raise AttributeError(name)


def _sha1(text: object) -> bytes:
    assert isinstance(text, bytes)
    return hashlib.sha1(text, usedforsecurity=False).hexdigest().encode()


def _untail(dumped: object) -> tuple[bytes, bool]:
    assert isinstance(dumped, bytes)
    chunk = Chunk(dumped)
    return bytes(chunk.code), chunk.straight
