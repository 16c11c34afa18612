"""`python -m oracle.sandbox.demo [--data DIR [--limit N]]`: what `make demo` runs. Exit code 0 if everything held, 1 if not."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.markup import escape

from oracle.errors import OracleError
from oracle.sandbox.demo.run import run_demo, wants_to_serve
from oracle.sandbox.demo.setting import DemoSetting, generated_setting, replayed_setting
from oracle.sandbox.demo.view import DemoView


async def _run(view: DemoView, setting: DemoSetting) -> None:
    """Run the demo; SIGTERM and SIGHUP end it as Ctrl-C does, so that no node outlives it."""
    task = asyncio.current_task()
    loop = asyncio.get_running_loop()
    if task is not None:
        for name in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(name, task.cancel)
    await run_demo(view, setting, serve=wants_to_serve())


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m oracle.sandbox.demo", description="The whole path, shown and checked."
    )
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="folder of recorded data: show real vaults, not generated borrowers"
    )
    parser.add_argument("--limit", type=int, metavar="N", help="with --data: only the vaults with the N smallest ids")
    options = parser.parse_args(arguments)
    if options.limit is not None and options.data is None:
        parser.error("--limit chooses recorded vaults: give --data too")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo."""
    options = _parse(arguments)
    view = DemoView()
    try:
        setting = generated_setting() if options.data is None else replayed_setting(options.data, options.limit)
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(_run(view, setting))
    except asyncio.CancelledError:
        view.console.print("\nEnded by a signal; nodes and chains are stopped.")
        return 1
    except OracleError as error:
        view.console.print(f"\n[bold red]The demo failed.[/] {escape(str(error))}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
