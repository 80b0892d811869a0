"""Reads a JSONPath from its text. Numbers are added and so on only within filters.

Source: https://redis.io/docs/latest/develop/data-types/json/path/ and the grammar of RedisJSON
"""

import re
from typing import Final

from nearkeep.engine.values.json_text import parse
from nearkeep.engine.values.jsonpath import (
    Condition,
    Every,
    Filter,
    Indexes,
    Names,
    Path,
    Slice,
    Step,
)
from nearkeep.engine.values.jsonpath_filter import (
    COMPARISONS,
    NEGATED,
    PRODUCTS,
    SUMS,
    Both,
    Compared,
    Computed,
    Either,
    Literal,
    Not,
    Operand,
    Query,
    There,
)
from nearkeep.wire.reply import Failure

_CACHED: Final = 1024
"""Paths that are kept once read, of at most `_KEPT` bytes each."""

_KEPT: Final = 256

_NESTED: Final = 64
"""Levels of parentheses, negations, sums, arrays and filters within one another in a path."""


_NAME: Final = re.compile(r"[A-Za-z0-9\-_`~+#%$^/:]+")
_STRING: Final = re.compile(r"\"((?:[^\"\\]|\\[\"\\])*)\"|'((?:[^'\\]|\\['\\])*)'")
_ESCAPED: Final = re.compile(r"\\(.)")
_INTEGER: Final = re.compile(r"-?(?:[1-9][0-9]{0,17}|0)")
_NUMBER: Final = re.compile(r"-?(?:[1-9][0-9]{0,99}|0)(\.[0-9]{1,99})?")
_BOUND: Final = re.compile(r"-?[0-9]{1,18}")
_STRIDE: Final = re.compile(r"[1-9][0-9]{0,17}")
_OPERATOR: Final = re.compile(r"==|!=|=~|<=|>=|<|>|[a-z]+")
_SUM: Final = re.compile(r"[+-]")
_PRODUCT: Final = re.compile(r"[*/%]")
_SIGN: Final = re.compile(r"[+-](?![0-9])")
_WORD: Final = re.compile(r"(true|false|null)(?![A-Za-z0-9_])")
_WORDS: Final[dict[str, object]] = {"true": True, "false": False, "null": None}

_read_paths: Final[dict[bytes, Path]] = {}


def path_of(text: bytes) -> Path:
    """A path from its text.

    Raises:
        Failure: it is none; says where.
    """
    path = _read_paths.get(text)
    if path is None:
        path = _read(text)
        if len(text) > _KEPT:
            return path
        if len(_read_paths) >= _CACHED:
            del _read_paths[next(iter(_read_paths))]
        _read_paths[text] = path
    return path


def _read(text: bytes) -> Path:
    try:
        shown = text.decode()
    except UnicodeDecodeError:
        raise Failure(b"ERR Couldn't parse as UTF-8 string") from None
    legacy = shown != "$" and not shown.startswith(("$.", "$["))
    if shown == ".":
        shown = "$"
    elif legacy:
        shown = f"${shown}" if shown.startswith(".") else f"$.{shown}"
    reader = _Reader(shown)
    reader.at = 1
    steps = reader.steps()
    if reader.at < len(shown):
        raise reader.expected("'.', '..' or '['")
    return Path(steps, legacy)


def _condition(found: Condition | Operand) -> Condition:
    """What was read, where a condition is wanted: of values, that there are some."""
    return There(found) if isinstance(found, Operand) else found


