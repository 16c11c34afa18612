"""`python -m oracle.sandbox.demo`: what `make demo` runs. Exit code 0 if everything held, 1 if not."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys

from rich.markup import escape

from oracle.errors import OracleError
from oracle.sandbox.demo.run import run_demo, wants_to_serve
from oracle.sandbox.demo.view import DemoView


async def _run(view: DemoView) -> None:
    """Run the demo; SIGTERM and SIGHUP end it as Ctrl-C does, so that no node outlives it."""
    task = asyncio.current_task()
    loop = asyncio.get_running_loop()
    if task is not None:
        for name in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(name, task.cancel)
    await run_demo(view, serve=wants_to_serve())


def main() -> int:
    """Run the demo."""
    view = DemoView()
    try:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(_run(view))
    except asyncio.CancelledError:
        view.console.print("\nEnded by a signal; nodes and chains are stopped.")
        return 1
    except OracleError as error:
        view.console.print(f"\n[bold red]The demo failed.[/] {escape(str(error))}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
