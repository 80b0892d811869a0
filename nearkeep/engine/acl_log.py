"""What was denied to users: ACL LOG and the counters of INFO.

What is denied again within a minute of the last time is counted, not listed anew.
"""

from typing import TYPE_CHECKING, Final

from nearkeep.wire.reply import Map

if TYPE_CHECKING:
    from nearkeep.engine.session import Session
    from nearkeep.engine.settings import Settings

_TOGETHER: Final = 60_000  # ms
_LOOKED_THROUGH: Final = 10


class AccessEntry:
    """One line of the log; times in milliseconds since the epoch."""

    def __init__(
        self, number: int, reason: bytes, context: bytes, subject: bytes, user: bytes
    ) -> None:
        self.number = number
        self.count = 1
        self.reason = reason
        self.context = context
        self.subject = subject
        self.user = user
        self.client = b""
        self.created = 0
        self.updated = 0

    def is_like(self, other: "AccessEntry") -> bool:
        """Whether both tell of the same thing."""
        return (
            self.reason == other.reason
            and self.context == other.context
            and self.user == other.user
            and self.subject == other.subject
            and abs(self.updated - other.updated) <= _TOGETHER
        )

    def shown(self, now: int) -> Map:
        return Map(
            [
                b"count", self.count,
                b"reason", self.reason,
                b"context", self.context,
                b"object", self.subject,
                b"username", self.user,
                b"age-seconds", (now - self.updated) / 1000,
                b"client-info", self.client,
                b"entry-id", self.number,
                b"timestamp-created", self.created,
                b"timestamp-last-updated", self.updated,
            ]
        )  # fmt: skip


class AccessLog:
    """The newest entries first, at most `acllog-max-len`.

    Attributes:
        denied: how often, by reason ("auth", "command", "key", "channel").
    """

    def __init__(self, settings: "Settings") -> None:
        self.settings = settings
        self.entries: list[AccessEntry] = []
        self.denied: dict[bytes, int] = {}
        self._next = 0

    def add(
        self, session: "Session", reason: bytes, context: bytes, subject: bytes, user: bytes
    ) -> None:
        """Counts and logs that something was denied."""
        # Here, for the client's description stands with the commands, and they need the users.
        from nearkeep.engine.commands.connection import describe  # noqa: PLC0415

        self.denied[reason] = self.denied.get(reason, 0) + 1
        entry = AccessEntry(self._next, reason, context, subject, user)
        entry.client = describe(session)
        entry.created = entry.updated = session.namespace.clock.ms
        for index, known in enumerate(self.entries[:_LOOKED_THROUGH]):
            if known.is_like(entry):
                known.count += 1
                known.client = entry.client
                known.updated = entry.updated
                self.entries.insert(0, self.entries.pop(index))
                return
        self._next += 1
        self.entries.insert(0, entry)
        del self.entries[self.settings.integer("acllog-max-len") :]

    def clear(self) -> None:
        """Forgets all entries; the counters stay."""
        self.entries = []
