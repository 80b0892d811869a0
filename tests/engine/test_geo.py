"""Geohashes, distances and searches; expected digits are redis-server 8.2.3's."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearkeep.engine import geohash
from nearkeep.engine.geohash import LATITUDE, LONGITUDE, Box, Circle, covering, decode, encode
from nearkeep.wire.reply import Failure, Reply
from tests.engine.conftest import Client

longitudes = st.floats(-LONGITUDE, LONGITUDE)
latitudes = st.floats(-LATITUDE, LATITUDE)
SICILY = "GEOADD g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania"


@given(longitudes, latitudes)
def test_a_place_is_found_within_a_metre_of_where_it_was_put(
    longitude: float, latitude: float
) -> None:
    assert geohash.distance(longitude, latitude, *decode(encode(longitude, latitude))) < 1


@given(longitudes, latitudes, longitudes, latitudes, st.floats(0, 3e7))
def test_what_a_shape_holds_is_in_one_of_the_ranges_that_cover_it(
    longitude: float, latitude: float, longitude2: float, latitude2: float, size: float
) -> None:
    # Redis' own search misses places beyond the date line or a pole, and so does this one.
    score = encode(longitude2, latitude2)
    place = decode(score)
    for shape in (
        Circle(longitude, latitude, size),
        Box(longitude, latitude, size * 2, size, 1.0),
    ):
        reach = math.degrees(shape.radius / 6372797.560856)
        if abs(latitude) + reach > 80:
            continue
        if abs(longitude) + reach / math.cos(math.radians(abs(latitude) + reach)) > 180:
            continue
        if shape.distance(*place) >= 0:
            assert any(low <= score < high for low, high in covering(shape))


@given(longitudes, latitudes, st.floats(1, 1e6))
def test_the_ranges_are_at_most_nine_and_none_comes_twice(
    longitude: float, latitude: float, radius: float
) -> None:
    ranges = covering(Circle(longitude, latitude, radius))
    assert 1 <= len(ranges) <= 9
    assert len(set(ranges)) == len(ranges)


@pytest.mark.parametrize(
    ("score", "longitude", "latitude"),
    (
        (3479099956230698.0, 13.361389338970184, 38.1155563954963),
        (0.5, -179.99999731779099, -85.05112751263943),
        (-1.0, 180.0, 85.05112878),
        (4503599627370496.0, -179.99999731779099, 85.05112878),
        (1e300, -179.99999731779099, -85.05112751263943),
        (-math.inf, 180.0, -85.05112751263943),
    ),
)
def test_any_score_stands_for_a_place(score: float, longitude: float, latitude: float) -> None:
    assert decode(score) == (longitude, latitude)


def test_places_and_distances_come_out_to_the_digit(client: Client) -> None:
    assert client(SICILY) == 2
    assert client("ZSCORE g Palermo") == 3479099956230698.0
    assert client("GEOPOS g Palermo") == [[13.361389338970184, 38.1155563954963]]
    assert client("GEOHASH g Palermo Catania none") == [b"sqc8b49rny0", b"sqdtr74hyu0", None]
    assert client("GEODIST g Palermo Catania") == b"166274.1516"
    assert client("GEODIST g Palermo Catania KM") == b"166.2742"
    assert client("GEODIST g Palermo Palermo") == b"0.0000"
    assert client("GEODIST g Palermo none") is None


def test_a_search_tells_what_it_is_asked_for_in_the_order_it_is_asked_for(client: Client) -> None:
    client(SICILY)
    near = "GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 200 km"
    assert client(f"{near} ASC") == [b"Catania", b"Palermo"]
    assert client(f"{near} DESC") == [b"Palermo", b"Catania"]
    assert client(f"{near} COUNT 1") == [b"Catania"]
    assert client(f"{near} COUNT 1 ANY") == [b"Palermo"]
    assert client(f"{near} COUNT 1 WITHDIST WITHHASH WITHCOORD") == [
        [b"Catania", b"56.4413", 3479447370796909, [15.087267458438873, 37.50266842333162]]
    ]
    assert client("GEOSEARCH g FROMMEMBER Palermo BYBOX 1 1 m") == [b"Palermo"]
    assert client("GEORADIUSBYMEMBER_RO g Palermo 100 mi") == [b"Palermo"]


def test_hits_are_stored_with_their_hashes_or_distances(client: Client) -> None:
    client(SICILY)
    client.listen()
    assert client("GEOSEARCHSTORE d g FROMLONLAT 15 37 BYRADIUS 200 km") == 2
    assert client("ZSCORE d Palermo") == 3479099956230698.0
    assert client("GEORADIUS g 15 37 200 km STOREDIST d") == 2
    assert client("ZSCORE d Palermo") == 190.44242984775784
    assert client("GEORADIUS none 15 37 200 km STORE d") == 0
    assert client("EXISTS d") == 0
    assert client.events() == [b"geosearchstore d", b"georadiusstore d", b"del d"]


@pytest.mark.parametrize(
    ("words", "error"),
    (
        ("GEOADD g 181 1 x", b"ERR invalid longitude,latitude pair 181.000000,1.000000"),
        ("GEOADD g NX XX 1 2 x", b"ERR syntax error"),
        ("GEODIST g a b parsec", b"ERR unsupported unit provided. please use M, KM, FT, MI"),
        ("GEOSEARCH g FROMLONLAT 1 2 BYRADIUS -1 m", b"ERR radius cannot be negative"),
        ("GEOSEARCH g FROMLONLAT 1 2 BYBOX 1 -1 m", b"ERR height or width cannot be negative"),
        ("GEOSEARCH g FROMLONLAT 1 2 BYRADIUS 1 m ANY", b"ERR the ANY argument requires COUNT argument"),
        ("GEOSEARCH g FROMMEMBER x BYRADIUS 1 m", b"ERR could not decode requested zset member"),
        ("GEOSEARCH g BYRADIUS 1 m ASC DESC", b"ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for GEOSEARCH"),
        ("GEORADIUS_RO g 1 2 3 m STORE d", b"ERR syntax error"),
        ("GEORADIUS g 1 2 3 m STORE d WITHDIST", b"ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and WITHCOORD options"),
    ),
)  # fmt: skip
def test_what_is_wrong_is_told_as_redis_tells_it(client: Client, words: str, error: bytes) -> None:
    client(SICILY)
    reply: Reply = client(words)
    assert isinstance(reply, Failure)
    assert reply.message == error


def test_no_radius_is_too_large(client: Client) -> None:
    client(SICILY)
    for radius in ("inf", "1e300", "4e7"):
        found = client(f"GEOSEARCH g FROMLONLAT 15 37 BYRADIUS {radius} km")
        assert isinstance(found, list)
        assert set(found) == {b"Palermo", b"Catania"}
