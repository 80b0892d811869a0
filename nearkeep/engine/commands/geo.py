"""The geo commands: https://redis.io/docs/latest/commands/?group=geo"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from nearkeep.engine import geohash as grid
from nearkeep.engine.command import command
from nearkeep.engine.commands.sorted_set import CH, NX, XX, add, store, to_read
from nearkeep.engine.text import SYNTAX_ERROR, double, double_or, integer
from nearkeep.engine.values.zset import SortedSet, sorted_set_of
from nearkeep.wire.reply import NULL_ARRAY, Failure, Reply

if TYPE_CHECKING:
    from nearkeep.engine.session import Session

_OPTIONS: Final = {b"NX": NX, b"XX": XX, b"CH": CH}
_UNITS: Final = {b"m": 1.0, b"km": 1000.0, b"ft": 0.3048, b"mi": 1609.34}
_AT_ONCE: Final = 512
"""Members that are looked at before the next are fetched."""

_NO_UNIT: Final = b"ERR unsupported unit provided. please use M, KM, FT, MI"
_NO_MEMBER: Final = b"ERR could not decode requested zset member"
_NO_ORIGIN: Final = b"ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for %s"
_NO_SHAPE: Final = b"ERR exactly one of BYRADIUS and BYBOX can be specified for %s"
_NO_COUNT: Final = b"ERR COUNT must be > 0"
_ANY_ALONE: Final = b"ERR the ANY argument requires COUNT argument"
_STORED_BARE: Final = b"ERR %s is not compatible with WITHDIST, WITHHASH and WITHCOORD options"


@command(
    "GEOADD key [condition=(NX | XX)] [change=CH] "
    "data=(longitude:double latitude:double member) ...",
    group="geo", since="3.2.0", complexity="O(log(N)) for each member",
    flags="write denyoom", keys="1 RW update",
    summary="Adds members at a longitude and latitude.",
)  # fmt: skip
def geoadd(session: Session, args: list[bytes]) -> Reply:
    options = 0
    index = 2
    while index < len(args):
        option = _OPTIONS.get(args[index].upper())
        if option is None:
            break
        options |= option
        index += 1
    if (len(args) - index) % 3 or index == len(args) or options & (NX | XX) == NX | XX:
        return SYNTAX_ERROR
    scores: list[float] = []
    for place in range(index, len(args), 3):
        longitude, latitude = _coordinates(args, place)
        scores.append(grid.encode(longitude, latitude))
    return add(session, args[1], scores, args[index + 2 :: 3], options)


@command(
    "GEOPOS key [member ...]",
    group="geo", since="3.2.0", complexity="O(1)",
    flags="readonly", keys="1 RO access",
    summary="Returns the longitude and latitude of members.",
)  # fmt: skip
def geopos(session: Session, args: list[bytes]) -> Reply:
    held = to_read(session.db, args[1])
    found: list[object] = []
    for member in args[2:]:
        score = None if held is None else held.score(member)
        found.append(NULL_ARRAY if score is None else list(grid.decode(score)))
    return found


@command(
    "GEODIST key member1 member2 [unit=(M | KM | FT | MI)]",
    group="geo", since="3.2.0", complexity="O(1)",
    flags="readonly", keys="1 RO access",
    summary="Returns the distance between two members.",
)  # fmt: skip
def geodist(session: Session, args: list[bytes]) -> Reply:
    if len(args) > 5:
        return SYNTAX_ERROR
    unit = _unit(args[4]) if len(args) == 5 else 1.0
    held = to_read(session.db, args[1])
    if held is None:
        return None
    score = held.score(args[2])
    other = held.score(args[3])
    if score is None or other is None:
        return None
    longitude, latitude = grid.decode(score)
    longitude2, latitude2 = grid.decode(other)
    return _distance(grid.distance(longitude, latitude, longitude2, latitude2) / unit)


@command(
    "GEOHASH key [member ...]",
    group="geo", since="3.2.0", complexity="O(1)",
    flags="readonly", keys="1 RO access",
    summary="Returns the geohash strings of members.",
)  # fmt: skip
def geohash(session: Session, args: list[bytes]) -> Reply:
    held = to_read(session.db, args[1])
    found: list[object] = []
    for member in args[2:]:
        score = None if held is None else held.score(member)
        found.append(None if score is None else grid.text(score))
    return found


@command(
    "GEOSEARCH key from=(FROMMEMBER member | FROMLONLAT (longitude:double latitude:double)) "
    "by=(circle=(BYRADIUS radius:double unit=(M | KM | FT | MI)) | "
    "box=(BYBOX width:double height:double unit=(M | KM | FT | MI))) [order=(ASC | DESC)] "
    "[count-block=(COUNT count:integer [ANY])] [WITHCOORD] [WITHDIST] [WITHHASH]",
    group="geo", since="6.2.0", complexity="O(N+log(M))",
    flags="readonly", keys="1 RO access",
    summary="Finds the members inside a circle or a box.",
)  # fmt: skip
def geosearch(session: Session, args: list[bytes]) -> Reply:
    return Search(session, args, 2, args[1]).run(session)


@command(
    "GEOSEARCHSTORE destination:key source:key from=(FROMMEMBER member "
    "| FROMLONLAT (longitude:double latitude:double)) by=(circle=(BYRADIUS radius:double "
    "unit=(M | KM | FT | MI)) | box=(BYBOX width:double height:double unit=(M | KM | FT "
    "| MI))) [order=(ASC | DESC)] [count-block=(COUNT count:integer [ANY])] [STOREDIST]",
    group="geo", since="6.2.0", complexity="O(N+log(M))",
    flags="write denyoom", keys="1 OW update; 2 RO access",
    summary="Stores the members inside a circle or a box.",
)  # fmt: skip
def geosearchstore(session: Session, args: list[bytes]) -> Reply:
    return Search(session, args, 3, args[2], target=args[1]).run(session)


@command(
    "GEORADIUS key longitude:double latitude:double radius:double unit=(M | KM | FT | MI) "
    "[WITHCOORD] [WITHDIST] [WITHHASH] [count-block=(COUNT count:integer [ANY])] [order=(ASC "
    "| DESC)] [store=(STORE storekey=key | STOREDIST storedistkey=key)]",
    group="geo", since="3.2.0", complexity="O(N+log(M))",
    flags="write denyoom", keys="1 RO access; STORE@6 OW update; STOREDIST@6 OW update",
    deprecated="6.2.0", replaced_by="`GEOSEARCH` or `GEOSEARCHSTORE` with `BYRADIUS`",
    summary="Finds the members around a point, and can store them.",
)  # fmt: skip
def georadius(session: Session, args: list[bytes]) -> Reply:
    return Search(session, args, 6, args[1], storing=True).run(session)


@command(
    "GEORADIUS_RO key longitude:double latitude:double radius:double unit=(M | KM | FT | MI) "
    "[WITHCOORD] [WITHDIST] [WITHHASH] [count-block=(COUNT count:integer [ANY])] [order=(ASC "
    "| DESC)]",
    group="geo", since="3.2.10", complexity="O(N+log(M))",
    flags="readonly", keys="1 RO access", deprecated="6.2.0",
    replaced_by="`GEOSEARCH` with `BYRADIUS`",
    summary="Finds the members around a point.",
)  # fmt: skip
def georadius_ro(session: Session, args: list[bytes]) -> Reply:
    return Search(session, args, 6, args[1]).run(session)


@command(
    "GEORADIUSBYMEMBER key member radius:double unit=(M | KM | FT | MI) [WITHCOORD] [WITHDIST] "
    "[WITHHASH] [count-block=(COUNT count:integer [ANY])] [order=(ASC | DESC)] "
    "[store=(STORE storekey=key | STOREDIST storedistkey=key)]",
    group="geo", since="3.2.0", complexity="O(N+log(M))",
    flags="write denyoom", keys="1 RO access; STORE@5 OW update; STOREDIST@5 OW update",
    deprecated="6.2.0",
    replaced_by="`GEOSEARCH` or `GEOSEARCHSTORE` with `FROMMEMBER` and `BYRADIUS`",
    summary="Finds the members around another, and can store them.",
)  # fmt: skip
def georadiusbymember(session: Session, args: list[bytes]) -> Reply:
    return Search(session, args, 5, args[1], storing=True).run(session)


@command(
    "GEORADIUSBYMEMBER_RO key member radius:double unit=(M | KM | FT | MI) [WITHCOORD] "
    "[WITHDIST] [WITHHASH] [count-block=(COUNT count:integer [ANY])] [order=(ASC | DESC)]",
    group="geo", since="3.2.10", complexity="O(N+log(M))",
    flags="readonly", keys="1 RO access", deprecated="6.2.0",
    replaced_by="`GEOSEARCH` with `FROMMEMBER` and `BYRADIUS`",
    summary="Finds the members around another.",
)  # fmt: skip
def georadiusbymember_ro(session: Session, args: list[bytes]) -> Reply:
    return Search(session, args, 5, args[1]).run(session)


def _coordinates(args: list[bytes], index: int) -> tuple[float, float]:
    """Longitude and latitude, of which the first stands there.

    Raises:
        Failure: they are no numbers, or outside of what has a geohash.
    """
    longitude = double(args[index])
    latitude = double(args[index + 1])
    if not (
        -grid.LONGITUDE <= longitude <= grid.LONGITUDE
        and -grid.LATITUDE <= latitude <= grid.LATITUDE
    ):
        raise Failure(b"ERR invalid longitude,latitude pair %f,%f" % (longitude, latitude))
    return longitude, latitude


def _unit(text: bytes) -> float:
    """How many metres a unit has.

    Raises:
        Failure: there is no such unit.
    """
    unit = _UNITS.get(text.lower())
    if unit is None:
        raise Failure(_NO_UNIT)
    return unit


def _distance(distance: float) -> bytes:
    """A distance as text with four decimals."""
    scaled = round(distance * 10000)
    return b"%d.%04d" % (scaled // 10000, scaled % 10000)


class Hit:
    """A member that was found: its distance in metres, and where it is."""

    def __init__(
        self, member: bytes, score: float, distance: float, longitude: float, latitude: float
    ) -> None:
        self.member = member
        self.score = score
        self.distance = distance
        self.longitude = longitude
        self.latitude = latitude


class Search:
    """The arguments of GEOSEARCH, GEORADIUS and their kin, with the source looked up.

    `start` is where the options begin, `storing` whether STORE and STOREDIST are among them, and
    `target` where GEOSEARCHSTORE puts what it finds.

    Raises:
        Failure: they are not well formed, or the source is no sorted set.
    """

    def __init__(
        self,
        session: Session,
        args: list[bytes],
        start: int,
        source: bytes,
        target: bytes | None = None,
        storing: bool = False,
    ) -> None:
        self.held = to_read(session.db, source)
        self.target = target
        self.storing = storing
        self.store_distance = False
        self.with_distance = False
        self.with_hash = False
        self.with_place = False
        self.order = b""
        self.count = 0
        self.any = False
        self.origin = b""
        self.longitude = 0.0
        self.latitude = 0.0
        self.by = b""
        self.extent = 0.0  # radius or width
        self.height = 0.0
        self.unit = 1.0
        if start == 6:
            self.longitude, self.latitude = _coordinates(args, 2)
            self._read_radius(args, 4)
        elif start == 5 and self.held is not None:
            self._locate(args[2])
            self._read_radius(args, 3)
        index = start
        while index < len(args):
            index += 1 + self._read(args, index)
        self._check(args[0], start)

    def run(self, session: Session) -> Reply:
        """Searches, and stores or replies with what is found."""
        hits: list[Hit] = []
        if self.held is not None:
            hits = self._hits(self.held)
        if self.target is None:
            return [self._shown(hit) for hit in hits]
        found: dict[bytes, float] = {}
        for hit in hits:
            found[hit.member] = hit.distance / self.unit if self.store_distance else hit.score
        event = b"georadiusstore" if self.storing else b"geosearchstore"
        made = sorted_set_of(found, session.namespace.settings)
        return store(session, self.target, made, event, changes=len(made))

    # ---- what is asked for

    def _read(self, args: list[bytes], index: int) -> int:
        """Reads an option; how many words follow it that are its own."""
        option = args[index].upper()
        left = len(args) - index - 1
        if option == b"WITHDIST":
            self.with_distance = True
        elif option == b"WITHHASH":
            self.with_hash = True
        elif option == b"WITHCOORD":
            self.with_place = True
        elif option == b"ANY":
            self.any = True
        elif option in (b"ASC", b"DESC"):
            self.order = option
        elif option == b"COUNT" and left:
            self.count = integer(args[index + 1])
            if self.count <= 0:
                raise Failure(_NO_COUNT)
            return 1
        elif self.storing and option in (b"STORE", b"STOREDIST") and left:
            self.target = args[index + 1]
            self.store_distance = option == b"STOREDIST"
            return 1
        elif args[0].upper().startswith(b"GEOSEARCH"):
            return self._read_search(args, index, left)
        else:
            raise Failure(SYNTAX_ERROR.message)
        return 0

    def _read_search(self, args: list[bytes], index: int, left: int) -> int:
        """The same for what GEOSEARCH and GEOSEARCHSTORE alone have."""
        option = args[index].upper()
        if option == b"STOREDIST" and self.target is not None:
            self.store_distance = True
            return 0
        if option == b"FROMMEMBER" and left and self.origin in (b"", option):
            self._locate(args[index + 1])
            self.origin = option
            return 1
        if option == b"FROMLONLAT" and left > 1 and self.origin in (b"", option):
            self.longitude, self.latitude = _coordinates(args, index + 1)
            self.origin = option
            return 2
        if option == b"BYRADIUS" and left > 1 and self.by in (b"", option):
            self._read_radius(args, index + 1)
            self.by = option
            return 2
        if option == b"BYBOX" and left > 2 and self.by in (b"", option):
            self.extent = double_or(args[index + 1], b"ERR need numeric width")
            self.height = double_or(args[index + 2], b"ERR need numeric height")
            if self.extent < 0 or self.height < 0:
                raise Failure(b"ERR height or width cannot be negative")
            self.unit = _unit(args[index + 3])
            self.by = option
            return 3
        raise Failure(SYNTAX_ERROR.message)

    def _read_radius(self, args: list[bytes], index: int) -> None:
        self.extent = double_or(args[index], b"ERR need numeric radius")
        if self.extent < 0:
            raise Failure(b"ERR radius cannot be negative")
        self.unit = _unit(args[index + 1])

    def _locate(self, member: bytes) -> None:
        """Begins from a member of the source, if there is a source."""
        if self.held is None:
            return
        score = self.held.score(member)
        if score is None:
            raise Failure(_NO_MEMBER)
        self.longitude, self.latitude = grid.decode(score)

    def _check(self, name: bytes, start: int) -> None:
        """Whether the options go together."""
        if self.target is not None and (self.with_distance or self.with_hash or self.with_place):
            what = b"STORE option in GEORADIUS" if self.storing else b"GEOSEARCHSTORE"
            raise Failure(_STORED_BARE % what)
        if start < 5 and not self.origin:
            raise Failure(_NO_ORIGIN % name)
        if start < 5 and not self.by:
            raise Failure(_NO_SHAPE % name)
        if self.any and not self.count:
            raise Failure(_ANY_ALONE)
        if self.count and not self.order and not self.any:
            self.order = b"ASC"

    # ---- what is found

    def _hits(self, held: SortedSet) -> list[Hit]:
        """The members within the shape, in the order that is asked for, and as many."""
        hits = self._within(held, self.count if self.any else 0)
        if self.order:
            hits.sort(key=_by_distance, reverse=self.order == b"DESC")
        return hits[: self.count] if self.count else hits

    def _within(self, held: SortedSet, limit: int) -> list[Hit]:
        """The members within the shape; about `limit` of them, 0 for all."""
        if self.by == b"BYBOX":
            shape: grid.Circle = grid.Box(
                self.longitude, self.latitude, self.extent, self.height, self.unit
            )
        else:
            shape = grid.Circle(self.longitude, self.latitude, self.extent * self.unit)
        hits: list[Hit] = []
        for low, high in grid.covering(shape):
            start = held.before_score(low, inclusive=False)
            end = held.before_score(high, inclusive=False)
            while start < end:
                stop = min(start + _AT_ONCE, end)
                members, scores = held.pairs(start, stop)
                for place in range(len(members)):
                    score = scores[place]
                    longitude, latitude = grid.decode(score)
                    distance = shape.distance(longitude, latitude)
                    if distance < 0:
                        continue
                    hits.append(Hit(members[place], score, distance, longitude, latitude))
                    if len(hits) == limit:
                        return hits
                start = stop
        return hits

    def _shown(self, hit: Hit) -> object:
        """A member, with what else is asked for."""
        if not (self.with_distance or self.with_hash or self.with_place):
            return hit.member
        shown: list[object] = [hit.member]
        if self.with_distance:
            shown.append(_distance(hit.distance / self.unit))
        if self.with_hash:
            shown.append(int(hit.score))
        if self.with_place:
            shown.append([hit.longitude, hit.latitude])
        return shown


def _by_distance(hit: Hit) -> float:
    return hit.distance
