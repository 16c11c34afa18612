"""Tables for people: what runs, where, and with which keys."""

from __future__ import annotations

from collections import Counter

from rich.console import Console
from rich.table import Table

from oracle.sandbox.manifest import ChainEntry, WorldManifest

SHOWN_BEHAVIOURS = ("careful", "reactive", "leveraged", "negligent", "serial", "staker")


def print_world(manifest: WorldManifest, console: Console, *, manifest_path: str) -> None:
    """Print chains, contracts, accounts and a borrower of each behaviour."""
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
        if account.role in ("integrator", "member", "deployer"):
            table.add_row(account.role, account.label, account.address, account.private_key)
    return table


def _borrowers_table(manifest: WorldManifest) -> Table:
    counts = Counter(borrower.behaviour for borrower in manifest.borrowers)
    table = Table(title=f"{len(manifest.borrowers)} borrowers; one of each kind", title_justify="left")
    for column in ("behaviour", "count", "address", "chains"):
        table.add_column(column, no_wrap=True)
    for behaviour in SHOWN_BEHAVIOURS:
        found = next((b for b in manifest.borrowers if b.behaviour == behaviour), None)
        if found is not None:
            table.add_row(behaviour, str(counts[behaviour]), found.address, ", ".join(map(str, found.chain_ids)))
    contracts = [b for b in manifest.borrowers if b.has_code]
    if contracts:
        chains = ", ".join(map(str, contracts[0].chain_ids))
        table.add_row("(a contract)", str(len(contracts)), contracts[0].address, chains)
    return table


def _activity_table(manifest: WorldManifest) -> Table:
    table = Table(title="Generated history", title_justify="left")
    for column in ("chain", "blocks", "transactions", "failed", "liquidations", "borrowers liquidated"):
        table.add_column(column, justify="right")
    for report in manifest.activity:
        table.add_row(
            str(report.chain_id), str(report.blocks), str(report.transactions), str(report.failed_transactions),
            str(report.liquidations), str(report.liquidated_borrowers),
        )  # fmt: skip
    return table
