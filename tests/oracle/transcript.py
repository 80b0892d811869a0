"""A difference as one would see it in redis-cli."""

from __future__ import annotations

from tests.oracle.family import Sequence
from tests.oracle.grammar import Command
from tests.oracle.stage import Difference
from tests.resp import Reply

LONGEST_TEXT = 400


def transcript(sequence: Sequence, difference: Difference, protocol: int) -> str:
    """Every command with its replies, both servers' where they differ.

    Where the difference is in what the sequence left behind, its commands come without replies.
    """
    several = len({client for client, _ in sequence}) > 1
    lines = [f"# RESP{protocol}"]
    if difference.index == len(sequence):
        lines += [f"> {command_line(command)}" for _, command in sequence]
    for (client, command), theirs, ours in zip(
        difference.said, difference.theirs, difference.ours, strict=True
    ):
        lines.append(f"{f'client {client}' if several else ''}> {command_line(command)}")
        if [reply.raw for reply in theirs] == [reply.raw for reply in ours]:
            lines.append(f"  both:   {_all(ours)}")
        else:
            lines += [f"  ours:   {_all(ours)}", f"  theirs: {_all(theirs)}"]
    return "\n".join(lines)


def command_line(command: Command) -> str:
    """The command as redis-cli would read it back."""
    return " ".join(map(_word, command))


def _word(argument: bytes) -> str:
    text = "".join(
        {"\n": r"\n", "\r": r"\r", "\t": r"\t", '"': r"\"", "\\": r"\\"}.get(
            chr(byte), chr(byte) if 32 <= byte < 127 else f"\\x{byte:02x}"
        )
        for byte in argument
    )
    plain = text and text == argument.decode("latin-1") and not set(text) & set(" '")
    return text if plain else f'"{text}"'


def _all(replies: tuple[Reply, ...]) -> str:
    if not replies:
        return "(nothing)"
    return "  ".join(_reply(reply) for reply in replies)


def _reply(reply: Reply) -> str:
    text = repr(reply.raw)[2:-1] if len(reply.raw) > 1 else (reply.payload or b"").decode()
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}… ({len(reply.raw)} bytes)"
