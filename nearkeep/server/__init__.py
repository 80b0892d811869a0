"""The engine on a machine: asyncio on uvloop, listeners, TLS, one file for each protocol."""
