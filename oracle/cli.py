"""The `assay` command. Sub-commands whose extra is missing say how to install it."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec

import typer

app = typer.Typer(help="Assay: a lending risk oracle that anyone can recompute.", no_args_is_help=True)

# name -> (module with `app`, what it needs, extra that brings it)
SUB_APPS = {
    "node": ("oracle.node.commands", "uvicorn", ""),
    "sandbox": ("oracle.sandbox.commands", "orjson", "sandbox"),
}


def mount_sub_apps() -> None:
    """Mount each sub-command that the command line names, or all of them for help; the others cost no import."""
    named = [argument for argument in sys.argv[1:2] if argument in SUB_APPS]
    for name in named or SUB_APPS:
        module, needs, extra = SUB_APPS[name]
        if find_spec(needs) is None:
            app.add_typer(_missing(name, extra), name=name)
        else:
            app.add_typer(import_module(module).app, name=name)


def _missing(name: str, extra: str) -> typer.Typer:
    """Return a command that says which extra is missing."""
    stand_in = typer.Typer(invoke_without_command=True, help=f"Needs the {extra} extra.")

    @stand_in.callback()
    def say() -> None:
        typer.echo(f"`assay {name}` needs the {extra} extra: pip install 'assay-oracle[{extra}]'", err=True)
        raise typer.Exit(2)

    return stand_in


def main() -> None:
    """Run the command line."""
    from oracle.node import export_command, verify_commands

    verify_commands.register(app)
    export_command.register(app)
    mount_sub_apps()
    app()


if __name__ == "__main__":
    main()
