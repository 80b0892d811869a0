"""The heart: keyspace, commands, sessions. Synchronous, single-threaded, without I/O.

Nothing here imports asyncio, a socket or a file; the time and randomness come from outside. So the
same engine runs in a server, in a process, in a Durable Object and under a simulator.
"""
