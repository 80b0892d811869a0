"""The commands, one file per family of the Redis documentation. Importing this declares them."""

from nearkeep.engine.commands import (  # noqa: F401
    acl,
    bitmap,
    command,
    config,
    connection,
    debug,
    generic,
    geo,
    hash,  # noqa: A004
    hyperloglog,
    info,
    json,
    json_array,
    json_scalar,
    list,  # noqa: A004
    memory,
    pubsub,
    rate,
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
