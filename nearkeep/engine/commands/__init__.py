"""The commands, one file per family of the Redis documentation. Importing this declares them."""

from nearkeep.engine.commands import (  # noqa: F401
    command,
    config,
    connection,
    debug,
    generic,
    info,
    memory,
    pubsub,
    server,
    slowlog,
    string,
    transactions,
)
