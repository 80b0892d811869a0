r"""Redis' glob patterns: `*`, `?`, `[a-c]`, `[^a]` and `\` before a character meant as itself.

Only the last `*` is ever gone back to, which is enough for globs and keeps the cost at the product
of both lengths, whatever the pattern.
"""

from typing import Final

from mypy_extensions import i64

_STAR: Final = 42
_QUESTION: Final = 63
_OPEN: Final = 91
_CLOSE: Final = 93
_CARET: Final = 94
_ESCAPE: Final = 92
_DASH: Final = 45


def matches(pattern: bytes, text: bytes) -> bool:
    """Whether the whole of `text` matches `pattern`."""
    at: i64 = 0  # in the text
    here: i64 = 0  # in the pattern
    text_end: i64 = len(text)
    end: i64 = len(pattern)
    star: i64 = -1  # place after the last star, and where in the text it is tried next
    resume: i64 = 0
    while at < text_end:
        step: i64 = 0
        if here < end:
            char: i64 = pattern[here]
            if char == _STAR:
                here += 1
                star = here
                resume = at
                if here == end:
                    return True
                continue
            if char == _QUESTION:
                step = 1
            elif char == _OPEN:
                step = _in_class(pattern, here, text[at])
            elif char == _ESCAPE and here + 1 < end:
                step = 2 if pattern[here + 1] == text[at] else 0
            else:
                step = 1 if char == text[at] else 0
        if step > 0:
            here += step
            at += 1
        elif star >= 0:
            resume += 1
            at = resume
            here = star
        else:
            return False
    if text_end:  # in Redis a star matches the empty end of a text, but not an empty text
        while here < end and pattern[here] == _STAR:
            here += 1
    return here == end


def _in_class(pattern: bytes, start: i64, char: i64) -> i64:
    """Length of the class at `start` if `char` is in it, else 0."""
    end: i64 = len(pattern)
    at: i64 = start + 1
    inverted = at < end and pattern[at] == _CARET
    if inverted:
        at += 1
    found = False
    while at < end:
        low: i64 = pattern[at]
        if low == _ESCAPE and at + 1 < end:
            at += 1
            if pattern[at] == char:
                found = True
        elif low == _CLOSE:
            break
        elif at + 2 < end and pattern[at + 1] == _DASH:
            high: i64 = pattern[at + 2]
            if low > high:
                low, high = high, low
            if low <= char <= high:
                found = True
            at += 2
        elif low == char:
            found = True
        at += 1
    if found == inverted:
        return 0
    # A class that is never closed ends with the pattern.
    return min(at + 1, end) - start


def is_literal(pattern: bytes) -> bool:
    """Whether the pattern matches nothing but itself."""
    for char in pattern:
        if char in (_STAR, _QUESTION, _OPEN, _ESCAPE):
            return False
    return True


def longest_prefix(pattern: bytes) -> bytes:
    """The literal text that each match begins with."""
    for index, char in enumerate(pattern):
        if char in (_STAR, _QUESTION, _OPEN, _ESCAPE):
            return pattern[:index]
    return pattern
