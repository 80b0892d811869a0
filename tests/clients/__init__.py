"""Real clients, and what is built on them, against Nearkeep.

    npm ci                              in this folder, once
    pip install -r requirements.txt     the Python libraries
    pytest tests/clients
    NEARKEEP_TEST_SUBJECT=redis pytest tests/clients

The last line runs all against redis-server: what fails there is the test's fault. Every client goes
through one list of scenarios per language, over a plain connection, with a password and over TLS.
"""
