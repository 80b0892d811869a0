"""Channels and patterns, and who listens to them.

A message is one `Push` that all its receivers share, so that it is encoded once per protocol
however many there are. Shard channels (SSUBSCRIBE) are a separate set of names, as in Redis.
"""

from typing import TYPE_CHECKING

from nearkeep.engine.glob import matches
from nearkeep.engine.history import History
from nearkeep.wire.reply import Push

if TYPE_CHECKING:
    from nearkeep.engine.session import Session


class PubSub:
    """Subscriptions of one namespace. Insertion order is kept: it is the order of delivery."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.channels: dict[bytes, dict[Session, None]] = {}
        self.patterns: dict[bytes, dict[Session, None]] = {}
        self.shard_channels: dict[bytes, dict[Session, None]] = {}

    def subscribe(self, session: "Session", channel: bytes) -> None:
        """Adds a listener to a channel."""
        _add(self.channels, channel, session, session.channels)

    def unsubscribe(self, session: "Session", channel: bytes) -> bool:
        """Removes a listener from a channel; whether it was one."""
        return _remove(self.channels, channel, session, session.channels)

    def subscribe_pattern(self, session: "Session", pattern: bytes) -> None:
        """Adds a listener to all channels that match."""
        _add(self.patterns, pattern, session, session.patterns)

    def unsubscribe_pattern(self, session: "Session", pattern: bytes) -> bool:
        """Removes a listener of a pattern; whether it was one."""
        return _remove(self.patterns, pattern, session, session.patterns)

    def subscribe_shard(self, session: "Session", channel: bytes) -> None:
        """Adds a listener to a shard channel."""
        _add(self.shard_channels, channel, session, session.shard_channels)

    def unsubscribe_shard(self, session: "Session", channel: bytes) -> bool:
        """Removes a listener from a shard channel; whether it was one."""
        return _remove(self.shard_channels, channel, session, session.shard_channels)

    def publish(self, channel: bytes, message: bytes) -> int:
        """Delivers a message; returns how many times it was delivered."""
        delivered = 0
        id_ = self.history.keep(channel, message) if self.history.active() else b""
        listeners = self.channels.get(channel)
        if listeners:
            push = Push([b"message", channel, message])
            push.id = id_
            for session in list(listeners):
                session.tell(push)
            delivered = len(listeners)
        for pattern, listeners in list(self.patterns.items()):
            if matches(pattern, channel):
                push = Push([b"pmessage", pattern, channel, message])
                push.id = id_
                for session in list(listeners):
                    session.tell(push)
                delivered += len(listeners)
        return delivered

    def publish_shard(self, channel: bytes, message: bytes) -> int:
        """Delivers a message to a shard channel; returns how many times."""
        listeners = self.shard_channels.get(channel)
        if not listeners:
            return 0
        push = Push([b"smessage", channel, message])
        for session in list(listeners):
            session.tell(push)
        return len(listeners)

    def leave(self, session: "Session") -> None:
        """Removes a session from all that it listens to."""
        for channel in list(session.channels):
            self.unsubscribe(session, channel)
        for pattern in list(session.patterns):
            self.unsubscribe_pattern(session, pattern)
        for channel in list(session.shard_channels):
            self.unsubscribe_shard(session, channel)


def _add(
    names: "dict[bytes, dict[Session, None]]",
    name: bytes,
    session: "Session",
    own: dict[bytes, None],
) -> None:
    listeners = names.get(name)
    if listeners is None:
        names[name] = {session: None}
    else:
        listeners[session] = None
    own[name] = None


def _remove(
    names: "dict[bytes, dict[Session, None]]",
    name: bytes,
    session: "Session",
    own: dict[bytes, None],
) -> bool:
    if name not in own:
        return False
    del own[name]
    listeners = names[name]
    del listeners[session]
    if not listeners:
        del names[name]
    return True
