"""Rows of vaults in whole tokens, for tests of what becomes of them."""

from __future__ import annotations

from oracle.sandbox.replay.dataset import RowKind, VaultRow

WAD = 10**18
E8 = 10**8
START_S = 1_600_000_000


def make_row(
    kind: RowKind,
    *,
    number: int,
    eth_wad: int = 0,
    dai_wad: int = 0,
    block_number: int | None = None,
    vault_id: int = 7,
) -> VaultRow:
    """Return a row; rows are an hour and a block apart unless told otherwise."""
    block = number if block_number is None else block_number
    return VaultRow(
        number=number, vault_id=vault_id, block_number=block, time_s=START_S + 3_600 * block, kind=kind,
        eth_wad=eth_wad, dai_wad=dai_wad,
    )  # fmt: skip


def opened(*, eth: int = 10, dai: int = 1_000) -> list[VaultRow]:
    """Return a deposit and a borrowing of whole tokens, as rows 0 and 1."""
    return [
        make_row(RowKind.DEPOSIT, number=0, eth_wad=eth * WAD),
        make_row(RowKind.BORROW, number=1, dai_wad=dai * WAD),
    ]
