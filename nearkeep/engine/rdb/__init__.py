"""Values in the encoding of Redis' RDB files, which is also that of DUMP.

`save` writes what Redis 8.2 writes, `load` reads that and all that older versions have written. A
value's type is one byte that stands apart from it: in a file the key comes between.
"""
