"""redis-py, synchronous and on asyncio."""
