"""The command line: `nearkeep serve` and its companions."""

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command line, by default this process's; returns the exit status.

    `serve` goes its own way: its flags are the settings, and it starts without typer, whose import
    would take longer than all the rest.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == ["serve"]:
        from nearkeep.cli.serve import serve  # noqa: PLC0415

        return serve(words[1:])
    from nearkeep.cli.commands import run  # noqa: PLC0415

    return run(words)
