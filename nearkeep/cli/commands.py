"""The commands beside `serve`, and the overview of all of them."""

from typing import Annotated

import typer

import nearkeep

app = typer.Typer(
    name="nearkeep",
    help="A Redis-compatible cache and pub/sub server for the edge.",
    epilog="Begin with: nearkeep serve",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)


def run(words: list[str]) -> int:
    """Runs a command line; returns the exit status."""
    status = app(words, prog_name="nearkeep", standalone_mode=False)
    return status if isinstance(status, int) else 0


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"Nearkeep {nearkeep.__version__} ({nearkeep.engine_kind()} engine)")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", "-v", callback=_show_version, is_eager=True, help="Show the version."
        ),
    ] = False,
) -> None:
    """What can stand before a command."""


@app.command(
    "serve",
    help="Start a server. Each setting of Redis is a flag: nearkeep serve --port 7000",
    context_settings={"ignore_unknown_options": True, "help_option_names": []},
)
def _serve(
    words: Annotated[list[str] | None, typer.Argument(metavar="[redis.conf] [flags]")] = None,
) -> int:
    from nearkeep.cli.serve import serve  # noqa: PLC0415 - the other commands do without it

    return serve(words or [])
