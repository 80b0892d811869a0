"""The publish and subscribe commands: https://redis.io/docs/latest/commands/?group=pubsub

A subscription is answered by a message of its own for each channel, sent before the command ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nearkeep.engine.command import command, container, help_lines
from nearkeep.engine.glob import matches
from nearkeep.engine.text import no_such_form
from nearkeep.wire.reply import NO_REPLY, Push, Reply

if TYPE_CHECKING:
    from nearkeep.engine.session import Session


@command(
    "PSUBSCRIBE pattern:pattern ...",
    group="pubsub", since="2.0.0", complexity="O(N)",
    flags="pubsub noscript loading stale",
    summary="Subscribes to all channels that match a pattern.",
)
def psubscribe(session: Session, args: list[bytes]) -> Reply:
    for pattern in args[1:]:
        session.namespace.pubsub.subscribe_pattern(session, pattern)
        _tell(session, b"psubscribe", pattern, session.subscriptions())
    return NO_REPLY


@command(
    "PUBLISH channel message",
    group="pubsub", since="2.0.0", complexity="O(N+M)",
    flags="pubsub loading stale fast may_replicate",
    summary="Sends a message to a channel.",
)
def publish(session: Session, args: list[bytes]) -> Reply:
    return session.namespace.pubsub.publish(args[1], args[2])


container(
    "PUBSUB",
    group="pubsub", since="2.8.0",
    acl="-pubsub",
    summary="Who listens to which channels.",
)


@command(
    "PUBSUB CHANNELS [pattern:pattern]",
    group="pubsub", since="2.8.0", complexity="O(N)",
    flags="pubsub loading stale",
    summary="Lists the channels that have subscribers.",
)
def pubsub_channels(session: Session, args: list[bytes]) -> Reply:
    if len(args) > 3:
        return no_such_form(args)
    return _names(session.namespace.pubsub.channels, args)


@command(
    "PUBSUB HELP",
    group="pubsub", since="6.2.0", complexity="O(1)",
    flags="loading stale", acl="-pubsub",
    summary="Lists the subcommands of PUBSUB.",
)
def pubsub_help(session: Session, args: list[bytes]) -> Reply:
    return help_lines("pubsub")


@command(
    "PUBSUB NUMPAT",
    group="pubsub", since="2.8.0", complexity="O(1)",
    flags="pubsub loading stale",
    summary="Counts the patterns subscribed to.",
)
def pubsub_numpat(session: Session, _args: list[bytes]) -> Reply:
    return len(session.namespace.pubsub.patterns)


@command(
    "PUBSUB NUMSUB [channel ...]",
    group="pubsub", since="2.8.0", complexity="O(N)",
    flags="pubsub loading stale",
    summary="Counts the subscribers of channels.",
)
def pubsub_numsub(session: Session, args: list[bytes]) -> Reply:
    return _counts(session.namespace.pubsub.channels, args)


@command(
    "PUBSUB SHARDCHANNELS [pattern:pattern]",
    group="pubsub", since="7.0.0", complexity="O(N)",
    flags="pubsub loading stale",
    summary="Lists the shard channels that have subscribers.",
)
def pubsub_shardchannels(session: Session, args: list[bytes]) -> Reply:
    if len(args) > 3:
        return no_such_form(args)
    return _names(session.namespace.pubsub.shard_channels, args)


@command(
    "PUBSUB SHARDNUMSUB [shardchannel ...]",
    group="pubsub", since="7.0.0", complexity="O(N)",
    flags="pubsub loading stale",
    summary="Counts the subscribers of shard channels.",
)
def pubsub_shardnumsub(session: Session, args: list[bytes]) -> Reply:
    return _counts(session.namespace.pubsub.shard_channels, args)


@command(
    "PUNSUBSCRIBE [pattern:pattern ...]",
    group="pubsub", since="2.0.0", complexity="O(N)",
    flags="pubsub noscript loading stale",
    summary="Ends subscriptions to patterns.",
)
def punsubscribe(session: Session, args: list[bytes]) -> Reply:
    patterns = args[1:] or list(session.patterns)
    for pattern in patterns:
        session.namespace.pubsub.unsubscribe_pattern(session, pattern)
        _tell(session, b"punsubscribe", pattern, session.subscriptions())
    if not patterns:
        _tell(session, b"punsubscribe", None, session.subscriptions())
    return NO_REPLY


@command(
    "SPUBLISH shardchannel message",
    group="pubsub", since="7.0.0", complexity="O(N)",
    flags="pubsub loading stale fast may_replicate", keys="1 not_key",
    summary="Sends a message to a shard channel.",
)
def spublish(session: Session, args: list[bytes]) -> Reply:
    return session.namespace.pubsub.publish_shard(args[1], args[2])


@command(
    "SSUBSCRIBE shardchannel ...",
    group="pubsub", since="7.0.0", complexity="O(N)",
    flags="pubsub noscript loading stale", keys="1..-1 not_key",
    summary="Subscribes to shard channels.",
)
def ssubscribe(session: Session, args: list[bytes]) -> Reply:
    for channel in args[1:]:
        session.namespace.pubsub.subscribe_shard(session, channel)
        _tell(session, b"ssubscribe", channel, len(session.shard_channels))
    return NO_REPLY


@command(
    "SUBSCRIBE channel ...",
    group="pubsub", since="2.0.0", complexity="O(N)",
    flags="pubsub noscript loading stale",
    summary="Subscribes to channels.",
)
def subscribe(session: Session, args: list[bytes]) -> Reply:
    for channel in args[1:]:
        session.namespace.pubsub.subscribe(session, channel)
        _tell(session, b"subscribe", channel, session.subscriptions())
    return NO_REPLY


@command(
    "SUNSUBSCRIBE [shardchannel ...]",
    group="pubsub", since="7.0.0", complexity="O(N)",
    flags="pubsub noscript loading stale", keys="1..-1 not_key",
    summary="Ends subscriptions to shard channels.",
)
def sunsubscribe(session: Session, args: list[bytes]) -> Reply:
    channels = args[1:] or list(session.shard_channels)
    for channel in channels:
        session.namespace.pubsub.unsubscribe_shard(session, channel)
        _tell(session, b"sunsubscribe", channel, len(session.shard_channels))
    if not channels:
        _tell(session, b"sunsubscribe", None, len(session.shard_channels))
    return NO_REPLY


@command(
    "UNSUBSCRIBE [channel ...]",
    group="pubsub", since="2.0.0", complexity="O(N)",
    flags="pubsub noscript loading stale",
    summary="Ends subscriptions to channels.",
)
def unsubscribe(session: Session, args: list[bytes]) -> Reply:
    channels = args[1:] or list(session.channels)
    for channel in channels:
        session.namespace.pubsub.unsubscribe(session, channel)
        _tell(session, b"unsubscribe", channel, session.subscriptions())
    if not channels:
        _tell(session, b"unsubscribe", None, session.subscriptions())
    return NO_REPLY


def _tell(session: Session, event: bytes, name: bytes | None, count: int) -> None:
    session.update_subscribed()
    message = Push([event, name, count])
    if session.executing:
        session.said.append(message)
    else:
        session.outlet.send(message)


def _names(known: dict[bytes, dict[Session, None]], args: list[bytes]) -> list[object]:
    return [name for name in known if len(args) == 2 or matches(args[2], name)]


def _counts(known: dict[bytes, dict[Session, None]], args: list[bytes]) -> list[object]:
    flat: list[object] = []
    for name in args[2:]:
        flat.append(name)
        flat.append(len(known.get(name, ())))
    return flat
