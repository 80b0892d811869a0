"""CLIENT TRACKING and what belongs to it: https://redis.io/docs/latest/commands/client-tracking/"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from nearkeep.engine.command import command
from nearkeep.engine.text import SYNTAX_ERROR, integer
from nearkeep.engine.tracking import TrackingMode, check_prefixes
from nearkeep.wire.reply import OK, Failure, Map, Reply, SetReply

if TYPE_CHECKING:
    from nearkeep.engine.session import Session

_BCAST_SWITCH: Final = (
    b"ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then"
    b" re-enabling it with a different mode."
)
_OPT_SWITCH: Final = (
    b"ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then"
    b" re-enabling it with a different mode."
)
_NO_CACHING: Final = Failure(
    b"ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or"
    b" OPTOUT mode enabled"
)


@command(
    "CLIENT CACHING mode=(YES | NO)",
    group="connection", since="6.0.0", complexity="O(1)",
    flags="noscript loading stale",
    summary="Says whether the next command's keys are tracked.",
)
def client_caching(session: Session, args: list[bytes]) -> Reply:
    mode = session.tracking
    if mode is None:
        return _NO_CACHING
    choice = args[2].upper()
    if choice == b"YES":
        if not mode.opt_in:
            return Failure(
                b"ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode."
            )
        mode.caching = True
    elif choice == b"NO":
        if not mode.opt_out:
            return Failure(
                b"ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode."
            )
        mode.caching = False
    else:
        return SYNTAX_ERROR
    return OK


@command(
    "CLIENT GETREDIR",
    group="connection", since="6.0.0", complexity="O(1)",
    flags="noscript loading stale",
    summary="Returns the connection that receives the tracking messages.",
)
def client_getredir(session: Session, _args: list[bytes]) -> Reply:
    return -1 if session.tracking is None else session.tracking.redirect


@command(
    "CLIENT TRACKING status=(ON | OFF) [REDIRECT client-id:integer] [PREFIX prefix] ... [BCAST] "
    "[OPTIN] [OPTOUT] [NOLOOP]",
    group="connection", since="6.0.0", complexity="O(1)",
    flags="noscript loading stale",
    summary="Turns the messages about changed keys on or off.",
)
def client_tracking(session: Session, args: list[bytes]) -> Reply:
    mode = _mode(session, args)
    status = args[2].upper()
    if status == b"OFF":
        session.namespace.stop_tracking(session)
        return OK
    if status != b"ON":
        return SYNTAX_ERROR
    if mode.prefixes and not mode.broadcast:
        return Failure(b"ERR PREFIX option requires BCAST mode to be enabled")
    known = session.tracking
    if known is not None and known.broadcast != mode.broadcast:
        return Failure(_BCAST_SWITCH)
    if mode.broadcast and (mode.opt_in or mode.opt_out):
        return Failure(b"ERR OPTIN and OPTOUT are not compatible with BCAST")
    if mode.opt_in and mode.opt_out:
        return Failure(b"ERR You can't specify both OPTIN mode and OPTOUT mode")
    if known is not None and (
        (mode.opt_in and known.opt_out) or (mode.opt_out and known.opt_in)
    ):
        return Failure(_OPT_SWITCH)
    if mode.broadcast:
        earlier = [] if known is None else known.prefixes
        check_prefixes(earlier, mode.prefixes)
        mode.prefixes = list(dict.fromkeys(earlier + (mode.prefixes or [b""])))
    session.namespace.start_tracking(session, mode)
    return OK


@command(
    "CLIENT TRACKINGINFO",
    group="connection", since="6.2.0", complexity="O(1)",
    flags="noscript loading stale",
    summary="Describes how the connection tracks keys.",
)
def client_trackinginfo(session: Session, _args: list[bytes]) -> Reply:
    mode = session.tracking
    if mode is None:
        return Map([b"flags", SetReply([b"off"]), b"redirect", -1, b"prefixes", list[object]()])
    flags: list[object] = [b"on"]
    for there, word in (
        (mode.broadcast, b"bcast"),
        (mode.opt_in, b"optin"),
        (mode.opt_in and mode.caching is True, b"caching-yes"),
        (mode.opt_out, b"optout"),
        (mode.opt_out and mode.caching is False, b"caching-no"),
        (mode.no_loop, b"noloop"),
        (mode.broken, b"broken_redirect"),
    ):
        if there:
            flags.append(word)
    prefixes: list[object] = list(mode.prefixes)
    redirect = mode.redirect
    return Map([b"flags", SetReply(flags), b"redirect", redirect, b"prefixes", prefixes])


def _mode(session: Session, args: list[bytes]) -> TrackingMode:
    """The mode that the options ask for.

    Raises:
        Failure: an option is unknown, or the client to redirect to is not there.
    """
    mode = TrackingMode()
    index = 3
    while index < len(args):
        option = args[index].upper()
        more = index + 1 < len(args)
        if option == b"REDIRECT" and more:
            if mode.redirect:
                raise Failure(b"ERR A client can only redirect to a single other client")
            mode.redirect = integer(args[index + 1])
            if mode.redirect not in session.namespace.sessions:
                raise Failure(b"ERR The client ID you want redirect to does not exist")
            index += 1
        elif option == b"BCAST":
            mode.broadcast = True
        elif option == b"OPTIN":
            mode.opt_in = True
        elif option == b"OPTOUT":
            mode.opt_out = True
        elif option == b"NOLOOP":
            mode.no_loop = True
        elif option == b"PREFIX" and more:
            mode.prefixes.append(args[index + 1])
            index += 1
        else:
            raise Failure(SYNTAX_ERROR.message)
        index += 1
    return mode
