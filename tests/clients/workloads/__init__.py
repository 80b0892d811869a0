"""What people build on Redis clients: queues, caches, sessions, limits, rooms."""
