"""The help of `nearkeep serve`, drawn from the table of settings."""

from itertools import groupby

from rich.console import Console
from rich.table import Table

from nearkeep.engine.settings import Settings
from nearkeep.engine.settings_table import SETTINGS, Setting

USAGE = """\
[bold]nearkeep serve[/] \\[redis.conf] \\[--setting value …]

Starts a server. Settings are Redis' own and come from a file, the environment
(NEARKEEP_MAXMEMORY=1gb) and flags (--maxmemory 1gb), of which the last one wins.

  nearkeep serve                                  on port 6379, in memory
  nearkeep serve --port 7000 --appendonly yes     with a log on disk
  nearkeep serve --tls-port 7001                  with a development certificate
  nearkeep serve /etc/redis/redis.conf --save ""  as a file says, with one change
"""


def show(*, everything: bool, console: Console | None = None) -> None:
    """Prints it: the main settings, or all of them."""
    console = console or Console()
    console.print(USAGE, highlight=False)
    defaults = Settings()
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column()
    wanted = [one for one in SETTINGS if not one.hidden and (one.main or everything)]
    for section, settings in groupby(wanted, key=_section):
        table.add_row(f"[bold]{section}[/]")
        for setting in settings:
            table.add_row(f"  [cyan]--{setting.name}[/]", _about(setting, defaults))
    console.print(table, highlight=False)
    if not everything:
        console.print("\n[bold]nearkeep serve --help-all[/] shows all settings.", highlight=False)


def _section(setting: Setting) -> str:
    return setting.section


def _about(setting: Setting, defaults: Settings) -> str:
    default = defaults.text(setting.name).decode()
    notes = [f"default {default}"] if default else []
    if setting.inert:
        notes.append("accepted, without effect")
    return setting.help + (f" [dim]({', '.join(notes)})[/]" if notes else "")
