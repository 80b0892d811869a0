"""Places on the globe as numbers, and which numbers lie in a circle or a box.

A geohash halves the longitudes and latitudes in turn; 26 bits of each, interleaved with the
latitude's lowest, are a score of 52 bits. Places that are near each other mostly have numbers near
each other: a search looks at the cell of the grid around its centre and at the eight next to it,
each a range of scores, on a grid as coarse as the search is wide.

Degrees and metres throughout. The constants and the order of the operations are Redis', so that
distances come out to the digit.

Sources: https://redis.io/docs/latest/commands/geoadd/ and G. M. Morton's curve; the distance is the
haversine formula on a sphere.
"""

import math
from typing import Final

from mypy_extensions import i64

LONGITUDE: Final = 180.0
LATITUDE: Final = 85.05112878
"""The limits on both sides of 0, those of the web's Mercator projection (EPSG:3857)."""

_STEP: Final = 26
_RADIUS: Final = 6372797.560856
_HALFWAY: Final = 20037726.37  # half of the way around the equator in that projection
_MORE: Final = 1.000001  # what is further by this is certainly further, however it is rounded
_RADIAN: Final = math.pi / 180.0
_WORD: Final = 0xFFFFFFFF
_LETTERS: Final = b"0123456789bcdefghjkmnpqrstuvwxyz"


def encode(longitude: float, latitude: float) -> float:
    """The score of a place within the limits."""
    x = _share(longitude, LONGITUDE, _STEP)
    y = _share(latitude, LATITUDE, _STEP)
    return float(_interleaved(x, y))


def decode(score: float) -> tuple[float, float]:
    """Longitude and latitude of the middle of what a score stands for; of any number at all."""
    bits = _word(score)
    x = _compacted(bits >> 1)
    y = _compacted(bits)
    return _middle(x, LONGITUDE), _middle(y, LATITUDE)


def text(score: float) -> bytes:
    """The geohash of a score as others write it, with latitudes to 90 degrees."""
    longitude, latitude = decode(score)
    bits = int(_interleaved(_share(longitude, LONGITUDE, _STEP), _share(latitude, 90.0, _STEP)))
    letters = [_LETTERS[bits >> (52 - 5 * index) & 31] for index in range(1, 11)]
    return bytes(letters) + b"0"  # an eleventh letter would need 55 bits


def distance(longitude: float, latitude: float, longitude2: float, latitude2: float) -> float:
    """Metres between two places."""
    v = math.sin((longitude2 * _RADIAN - longitude * _RADIAN) / 2)
    if v == 0.0:
        return _along_meridian(latitude, latitude2)
    radians = latitude * _RADIAN
    radians2 = latitude2 * _RADIAN
    u = math.sin((radians2 - radians) / 2)
    a = u * u + math.cos(radians) * math.cos(radians2) * v * v
    return 2.0 * _RADIUS * math.asin(math.sqrt(a)) if a <= 1.0 else math.nan


def _along_meridian(latitude: float, latitude2: float) -> float:
    return _RADIUS * abs(latitude2 * _RADIAN - latitude * _RADIAN)


class Circle:
    """What is no further than a radius from a place.

    Attributes:
        radius: how far its furthest point is; `width` and `height`: half of its extents. Metres.
    """

    def __init__(self, longitude: float, latitude: float, radius: float) -> None:
        self.longitude = longitude
        self.latitude = latitude
        self.radius = radius
        self.width = radius
        self.height = radius

    def distance(self, longitude: float, latitude: float) -> float:
        """How far a place is from the middle, or less than 0 if it is outside."""
        if _along_meridian(self.latitude, latitude) > self.radius * _MORE:
            return -1.0
        away = distance(self.longitude, self.latitude, longitude, latitude)
        return -1.0 if away > self.radius else away


class Box(Circle):
    """What is no further than half a width and half a height from a place, along the axes."""

    def __init__(
        self, longitude: float, latitude: float, width: float, height: float, unit: float
    ) -> None:
        """`unit` is that of the width and the height, in metres."""
        width /= 2
        height /= 2
        radius = math.sqrt(width * width + height * height) * unit
        super().__init__(longitude, latitude, radius)
        self.width = width * unit
        self.height = height * unit

    def distance(self, longitude: float, latitude: float) -> float:
        if (
            _along_meridian(latitude, self.latitude) > self.height
            or distance(longitude, latitude, self.longitude, latitude) > self.width
        ):
            return -1.0
        return distance(self.longitude, self.latitude, longitude, latitude)


