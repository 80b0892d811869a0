"""Commands of all types on the same few keys, as no single family has them."""

from __future__ import annotations

from tests.oracle.families.bitmaps import BITMAPS
from tests.oracle.families.geo import GEO
from tests.oracle.families.hashes import FIELD_EXPIRY, HASHES
from tests.oracle.families.hyperloglog import HYPERLOGLOG
from tests.oracle.families.keys import EXPIRY, KEYS
from tests.oracle.families.lists import LISTS
from tests.oracle.families.sets import SETS
from tests.oracle.families.streams import GROUPS, STREAMS
from tests.oracle.families.strings import COUNTERS, STRINGS
from tests.oracle.families.zsets import AGGREGATES, ZSETS
from tests.oracle.family import mixture

MIXTURE = mixture(
    "mixture",
    KEYS,
    EXPIRY,
    STRINGS,
    COUNTERS,
    BITMAPS,
    HYPERLOGLOG,
    HASHES,
    FIELD_EXPIRY,
    LISTS,
    SETS,
    ZSETS,
    AGGREGATES,
    GEO,
    STREAMS,
    GROUPS,
)
