"""Nearkeep beside a real redis-server: the same commands to both, the replies compared by the byte.

A family (families/*.py) states the syntax of its commands in the notation of the Redis docs. From
it grammar.py draws valid and spoilt commands, stage.py plays a sequence of them to both servers and
compares each reply and then the whole keyspace, shrink.py reduces a failing sequence, and
transcript.py prints it as one would type it into redis-cli.

    pytest tests/oracle                     the verdict
    python -m tests.oracle strings keys     every distinct difference found, as Markdown
"""
