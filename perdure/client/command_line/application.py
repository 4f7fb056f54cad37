"""The application: every family of commands. A command loads what it needs when it runs: ``--help`` is instant."""

import typer

from perdure.client.command_line.commands import (
    decisions,
    going_back,
    grants,
    inbox,
    keeping,
    keys,
    looking,
    machine,
    maintenance,
    policies,
    schedules,
    steering,
    tasks,
)
from perdure.client.command_line.exit_codes import explained

FAMILIES = (machine, tasks, maintenance, looking, decisions, steering, going_back, keeping)
"""In the order of ``--help``."""

app = typer.Typer(
    help="A durable coding agent: every request is one Temporal workflow that survives any crash.",
    epilog=explained(),
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

for family in FAMILIES:
    for name, command in family.COMMANDS.items():
        app.command(name)(command)

for name, group in {
    **inbox.GROUPS,
    **grants.GROUPS,
    **keys.GROUPS,
    **schedules.GROUPS,
    **policies.GROUPS,
}.items():
    app.add_typer(group, name=name)
