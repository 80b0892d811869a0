"""The syntax line of a command: one string that people read and COMMAND DOCS is derived from.

    SET key value [condition=(NX | XX)] [GET] [expiration=(EX seconds:integer | KEEPTTL)]

    lower-case      an argument; its type follows a colon, else it is a string (`key` is a key)
    UPPER-CASE      a token; it belongs to the argument or group that follows it, if one does
    name=TOKEN      a token that is called otherwise and stands alone
    name=shown:type an argument that documentation shows under another name
    key@1           the key belongs to the second key specification, not to the next in line
    [ x ]           optional
    x ...           once or more; behind a bracket, `[GET x] ...`, the token is repeated too
    name=(a | b)    one of them
    name=(a b)      all of them, in order
    (TOKEN x)       no subcommand, though the word stands second
    ""              an empty string given as it is

A group that follows a token is called as the token is, if nothing else is said. The argument tree,
the arity and the line in Redis' documentation notation follow from it.

Source: https://redis.io/docs/latest/commands/command-docs/ (argument types and flags)
"""

import re
from typing import Final

TYPES: Final = frozenset({"string", "key", "integer", "double", "pattern", "unix-time"})

_LEXEME: Final = re.compile(r"[\[\]()|]|[^\s\[\]()|]+")
_TOKEN: Final = re.compile(r"[A-Z0-9_-]+")
_NO_SPEC: Final = -1


class Argument:
    """One node of a command's argument tree, as COMMAND DOCS names its parts."""

    def __init__(self, name: str, kind: str, display: str = "", token: str | None = None) -> None:
        self.name = name
        self.kind = kind
        self.display = display or name
        self.token = token
        self.optional = False
        self.multiple = False
        self.multiple_token = False
        self.key_spec = _NO_SPEC
        self.arguments: list[Argument] = []

    def is_group(self) -> bool:
        return self.kind in {"oneof", "block"}

    def flag_names(self) -> list[str]:
        names = []
        if self.optional:
            names.append("optional")
        if self.multiple:
            names.append("multiple")
        if self.multiple_token:
            names.append("multiple_token")
        return names

    def words(self) -> tuple[int, int]:
        """The least and the most words this argument takes, `UNBOUNDED` where there is no most."""
        if self.kind == "pure-token":
            least, most = 1, 1
        else:
            least, most = _words_of(self)
            if self.token is not None:
                least += 1
                most += 1
        if self.multiple:
            most = UNBOUNDED
        return (0 if self.optional else least), min(most, UNBOUNDED)

    def notation(self) -> str:
        """The argument in the notation of Redis' documentation."""
        body = self._body()
        if self.multiple:
            if self.multiple_token or self.token is None:
                once = f"{self._token()}{body}"
                text = f"{once} [{once} ...]"
            else:
                text = f"{self._token()}{body} [{body} ...]"
        else:
            text = f"{self._token()}{body}"
        return f"[{text}]" if self.optional else text

    def _token(self) -> str:
        if self.token is None or self.kind == "pure-token":
            return ""
        return f"{self.token} "

    def _body(self) -> str:
        if self.kind == "pure-token":
            return self.token or '""'
        if self.kind == "oneof":
            choice = " | ".join([one.notation() for one in self.arguments])
            bare = self.optional and self.token is None and not self.multiple
            return choice if bare else f"<{choice}>"
        if self.kind == "block":
            return " ".join([one.notation() for one in self.arguments])
        return self.display


UNBOUNDED: Final = 1 << 40


def _words_of(argument: Argument) -> tuple[int, int]:
    if argument.kind == "block":
        return total_words(argument.arguments)
    if argument.kind == "oneof":
        bounds = [one.words() for one in argument.arguments]
        return min([least for least, _ in bounds]), max([most for _, most in bounds])
    return 1, 1


def total_words(arguments: list[Argument]) -> tuple[int, int]:
    """The least and the most words that a sequence of arguments takes."""
    least = most = 0
    for argument in arguments:
        low, high = argument.words()
        least += low
        most += high
    return least, min(most, UNBOUNDED)