class _Reader:
    """Reads a path from its text, from a position on."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.nested = 0

    def expected(self, what: str) -> Failure:
        before, after = self.text[: self.at], self.text[self.at :]
        where = f'"{before} ---->>>> {after}"' if after else f'"{before} <<<<----"'
        return Failure(f"Error occurred on position {self.at}, {where}, expected {what}.".encode())

    def enter(self) -> None:
        self.nested += 1
        if self.nested > _NESTED:
            raise self.expected("fewer levels")

    def blanks(self) -> None:
        while self.text.startswith(" ", self.at):
            self.at += 1

    def take(self, mark: str) -> bool:
        """Whether a mark follows, after blanks; goes beyond it."""
        start = self.at
        self.blanks()
        if self.text.startswith(mark, self.at):
            self.at += len(mark)
            return True
        self.at = start
        return False

    def must(self, mark: str) -> None:
        if not self.take(mark):
            self.blanks()
            raise self.expected(f"'{mark}'")

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """What of a pattern follows, after blanks; goes beyond it."""
        start = self.at
        self.blanks()
        found = pattern.match(self.text, self.at)
        self.at = start if found is None else found.end()
        return found

    # ---- steps

    def steps(self) -> list[Step]:
        found: list[Step] = []
        while True:
            if self.take(".."):
                step = self.bracket() if self.take("[") else self.named()
                step.deep = True
            elif self.take("."):
                step = self.bracket() if self.take("[") else self.named()
            elif self.take("["):
                step = self.bracket()
            else:
                return found
            found.append(step)

    def named(self) -> Step:
        if self.take("*"):
            return Every()
        name = self.match(_NAME)
        if name is None:
            raise self.expected("a name, '*' or '['")
        return Names([name.group()])

    def bracket(self) -> Step:
        step = self.selected()
        self.must("]")
        return step

    def selected(self) -> Step:
        if self.take("*"):
            return Every()
        if self.take("?"):
            return Filter(self.condition())
        bounds = self.slice()
        if bounds is not None:
            return bounds
        name = self.string()
        if name is not None:
            names = [name]
            while self.take(","):
                names.append(self.another_string())
            return Names(names)
        indexes = [self.integer()]
        while self.take(","):
            indexes.append(self.integer())
        return Indexes(indexes)

    def slice(self) -> Slice | None:
        at = self.at
        start = self.match(_BOUND)
        if not self.take(":"):
            self.at = at
            return None
        stop = self.match(_BOUND)
        stride = self.match(_STRIDE) if self.take(":") else None
        return Slice(
            None if start is None else int(start.group()),
            None if stop is None else int(stop.group()),
            1 if stride is None else int(stride.group()),
        )

    def string(self) -> str | None:
        found = self.match(_STRING)
        if found is None:
            return None
        quoted = found.group(1) if found.group(2) is None else found.group(2)
        return _ESCAPED.sub(r"\1", quoted) if "\\" in quoted else quoted

    def another_string(self) -> str:
        found = self.string()
        if found is None:
            raise self.expected("a string")
        return found

    def integer(self) -> int:
        digits = self.match(_INTEGER)
        if digits is None:
            raise self.expected("a string, an index, a slice, '*' or '?'")
        return int(digits.group())

    # ---- conditions

    def condition(self) -> Condition:
        return _condition(self.expression())

    def expression(self) -> Condition | Operand:
        self.enter()
        found = self.all_of()
        if self.take("||"):
            either = [_condition(found), _condition(self.all_of())]
            while self.take("||"):
                either.append(_condition(self.all_of()))
            found = Either(either)
        self.nested -= 1
        return found

    def all_of(self) -> Condition | Operand:
        found = self.single()
        if self.take("&&"):
            both = [_condition(found), _condition(self.single())]
            while self.take("&&"):
                both.append(_condition(self.single()))
            found = Both(both)
        return found

    def single(self) -> Condition | Operand:
        if self.take("!"):
            self.enter()
            inner = self.single()
            self.nested -= 1
            return Not(_condition(inner))
        left = self.sum()
        start = self.at
        operator = self.match(_OPERATOR)
        compare = None if operator is None else COMPARISONS.get(operator.group())
        if operator is None or compare is None:
            self.at = start
            return left
        compared = Compared(self.operand(left), compare, self.operand(self.sum()))
        return Not(compared) if operator.group() in NEGATED else compared

    def sum(self) -> Condition | Operand:
        found = self.product()
        operator = self.match(_SUM)
        while operator is not None:
            self.enter()  # and never leave: so deep is the tree
            operate = SUMS[operator.group()]
            found = Computed(self.operand(found), operate, self.operand(self.product()))
            operator = self.match(_SUM)
        return found

    def product(self) -> Condition | Operand:
        found = self.signed()
        operator = self.match(_PRODUCT)
        while operator is not None:
            self.enter()
            operate = PRODUCTS[operator.group()]
            found = Computed(self.operand(found), operate, self.operand(self.signed()))
            operator = self.match(_PRODUCT)
        return found

    def signed(self) -> Condition | Operand:
        if self.take("("):
            inner = self.expression()
            self.must(")")
            return inner
        if self.take("@"):
            return Query(Path(self.steps()), from_root=False)
        if self.take("$"):
            return Query(Path(self.steps()), from_root=True)
        sign = self.match(_SIGN)
        if sign is None:
            return Literal(self.literal())
        self.enter()
        operand = self.operand(self.signed())
        self.nested -= 1
        return Computed(Literal(0), SUMS[sign.group()], operand)

    def operand(self, found: Condition | Operand) -> Operand:
        """What was read last, where values are wanted."""
        if isinstance(found, Operand):
            return found
        raise self.expected("a value in place of a condition")

    def literal(self) -> object:
        word = self.match(_WORD)
        if word is not None:
            return _WORDS[word.group(1)]
        number = self.match(_NUMBER)
        if number is not None:
            return parse(number.group().encode())
        string = self.string()
        if string is not None:
            return string
        self.enter()
        value: object
        if self.take("["):
            value = self.items()
        elif self.take("{"):
            value = self.members()
        else:
            raise self.expected("'@', '$' or a literal")
        self.nested -= 1
        return value

    def items(self) -> list[object]:
        found: list[object] = []
        if self.take("]"):
            return found
        found.append(self.literal())
        while self.take(","):
            found.append(self.literal())
        self.must("]")
        return found

    def members(self) -> dict[str, object]:
        found: dict[str, object] = {}
        more = not self.take("}")
        while more:
            name = self.another_string()
            self.must(":")
            found[name] = self.literal()
            more = self.take(",")
            if not more:
                self.must("}")
        return found
