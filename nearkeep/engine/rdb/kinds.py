"""The bytes that say what follows: types of values, and what else stands in RDB files.

Source: https://rdb.fnordig.de/file_format.html and, from version 10 on, what Redis itself writes.
"""

from typing import Final

STRING: Final = 0
LIST: Final = 1
SET: Final = 2
ZSET: Final = 3  # scores in digits
HASH: Final = 4
ZSET_2: Final = 5
MODULE: Final = 7
HASH_ZIPMAP: Final = 9
LIST_ZIPLIST: Final = 10
SET_INTSET: Final = 11
ZSET_ZIPLIST: Final = 12
HASH_ZIPLIST: Final = 13
LIST_QUICKLIST: Final = 14  # of ziplists
STREAM: Final = 15
HASH_LISTPACK: Final = 16
ZSET_LISTPACK: Final = 17
LIST_QUICKLIST_2: Final = 18  # of listpacks
STREAM_2: Final = 19  # with how far groups have read
SET_LISTPACK: Final = 20
STREAM_3: Final = 21  # with when consumers were active
HASH_TIMED_EARLY: Final = 22  # 7.4's release candidates: whole times, and none ahead
HASH_LISTPACK_TIMED_EARLY: Final = 23
HASH_TIMED: Final = 24
HASH_LISTPACK_TIMED: Final = 25

FUNCTION: Final = 245
"""The code of a library of functions."""