def covering(shape: Circle) -> list[tuple[float, float]]:
    """Ranges of scores that hold all places of a shape, each from its first to before its second.

    They may hold others as well.
    """
    north, south = _parallels(shape)
    east, west = _meridians(shape, north, south)
    step = _step(shape)
    x = _share(shape.longitude, LONGITUDE, step)
    y = _share(shape.latitude, LATITUDE, step)
    if step > 1 and (
        _edge(_moved(y, 1, step) + 1, LATITUDE, step) < north
        or _edge(_moved(y, -1, step), LATITUDE, step) > south
        or _edge(_moved(x, 1, step) + 1, LONGITUDE, step) < east
        or _edge(_moved(x, -1, step), LONGITUDE, step) > west
    ):
        # One of the neighbours ends within the shape.
        step -= 1
        x = _share(shape.longitude, LONGITUDE, step)
        y = _share(shape.latitude, LATITUDE, step)
    found: list[tuple[float, float]] = []
    for right, up in _NEIGHBOURS:
        if step >= 2 and (
            (up > 0 and _edge(y + 1, LATITUDE, step) > north)
            or (up < 0 and _edge(y, LATITUDE, step) < south)
            or (right > 0 and _edge(x + 1, LONGITUDE, step) > east)
            or (right < 0 and _edge(x, LONGITUDE, step) < west)
        ):
            continue  # the shape ends before that neighbour begins
        cell = _interleaved(_moved(x, right, step), _moved(y, up, step))
        size: i64 = 52 - 2 * step
        span = (float(cell << size), float((cell + 1) << size))
        if not found or found[-1] != span:  # around a small globe one comes upon the same cell
            found.append(span)
    return found


_NEIGHBOURS: Final = (
    (0, 0), (0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1),
)  # fmt: skip
"""Cells to the right and up, in the order in which Redis visits them."""


def _step(shape: Circle) -> i64:
    """How many bits of longitude and latitude the cells have that are as large as the shape."""
    reach = shape.radius
    if reach == 0:
        return _STEP
    step: i64 = -1
    while reach < _HALFWAY:
        reach *= 2
        step += 1
    # Towards the poles the cells become narrow.
    if abs(shape.latitude) > 66:
        step -= 1
        if abs(shape.latitude) > 80:
            step -= 1
    return max(1, min(step, _STEP))


def _parallels(shape: Circle) -> tuple[float, float]:
    """The latitudes where a shape ends, northern and southern."""
    reach = shape.height / _RADIUS / _RADIAN
    return shape.latitude + reach, shape.latitude - reach


def _meridians(shape: Circle, north: float, south: float) -> tuple[float, float]:
    """The longitudes where a shape ends, eastern and western, at its end nearest to the pole."""
    latitude = south if shape.latitude < 0 else north
    if math.isinf(latitude):
        return math.nan, math.nan
    reach = shape.width / _RADIUS / math.cos(latitude * _RADIAN) / _RADIAN
    return shape.longitude + reach, shape.longitude - reach


def _share(degrees: float, limit: float, step: i64) -> i64:
    """In which of so many equal parts of a range the degrees are."""
    return int((degrees + limit) / (limit + limit) * _PARTS[step])


def _edge(place: i64, limit: float, step: i64) -> float:
    """Where one of these parts begins, in degrees."""
    return -limit + float(place & _WORD) / _PARTS[step] * (limit + limit)


def _middle(place: i64, limit: float) -> float:
    middle = (_edge(place, limit, _STEP) + _edge(place + 1, limit, _STEP)) / 2
    return max(-limit, min(middle, limit))


def _moved(place: i64, by: i64, step: i64) -> i64:
    """A neighbouring part; behind the last comes the first."""
    if by == 0:
        return place
    size: i64 = _SIZES[step]
    return (place + by) & (size - 1)


_SIZES: Final = [1 << step for step in range(_STEP + 1)]
_PARTS: Final = [float(size) for size in _SIZES]


def _word(score: float) -> i64:
    """A score as an unsigned integer of 64 bits, here signed, as C's cast does it on x86-64."""
    if -9223372036854775808.0 <= score < 9223372036854775808.0:
        return int(score)
    if score < 0:
        return -9223372036854775808
    if score < 18446744073709551616.0:
        return int(score - 18446744073709551616.0)
    return 0


def _interleaved(x: i64, y: i64) -> i64:
    """Two integers of up to 31 bits, bit by bit, the second one's first."""
    return _spread(x) << 1 | _spread(y)


def _spread(number: i64) -> i64:
    number = (number | number << 16) & 0x0000FFFF0000FFFF
    number = (number | number << 8) & 0x00FF00FF00FF00FF
    number = (number | number << 4) & 0x0F0F0F0F0F0F0F0F
    number = (number | number << 2) & 0x3333333333333333
    return (number | number << 1) & 0x5555555555555555


def _compacted(number: i64) -> i64:
    """Every second bit, from the lowest on."""
    number &= 0x5555555555555555
    number = (number | number >> 1) & 0x3333333333333333
    number = (number | number >> 2) & 0x0F0F0F0F0F0F0F0F
    number = (number | number >> 4) & 0x00FF00FF00FF00FF
    number = (number | number >> 8) & 0x0000FFFF0000FFFF
    return (number | number >> 16) & _WORD
