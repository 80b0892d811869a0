"""redis-cli, as a user and a script would run it."""
