"""Nearkeep side by side with redis-server and valkey-server, as ratios taken in one run.

`python -m bench --help` says what can be measured, docs/benchmarks.md how and why so.
"""
