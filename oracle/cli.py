"""The `assay` command. Everything it needs is in the core; what serves readers or trains says which extra is missing."""

from __future__ import annotations

import sys
from importlib import import_module

import typer

app = typer.Typer(help="Assay: a lending risk oracle that anyone can recompute.", no_args_is_help=True)

SUB_APPS = {
    "node": "oracle.node.commands",
    "model": "oracle.node.model_commands",
    "snapshot": "oracle.node.snapshot_commands",
    "sandbox": "oracle.sandbox.commands",
    "dispute": "oracle.node.dispute.commands",
    "contracts": "oracle.node.deployment.commands",
}


def mount_sub_apps() -> None:
    """Mount each sub-command that the command line names, or all of them for help; the others cost no import."""
    named = [argument for argument in sys.argv[1:2] if argument in SUB_APPS]
    for name in named or SUB_APPS:
        app.add_typer(import_module(SUB_APPS[name]).app, name=name)


def main() -> None:
    """Run the command line."""
    from oracle.node import export_command, verify_commands, what_if_command

    verify_commands.register(app)
    export_command.register(app)
    what_if_command.register(app)
    mount_sub_apps()
    app()


if __name__ == "__main__":
    main()