def parse_syntax(line: str) -> tuple[list[str], list[Argument]]:
    """The command's name in one or two words, and its arguments.

    Raises ValueError, naming the line, where it is not well formed.
    """
    parser = _Parser(line)
    return parser.name(), parser.whole()


class _Parser:
    def __init__(self, line: str) -> None:
        self.line = line
        self.lexemes: list[str] = _LEXEME.findall(line)
        self.at = 0
        self.keys = 0

    def error(self, what: str) -> ValueError:
        return ValueError(f"{what} at word {self.at + 1} of the syntax line {self.line!r}")

    def peek(self) -> str:
        return self.lexemes[self.at] if self.at < len(self.lexemes) else ""

    def take(self) -> str:
        lexeme = self.peek()
        self.at += 1
        return lexeme

    def expect(self, lexeme: str) -> None:
        if self.take() != lexeme:
            raise self.error(f"{lexeme!r} is missing")

    def name(self) -> list[str]:
        """CONFIG GET, JSON.SET, PING: one upper-case word, or two."""
        words = [self.take()]
        if _TOKEN.fullmatch(self.peek()):
            words.append(self.take())
        return words

    def whole(self) -> list[Argument]:
        arguments = self.sequence()
        if self.at < len(self.lexemes):
            raise self.error(f"{self.peek()!r} opens nothing")
        return arguments

    def sequence(self) -> list[Argument]:
        arguments: list[Argument] = []
        while self.peek() not in {"", "]", ")", "|"}:
            arguments.append(self.element())
        return arguments

    def element(self) -> Argument:
        if self.peek() == "[":
            self.take()
            argument = self.element()
            argument.optional = True
            self.expect("]")
            if self.peek() == "...":
                self.take()
                argument.multiple = argument.multiple_token = True
            return argument
        if self.peek() == "(":
            self.take()
            argument = self.element()
            self.expect(")")
            return argument
        argument = self.plain()
        if self.peek() == "...":
            self.take()
            argument.multiple = True
        return argument

    def plain(self) -> Argument:
        word = self.take()
        if not _TOKEN.fullmatch(word):
            return self.group("") if word == "(" else self.leaf(word)
        after = self.peek()
        if after in {"", "[", "]", ")", "|", "..."} or _TOKEN.fullmatch(after) or _is_token(after):
            return Argument(word.lower(), "pure-token", token=word)
        argument = self.plain()
        argument.token = word
        if not argument.name:
            argument.name = argument.display = word.lower()
        return argument

    def leaf(self, word: str) -> Argument:
        """`name`, `name:type`, `name=shown:type`, `name=TOKEN`, `name=(`, each maybe `@spec`."""
        name, equals, rest = word.partition("=")
        if equals and not rest:
            self.expect("(")
            return self.group(name)
        if _is_token(word):
            return Argument(name, "pure-token", token=rest.strip('"'))
        word, at, spec = (rest or name).partition("@")
        shown, _, kind = word.rpartition(":")
        if kind not in TYPES or not shown:
            shown, kind = word, "key" if word == "key" else "string"
        argument = Argument(name if equals else shown, kind, shown)
        if at:
            argument.key_spec = int(spec)
        elif kind == "key":
            argument.key_spec = self.keys
            self.keys += 1
        return argument

    def group(self, name: str) -> Argument:
        choices = [self.sequence()]
        while self.peek() == "|":
            self.take()
            choices.append(self.sequence())
        self.expect(")")
        if len(choices) == 1:
            group = Argument(name, "block")
            group.arguments = choices[0]
            return group
        group = Argument(name, "oneof")
        for choice in choices:
            if len(choice) != 1:
                raise self.error("a choice is one argument or a named group")
            group.arguments.append(choice[0])
        return group


def _is_token(word: str) -> bool:
    """Whether the word is `name=TOKEN`, with a token in capitals, punctuation or quotes."""
    _, equals, token = word.partition("=")
    return equals != "" and token != "" and not any(letter.islower() for letter in token)
