"""Real clients, and what is built on them, against Nearkeep.

    make clients                                            installs what they need, and runs them
    NEARKEEP_TEST_SUBJECT=redis python -m pytest tests/clients

The second line runs them against redis-server: what fails there is the test's fault. Every client goes
through one list of scenarios per language, over a plain connection, with a password and over TLS.
What a machine lacks (node, redis-cli) is skipped by name, and fails where CI is set.
"""
