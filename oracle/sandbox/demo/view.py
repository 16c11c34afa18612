"""What the demo prints: stages with their times, facts, tables; alive in a terminal, plain lines in a log file."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from oracle.sandbox.history import Progress

LOG_WIDTH = 118
HEARTBEAT_S = 15.0
LONG_STEPS = 10_000


class DemoView:
    """Prints to one console and remembers how long each stage took."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False)
        if not self.console.is_terminal:
            self.console = Console(highlight=False, width=LOG_WIDTH, file=self.console.file)
        self.stage_seconds: dict[str, float] = {}
        self._started_s = time.monotonic()

    @property
    def elapsed_s(self) -> float:
        """Return seconds since the demo began."""
        return time.monotonic() - self._started_s

    @contextmanager
    def stage(self, key: str, title: str) -> Iterator[None]:
        """Print a heading and measure what happens inside."""
        number = len(self.stage_seconds) + 1
        self.console.print()
        self.console.print(f"[bold cyan]{number}. {title}[/]  [dim](at {self.elapsed_s:.0f} s)[/]")
        started_s = time.monotonic()
        try:
            yield
        finally:
            self.stage_seconds[key] = round(time.monotonic() - started_s, 2)

    @contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        """Show a spinner in a terminal; in a log one line, and another each `HEARTBEAT_S`."""
        if self.console.is_terminal:
            with self.console.status(f"[dim]{escape(text)}[/]"):
                yield
            return
        self.console.print(f"   [dim]... {escape(text)}[/]")
        heartbeat = asyncio.get_running_loop().create_task(self._beat())
        try:
            yield
        finally:
            heartbeat.cancel()

    def progress(self, what: str) -> Progress:
        """Return a listener that says each tenth of a long build, by chain; a build that is quick says nothing."""
        said: dict[int, int] = {}

        def show(chain_id: int, step: int, steps: int) -> None:
            tenth = 10 * step // max(1, steps)
            if steps >= LONG_STEPS and tenth > said.get(chain_id, 0):
                said[chain_id] = tenth
                self.console.print(f"   [dim]... chain {chain_id}: {10 * tenth} % of {steps:,} {what}[/]")

        return show

    async def _beat(self) -> None:
        started_s = time.monotonic()
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            self.console.print(f"   [dim]... still at it after {time.monotonic() - started_s:.0f} s[/]")

    def say(self, text: str) -> None:
        """Print one fact; `text` may hold markup."""
        self.console.print(f"   {text}")

    def good(self, text: str) -> None:
        """Print something that was checked and holds."""
        self.console.print(f"   [green]✓[/] {text}")

    def bad(self, text: str) -> None:
        """Print something that was caught, as it should be."""
        self.console.print(f"   [red]✗[/] {text}")

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[object]], *, title: str | None = None) -> None:
        """Print a table; numbers, which come formatted, stand to the right."""
        table = Table(title=title, title_justify="left", title_style="bold", header_style="dim", pad_edge=False)
        for index, column in enumerate(columns):
            is_number = all(_looks_like_a_number(str(row[index])) for row in rows)
            table.add_column(column, justify="right" if is_number else "left", overflow="fold")
        for row in rows:
            table.add_row(*(str(cell) for cell in row))
        self.console.print(table)


def _looks_like_a_number(text: str) -> bool:
    return bool(text) and text.lstrip("-+$").replace(",", "").replace(".", "").replace("%", "").strip().isdigit()
