"""https://redis.io/docs/latest/commands/failover/, to a master without replicas."""

from __future__ import annotations

from tests.oracle.family import Family

# Not REPLICAOF: spoilt, it makes the oracle a replica of nobody.
REPLICATION = Family(
    "replication",
    """
    FAILOVER
    FAILOVER ABORT
    FAILOVER TO value count
    FAILOVER (TO value count | TO value count FORCE | TIMEOUT count | ABORT | FORCE) ...
    ROLE
    """,
    neighbours="",
)
