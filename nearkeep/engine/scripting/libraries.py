"""Functions: libraries of Lua code that clients load, and that stay.

Source: https://redis.io/docs/latest/develop/programmability/functions-intro/
"""

import re
from typing import TYPE_CHECKING, Any, Final

from nearkeep.engine.rdb.kinds import FUNCTION
from nearkeep.engine.scripting.interpreter import Interpreter
from nearkeep.engine.scripting.scripts import FLAGS, Script, split
from nearkeep.engine.text import c_string
from nearkeep.wire.rdb import Malformed, Reader, length, opened, sealed
from nearkeep.wire.reply import Failure

if TYPE_CHECKING:
    from nearkeep.engine.namespace import Namespace

LONGEST_LOAD: Final = 500_000
"""Microseconds that a library's code may take to register its functions."""

MOST_LOOKS: Final = 1000
"""Looks at the clock that it may take, 100,000 instructions each, where the clock stands still."""

_NAME: Final = re.compile(rb"[A-Za-z0-9_]+")
_BAD_NAME: Final = (
    b"ERR Library names can only contain letters, numbers, or underscores(_) and must be at least"
    b" one character long"
)


class Function:
    """One function of a library."""

    def __init__(self, name: bytes, script: Script, description: bytes | None) -> None:
        self.name = name
        self.script = script
        self.description = description

    def flag_names(self) -> list[bytes]:
        return [name for name, bit in FLAGS.items() if self.script.flags & bit]


class Library:
    """A library: its code, and its functions by name."""

    def __init__(self, name: bytes, code: bytes) -> None:
        self.name = name
        self.code = code
        self.functions: dict[bytes, Function] = {}


class Libraries:
    """The libraries of a namespace.

    Attributes:
        libraries: by name.
        functions: of all libraries, by name in lower case.
    """

    def __init__(self, namespace: "Namespace") -> None:
        self.namespace = namespace
        self.libraries: dict[bytes, Library] = {}
        self.functions: dict[bytes, Function] = {}
        self._interpreter: Interpreter | None = None
        self._loading: Library | None = None
        self._load_until = 0
        self._looks = 0

    def interpreter(self) -> Interpreter:
        """The Lua state of functions, made when it is first needed.

        Raises:
            Failure: there is no Lua.
        """
        if self._interpreter is None:
            scripts = self.namespace.scripts
            self._interpreter = scripts.new_interpreter(
                {"register": self._register, "flag": _flag, "breathe": self._breathe}
            )
        return self._interpreter

    def memory(self) -> int:
        """Bytes that Lua holds."""
        return 0 if self._interpreter is None else self._interpreter.memory()

    def find(self, name: bytes) -> Function | None:
        """The function of a name, in any case."""
        return self.functions.get(name) or self.functions.get(name.lower())

    def load(self, code: bytes, replace: bool) -> bytes:
        """Loads a library and returns its name.

        Raises:
            Failure: something is wrong with it, or it is there already and not to be replaced.
        """
        name, body = metadata(code)
        old = self.libraries.get(name)
        if old is not None and not replace:
            raise Failure(b"ERR Library '%s' already exists" % name)
        library = self._run(Library(name, code), body)
        for function in library.functions.values():
            known = self.functions.get(function.name.lower())
            if known is not None and (old is None or known.name not in old.functions):
                raise Failure(b"ERR Function %s already exists" % c_string(function.name))
        if old is not None:
            self.delete(name)
        self._add(library)
        return name

    def _run(self, library: Library, body: bytes) -> Library:
        """Runs a library's code, which registers its functions."""
        lua = self.interpreter()
        self._loading = library
        self._looks = 0
        self._load_until = self.namespace.clock.microseconds() + LONGEST_LOAD
        try:
            problem = lua.load(body, b"@user_function")
        finally:
            self._loading = None
        if problem is not None:
            raise Failure(c_string(problem))
        if not library.functions:
            raise Failure(b"ERR No functions registered")
        return library

    def _add(self, library: Library) -> None:
        self.libraries[library.name] = library
        for function in library.functions.values():
            self.functions[function.name.lower()] = function

    def _register(
        self, name: object, body: Any, description: object, flags: object, straight: object
    ) -> bytes | None:
        """redis.register_function; what is wrong, if anything."""
        library = self._loading
        if library is None:
            return b"redis.register_function can only be called on FUNCTION LOAD command"
        assert isinstance(name, bytes)
        assert isinstance(flags, int)
        if name in library.functions:
            return b"Function already exists in the library"
        script = Script(name, b"", body, flags, True)
        script.is_function = True
        script.straight = bool(straight)
        library.functions[name] = Function(
            name, script, description if isinstance(description, bytes) else None
        )
        return None

    def _breathe(self) -> bytes | None:
        if self._loading is None:
            return self.namespace.scripts.breathe()
        self._looks += 1
        late = self.namespace.clock.microseconds() > self._load_until
        if late or self._looks > MOST_LOOKS:
            return b"ERR FUNCTION LOAD timeout"
        return None

    def delete(self, name: bytes) -> None:
        """Deletes a library.

        Raises:
            Failure: there is none of that name.
        """
        library = self.libraries.pop(name, None)
        if library is None:
            raise Failure(b"ERR Library not found")
        for function in library.functions.values():
            del self.functions[function.name.lower()]

    def flush(self) -> None:
        """Deletes all; Lua starts afresh."""
        self.libraries = {}
        self.functions = {}
        self._interpreter = None

    def dump(self) -> bytes:
        """All libraries, as `restore` reads them."""
        body = bytearray()
        for library in self.libraries.values():
            body.append(FUNCTION)
            body += length(len(library.code)) + library.code
        return sealed(bytes(body))

    def restore(self, payload: bytes, policy: bytes) -> None:
        """Loads what `dump` returned: all of it or, where it raises, nothing.

        Raises:
            Failure: it is no such thing, or its names are taken (policies APPEND and REPLACE).
        """
        codes = _codes(payload)
        before = (self.libraries, self.functions)
        if policy == b"FLUSH":
            self.libraries, self.functions = {}, {}
        else:
            self.libraries, self.functions = dict(self.libraries), dict(self.functions)
        try:
            for code in codes:
                self._restore_one(code, policy == b"REPLACE")
        except Failure:
            self.libraries, self.functions = before
            raise

    def _restore_one(self, code: bytes, replace: bool) -> None:
        name = metadata(code)[0]
        if name in self.libraries and not replace:
            raise Failure(b"ERR Library %s already exists" % name)
        self.load(code, replace)


