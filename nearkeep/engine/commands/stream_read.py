"""XREAD and XREADGROUP, which read several streams and wait for entries.

Source: https://redis.io/docs/latest/commands/?group=stream
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nearkeep.engine import timeout
from nearkeep.engine.command import command
from nearkeep.engine.commands.stream import shown_entries, stream_to_read
from nearkeep.engine.commands.stream_group import asking_consumer, tell_position
from nearkeep.engine.stream_id import id_text, parse_id
from nearkeep.engine.text import SYNTAX_ERROR, c_string, integer
from nearkeep.engine.values.consumer_group import NONE, Consumer, ConsumerGroup
from nearkeep.engine.values.stream import HIGHEST, Stream
from nearkeep.wire.reply import NULL_ARRAY, Failure, Map, Reply

if TYPE_CHECKING:
    from nearkeep.engine.session import Session


@command(
    "XREAD [COUNT count:integer] [BLOCK milliseconds:integer] STREAMS (key ... id ...)",
    group="stream", since="5.0.0",
    flags="readonly blocking", keys="STREAMS@1..-1%2 RO access",
    summary="Returns the entries after an ID of each stream, waiting for some if asked to.",
)  # fmt: skip
def xread(session: Session, args: list[bytes]) -> Reply:
    return Reading(session, args).run(session, args)


@command(
    "XREADGROUP (GROUP group-block=(group consumer)) [COUNT count:integer] "
    "[BLOCK milliseconds:integer] [NOACK] STREAMS (key ... id ...)",
    group="stream", since="5.0.0", complexity="O(M)",
    flags="write blocking", keys="STREAMS@4..-1%2 RO access",
    summary="Reads streams as a consumer of a group, waiting for entries if asked to.",
)  # fmt: skip
def xreadgroup(session: Session, args: list[bytes]) -> Reply:
    return Reading(session, args).run(session, args)


class Reading:
    """XREAD and XREADGROUP.

    Attributes:
        after: for each key the ID after which it reads; NONE for `>`.
    """

    def __init__(self, session: Session, args: list[bytes]) -> None:
        self._groups = args[0].upper() == b"XREADGROUP"
        self._group = b""
        self._consumer = b""
        self._grouped = False
        self._count = 0
        self._wait = NONE
        self._noack = False
        self._keys: list[bytes] = []
        self._texts: list[bytes] = []
        self._options(session, args)
        self.after: list[int] = []
        for key, text in zip(self._keys, self._texts, strict=True):
            self.after.append(self._start(session, key, text))

    def _options(self, session: Session, args: list[bytes]) -> None:
        name = args[0].lower()
        index = 1
        while index < len(args) and not self._keys:
            option = args[index].upper()
            left = len(args) - index - 1
            if option == b"BLOCK" and left:
                index += 1
                self._wait = timeout.milliseconds(args[index], session.namespace.clock.ms)
            elif option == b"COUNT" and left:
                index += 1
                self._count = max(integer(args[index]), 0)
            elif option == b"STREAMS" and left:
                if left % 2:
                    raise Failure(
                        b"ERR Unbalanced '%s' list of streams: for each stream key an ID%s must be"
                        b" specified." % (name, b" or '>'" if self._groups else b", '+', or '$'")
                    )
                middle = index + 1 + left // 2
                self._keys = args[index + 1 : middle]
                self._texts = args[middle:]
            elif option == b"GROUP" and left >= 2:
                self._refuse_without_group(option)
                self._group, self._consumer = args[index + 1], args[index + 2]
                self._grouped = True
                index += 2
            elif option == b"NOACK":
                self._refuse_without_group(option)
                self._noack = True
            else:
                raise Failure(SYNTAX_ERROR.message)
            index += 1
        if not self._keys:
            raise Failure(SYNTAX_ERROR.message)
        if self._groups and not self._grouped:
            raise Failure(b"ERR Missing GROUP option for XREADGROUP")

    def _refuse_without_group(self, option: bytes) -> None:
        if not self._groups:
            raise Failure(
                b"ERR The %s option is only supported by XREADGROUP. You called XREAD instead."
                % option
            )

    def _start(self, session: Session, key: bytes, text: bytes) -> int:
        """After which ID to read a stream."""
        held = stream_to_read(session.db, key)
        if self._groups and (held is None or self._group not in held.groups):
            raise Failure(
                b"NOGROUP No such key '%s' or consumer group '%s' in XREADGROUP with GROUP option"
                % (c_string(key), c_string(self._group))
            )
        if text in (b"$", b"+"):
            if self._groups:
                raise Failure(
                    b"ERR The %s ID is meaningless in the context of XREADGROUP: you want to read"
                    b" the history of this consumer by specifying a proper ID, or use the > ID to"
                    b" get new messages. The %s ID would just return an empty result set."
                    % (text, text)
                )
            if held is None:
                return 0
            return held.last_id if text == b"$" else max(held.top_id() - 1, 0)
        if text == b">":
            if not self._groups:
                raise Failure(
                    b"ERR The > ID can be specified only when calling XREADGROUP using the GROUP"
                    b" <group> <consumer> option."
                )
            return NONE
        after = parse_id(text, 0)
        # To Redis, the highest ID there can be is another way to write `>`.
        return NONE if self._groups and after == HIGHEST else after

    def run(self, session: Session, args: list[bytes]) -> Reply:
        """Reads, or waits where that is wanted and there is nothing."""
        found: list[object] = []
        for key, after in zip(self._keys, self.after, strict=True):
            held = stream_to_read(session.db, key)
            if held is None:
                continue
            entries = self._read(session, key, held, after)
            if entries is not None:
                found.append(key)
                found.append(entries)
        if found:
            if session.protocol == 3:
                return Map(found)
            return [[found[index], found[index + 1]] for index in range(0, len(found), 2)]
        if self._wait == NONE:
            return NULL_ARRAY
        words = args[: len(args) - len(self._texts)]
        for text, after in zip(self._texts, self.after, strict=True):
            words.append(id_text(after) if text == b"$" else text)
        return session.block(
            self._keys, self._wait, NULL_ARRAY, words, b"stream", keyless=self._groups
        )

    def _read(self, session: Session, key: bytes, held: Stream, after: int) -> list[object] | None:
        """The entries of one stream; None if there are none to be waited for."""
        if not self._groups:
            if held.top_id() <= after:
                return None
            return shown_entries(held.range(after + 1, HIGHEST, self._count, backwards=False))
        group = held.groups[self._group]
        known = self._consumer in group.consumers
        consumer = asking_consumer(session, key, group, self._consumer)
        if not known:
            session.db.changed(key)
            session.effect(b"XGROUP", b"CREATECONSUMER", key, self._group, self._consumer)
        if after != NONE:
            return self._history(session, key, held, group, consumer, after)
        if held.top_id() <= group.last_id:
            return None
        entries = held.range(group.last_id + 1, HIGHEST, self._count, backwards=False)
        now = session.namespace.clock.ms
        consumer.active = now
        for entry, _ in entries:
            held.advance(group, entry)
            if not self._noack:
                group.deliver(entry, consumer, now, 1)
        session.db.changed(key)
        if not self._noack:
            session.effect(
                b"XCLAIM", key, self._group, self._consumer, b"0",
                *[id_text(entry) for entry, _ in entries],
                b"TIME", b"%d" % now, b"RETRYCOUNT", b"1", b"FORCE", b"JUSTID",
                b"LASTID", id_text(group.last_id),
            )  # fmt: skip
        tell_position(session, key, self._group, group)
        return shown_entries(entries)

    def _history(
        self,
        session: Session,
        key: bytes,
        held: Stream,
        group: ConsumerGroup,
        consumer: Consumer,
        after: int,
    ) -> list[object]:
        """What the consumer was given and has not acknowledged, once more."""
        found: list[object] = []
        now = session.namespace.clock.ms
        entry = consumer.pending.following(after + 1)
        while entry != NONE and (self._count == 0 or len(found) < self._count):
            fields = held.get(entry)
            found.append([id_text(entry), NULL_ARRAY if fields is None else fields])
            if fields is not None:
                delivery = group.deliveries[entry]
                delivery.at = now
                delivery.count += 1
                session.effect(
                    b"XCLAIM", key, self._group, self._consumer, b"0", id_text(entry),
                    b"TIME", b"%d" % now, b"RETRYCOUNT", b"%d" % delivery.count, b"FORCE", b"JUSTID",
                )  # fmt: skip
                session.db.marked(key)
            entry = consumer.pending.following(entry + 1)
        if found:
            consumer.active = now
        return found
