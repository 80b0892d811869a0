"""The commands, one file per family of the Redis documentation. Importing this declares them."""

from nearkeep.engine.commands import (  # noqa: F401
    acl,
    bitmap,
    command,
    config,
    connection,
    debug,
    dump,
    generic,
    geo,
    hash,  # noqa: A004
    hyperloglog,
    info,
    list,  # noqa: A004
    memory,
    migrate,
    persistence,
    pubsub,
    replication,
    scripting,
    server,
    set,  # noqa: A004
    slowlog,
    sort,
    sorted_set,
    stream,
    stream_group,
    stream_info,
    stream_read,
    string,
    tracking,
    transactions,
    wait,
)