def _codes(payload: bytes) -> list[bytes]:
    try:
        reader = Reader(opened(payload))
    except Malformed:
        raise Failure(b"ERR DUMP payload version or checksum are wrong") from None
    codes: list[bytes] = []
    try:
        while reader.left():
            if reader.byte() != FUNCTION:
                raise Failure(b"ERR given type is not a function")
            codes.append(reader.string())
    except Malformed:
        raise Failure(b"ERR failed loading functions payload") from None
    return codes


def _flag(name: object) -> int | None:
    return FLAGS.get(name) if isinstance(name, bytes) else None


def metadata(code: bytes) -> tuple[bytes, bytes]:
    """A library's name from its first line, and the code behind it.

    Raises:
        Failure: the first line is not well formed.
    """
    if not code.startswith(b"#!"):
        raise Failure(b"ERR Missing library metadata")
    end = code.find(b"\n")
    if end < 0:
        raise Failure(b"ERR Invalid library metadata")
    line = code[2:end]
    words = split(line)
    if words is None:
        raise Failure(b"ERR Invalid library metadata")
    engine = words.pop(0) if words and not line.startswith(b" ") else b""
    name: bytes | None = None
    for word in words:
        if not word.lower().startswith(b"name="):
            raise Failure(b"ERR Invalid metadata value given: " + c_string(word))
        if name is not None:
            raise Failure(b"ERR Invalid metadata value, name argument was given multiple times")
        name = word[5:]
    if name is None:
        raise Failure(b"ERR Library name was not given")
    if _NAME.fullmatch(name) is None:
        raise Failure(_BAD_NAME)
    if engine.lower() != b"lua":
        raise Failure(b"ERR Engine '%s' not found" % c_string(engine))
    return name, code[end:]
