"""`python -m oracle.sandbox.demo`: what `make demo` runs. Exit code 0 if everything held, 1 if not."""

from __future__ import annotations

import asyncio
import contextlib
import sys

from rich.markup import escape

from oracle.errors import OracleError
from oracle.sandbox.demo.run import run_demo, wants_to_serve
from oracle.sandbox.demo.view import DemoView


def main() -> int:
    """Run the demo."""
    view = DemoView()
    try:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(run_demo(view, serve=wants_to_serve()))
    except OracleError as error:
        view.console.print(f"\n[bold red]The demo failed.[/] {escape(str(error))}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
