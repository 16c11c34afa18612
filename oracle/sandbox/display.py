"""Tables for people: what runs, where, and with which keys."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from oracle.sandbox.manifest import ChainEntry, WorldManifest


def print_world(manifest: WorldManifest, console: Console, *, manifest_path: str) -> None:
    """Print chains, contracts, accounts and the population."""
    for chain in manifest.chains:
        console.print(_chain_table(chain))
    console.print(_accounts_table(manifest))
    console.print(_borrowers_table(manifest))
    console.print(_activity_table(manifest))
    console.print(f"Everything, with all keys and borrowers: [bold]{manifest_path}[/bold]", soft_wrap=True)


def _chain_table(chain: ChainEntry) -> Table:
    table = Table(title=f"Chain {chain.chain_id}", title_justify="left", show_header=False)
    table.add_column(style="bold")
    table.add_column(no_wrap=True)
    table.add_row("RPC", chain.rpc_urls[0])
    table.add_row("RPC through a relay", chain.rpc_urls[1])
    table.add_row("Aave v3 Pool", chain.aave.pool)
    table.add_row("Aave v3 Oracle", chain.aave.oracle)
    if chain.assay is not None:
        table.add_row("Assay RiskOracle", chain.assay.risk_oracle)
        for market in chain.assay.markets:
            table.add_row(f"Market {market.name}", market.address)
    for token in chain.tokens:
        table.add_row(
            f"{token.symbol} ({token.decimals})",
            f"{token.address}   ${token.price_usd_e8 / 1e8:,.4f}   feed {token.feed}",
        )
    return table


def _accounts_table(manifest: WorldManifest) -> Table:
    table = Table(title="Accounts (public test keys, funded)", title_justify="left")
    for column in ("role", "label", "address", "private key"):
        table.add_column(column, no_wrap=True)
    for account in manifest.accounts:
        if account.role in ("integrator", "member", "deployer", "borrower"):
            table.add_row(account.role, account.label, account.address, account.private_key)
    return table


def _borrowers_table(manifest: WorldManifest) -> Table:
    table = Table(title=f"{len(manifest.borrowers)} borrowers by behaviour", title_justify="left")
    for column in ("behaviour", "borrowers", "contracts", "with debt", "liquidated"):
        table.add_column(column, justify="right" if column != "behaviour" else "left")
    for behaviour in sorted({borrower.behaviour for borrower in manifest.borrowers}):
        group = [borrower for borrower in manifest.borrowers if borrower.behaviour == behaviour]
        counts = (
            len(group),
            sum(borrower.has_code for borrower in group),
            sum(borrower.debt_usd > 0 for borrower in group),
            sum(borrower.liquidations > 0 for borrower in group),
        )
        table.add_row(behaviour, *map(str, counts))
    return table


def _activity_table(manifest: WorldManifest) -> Table:
    table = Table(title="History", title_justify="left")
    for column in ("chain", "blocks", "transactions", "failed", "liquidations", "borrowers liquidated"):
        table.add_column(column, justify="right")
    for report in manifest.activity:
        table.add_row(
            str(report.chain_id), str(report.blocks), str(report.transactions), str(report.failed_transactions),
            str(report.liquidations), str(report.liquidated_borrowers),
        )  # fmt: skip
    return table
