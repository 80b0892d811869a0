"""Redis' own test suite, run against Nearkeep: `python -m tests.conformance`.

The suite is that of Redis 7.0.15, as Debian and Ubuntu carry it in their source package `redis`.
It is fetched at run time and never part of this repository. `units.toml` says what runs,
`skipped.toml` what does not and why.
"""
