"""The figures as a table, readable in a terminal and in a log file."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from tests.bench.figures import Figure, round_digits


def make_table(title: str, figures: Sequence[Figure]) -> Table:
    """Return one section; a ratio below 1 is marked, it is where the peer is ahead."""
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column("figure", overflow="fold")
    for name in ("value", "unit", "peer value", "ratio"):
        table.add_column(name, justify="left" if name == "unit" else "right", no_wrap=True)
    table.add_column("peer", overflow="fold")
    for figure in figures:
        ratio = f"{show_number(figure.ratio)}x"
        shown = ratio if figure.ratio >= 1 else f"[yellow]{ratio}[/yellow]"
        table.add_row(
            figure.name,
            show_number(figure.value),
            figure.unit,
            show_number(figure.peer.value),
            shown,
            f"{figure.peer.name} ({figure.peer.source})",
        )
    return table


def show_number(value: float) -> str:
    """Return a number with at most four significant digits below ten thousand, and thousands marked."""
    rounded = round_digits(value)
    return f"{rounded:,.0f}" if rounded.is_integer() else f"{rounded:,.4g}" if rounded < 1_000 else f"{rounded:,.1f}"
