"""https://redis.io/docs/latest/commands/?group=geo"""

from __future__ import annotations

from tests.oracle.comparisons import exactly, unordered
from tests.oracle.family import Family
from tests.oracle.values import pool

GEO = Family(
    "geo",
    """
    GEOADD key [NX | XX] [CH] (longitude latitude place) ...
    GEOPOS key [place ...]
    GEODIST key place place [unit]
    GEOHASH key [place ...]
    GEOSEARCH key (FROMMEMBER place | FROMLONLAT longitude latitude) (BYRADIUS radius unit | BYBOX radius radius unit) [ASC | DESC] [COUNT count [ANY]] [WITHCOORD] [WITHDIST] [WITHHASH]
    GEOSEARCH key FROMMEMBER place BYRADIUS radius "km" ASC WITHDIST
    GEOSEARCHSTORE key key FROMMEMBER place BYRADIUS radius unit [ASC | DESC] [STOREDIST]
    GEOSEARCHSTORE key key FROMLONLAT longitude latitude BYBOX radius radius unit [COUNT count]
    GEORADIUS key longitude latitude radius unit [WITHCOORD] [WITHDIST] [WITHHASH] [ASC | DESC] [STORE key | STOREDIST key]
    GEORADIUS_RO key longitude latitude radius unit [WITHDIST] [ASC | DESC]
    GEORADIUSBYMEMBER key place radius unit [WITHDIST] [ASC | DESC] [COUNT count]
    GEORADIUSBYMEMBER_RO key place radius unit [WITHHASH] [STORE key]
    ZSCORE key place
    """,
    setup="""
    GEOADD key (longitude latitude place) ...
    GEOADD key 13.361389 38.115556 "Palermo" 15.087269 37.502669 "Catania" 12.758489 38.788135 "edge1"
    """,
    pools={
        "longitude": pool("13.361389 15.087269 0 -180 180 -122.4 151.2 179.9",
                          ["180.1", "-181", "abc", "", "nan", "inf", "1e2", "0x10"]),
        "latitude": pool("38.115556 37.502669 0 85 -85 37.7 -33.8", ["85.05112878", "85.06", "-86", "abc", "", "nan"]),
        "place": pool("Palermo Catania edge1 x", ["", "\x00", "palermo"]),
        "radius": pool("100 200 1000 1 20000000 0", ["-1", "abc", "", "nan", "inf", "1e300"]),
        "unit": pool("m km ft mi km", ["", "KM", "x", "M"]),
    },
    comparisons={
        # In which order the cells of the grid are visited is not promised, unless one is asked for.
        "GEOSEARCH ASC": exactly,
        "GEOSEARCH": unordered,
        "GEORADIUS": unordered,
        "GEORADIUS_RO": unordered,
        "GEORADIUSBYMEMBER": unordered,
        "GEORADIUSBYMEMBER_RO": unordered,
    },
)  # fmt: skip
