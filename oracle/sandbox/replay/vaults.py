"""Maker vaults as a source of transactions on one chain: who they are, what they need first, and their steps.

Each vault is an account of its own, wholly on one chain; chains take turns by vault id. In the synthetic mode every fourth is on all chains.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from oracle.domain.units import DAY_S
from oracle.sandbox.accounts import SandboxAccount, derive_account
from oracle.sandbox.deploy import MAX_UINT, SUPPLY, BaseDeployment, update_feed
from oracle.sandbox.jsonrpc import Transaction, encode_call
from oracle.sandbox.replay.dataset import RowKind, VaultRow
from oracle.sandbox.replay.planner import PlannedAction, PriceAt, VaultPlan, plan_vault, split_rows
from oracle.sandbox.replay.spec import ReplaySpec
from oracle.sandbox.replay.steps import LabelledTransaction, ReplayStep
from oracle.sandbox.transactions import BORROW, LIQUIDATE, POOL_GAS, REPAY, TOKEN_GAS, VARIABLE_RATE, WITHDRAW

COLLATERAL, DEBT = "WETH", "DAI"
SPLIT_EVERY = 4
_LIQUIDATOR_DAI_WAD = 10**12 * 10**18


def vault_account(seed: int, vault_id: int) -> SandboxAccount:
    """Return the account that stands for a vault."""
    return derive_account(seed, "vault", vault_id)


def choose_rows(spec: ReplaySpec, rows: Sequence[VaultRow]) -> dict[int, tuple[VaultRow, ...]]:
    """Return the rows of each vault that the caller wants, by ascending id."""
    if spec.days is not None:
        end_s = min(row.time_s for row in rows) + spec.days * DAY_S
        rows = [row for row in rows if row.time_s < end_s]
    ordered = sorted(rows, key=lambda row: row.vault_id)
    by_vault = {vault_id: tuple(group) for vault_id, group in groupby(ordered, key=lambda row: row.vault_id)}
    return dict(list(by_vault.items())[: spec.limit])


def plan_chains(
    spec: ReplaySpec, rows_of: Mapping[int, tuple[VaultRow, ...]], price_at: PriceAt
) -> dict[int, tuple[VaultPlan, ...]]:
    """Return the plans of every chain, ascending by vault id."""
    plans: dict[int, list[VaultPlan]] = {chain_id: [] for chain_id in spec.chain_ids}
    for rank, (vault_id, rows) in enumerate(rows_of.items()):
        home = spec.chain_ids[rank % len(spec.chain_ids)]
        if spec.both_chains and rank % SPLIT_EVERY == 0:
            other = spec.chain_ids[(rank + 1) % len(spec.chain_ids)]
            for chain_id, part in zip((home, other), split_rows(rows), strict=True):
                plans[chain_id].append(plan_vault(vault_id, part, price_at))
        else:
            plans[home].append(plan_vault(vault_id, rows, price_at))
    return {chain_id: tuple(chain_plans) for chain_id, chain_plans in plans.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultSource:
    """Writes the transactions of one chain's plans."""

    base: BaseDeployment
    seed: int
    plans: Sequence[VaultPlan]
    price_at: PriceAt

    @property
    def liquidator(self) -> str:
        """Return the account that liquidates."""
        return derive_account(self.seed, "liquidator").address

    def list_setup(self) -> tuple[LabelledTransaction, ...]:
        """Return what the liquidator needs before the first step."""
        mint = encode_call("mint(address,uint256)", self.liquidator, _LIQUIDATOR_DAI_WAD)
        approve = encode_call("approve(address,uint256)", self._pool, MAX_UINT)
        return (self._set_up(self.liquidator, DEBT, mint), self._set_up(self.liquidator, DEBT, approve))

    def list_senders(self) -> list[str]:
        """Return every account that sends, to be funded."""
        return [self.liquidator, *(self._address(plan.vault_id) for plan in self.plans)]

    def list_steps(self) -> Iterator[ReplayStep]:
        """Yield the steps of all vaults, ascending by time, then vault; what a vault needs first comes with its first action."""
        prepared: set[tuple[int, RowKind]] = set()
        deposits = {
            plan.vault_id: sum(a.amount_wad for a in plan.actions if a.kind is RowKind.DEPOSIT) for plan in self.plans
        }
        actions = (action for plan in self.plans for action in plan.actions)
        for action in sorted(actions, key=lambda a: a.time_s):
            written: list[LabelledTransaction] = []
            if (action.vault_id, action.kind) not in prepared:
                prepared.add((action.vault_id, action.kind))
                written += self._prepare(action, deposits[action.vault_id])
            yield ReplayStep(time_s=action.time_s, transactions=(*written, *self._write(action)))

    def _write(self, action: PlannedAction) -> Iterator[LabelledTransaction]:
        if action.kind is not RowKind.LIQUIDATION:
            sender = self._address(action.vault_id)
            yield self._label(action, Transaction(sender=sender, to=self._pool, data=self._call(action), gas=POOL_GAS))
            return
        # The implied price stands for this one transaction; in the same block the feed's own answer is back.
        feed, owner = self.base.feeds[COLLATERAL], self.base.deployer.address
        if action.posted_usd_e8 is not None:
            posted = update_feed(owner, feed, action.posted_usd_e8)
            yield LabelledTransaction(label="implied price", transaction=posted)
        yield self._label(action, self._liquidate(action))
        if action.posted_usd_e8 is not None:
            restored = update_feed(owner, feed, self.price_at(action.time_s))
            yield LabelledTransaction(label="implied price", transaction=restored)

    def _call(self, action: PlannedAction) -> bytes:
        account, amount = self._address(action.vault_id), action.amount_wad
        collateral, debt = self.base.tokens[COLLATERAL], self.base.tokens[DEBT]
        match action.kind:
            case RowKind.DEPOSIT:
                return encode_call(SUPPLY, collateral, amount, account, 0)
            case RowKind.WITHDRAW:
                return encode_call(WITHDRAW, collateral, amount, account)
            case RowKind.BORROW:
                return encode_call(BORROW, debt, amount, VARIABLE_RATE, 0, account)
            case _:
                return encode_call(REPAY, debt, amount, VARIABLE_RATE, account)

    def _liquidate(self, action: PlannedAction) -> Transaction:
        collateral, debt = self.base.tokens[COLLATERAL], self.base.tokens[DEBT]
        account = self._address(action.vault_id)
        data = encode_call(LIQUIDATE, collateral, debt, account, action.amount_wad, False)
        return Transaction(sender=self.liquidator, to=self._pool, data=data, gas=2 * POOL_GAS)

    def _prepare(self, action: PlannedAction, deposits_wad: int) -> Iterator[LabelledTransaction]:
        """Yield what goes before the first action of a kind: all WETH that the vault will bring; DAI it has from borrowing."""
        account = self._address(action.vault_id)
        if action.kind is RowKind.DEPOSIT:
            yield self._set_up(account, COLLATERAL, encode_call("mint(address,uint256)", account, deposits_wad))
        if action.kind in (RowKind.DEPOSIT, RowKind.REPAY):
            symbol = COLLATERAL if action.kind is RowKind.DEPOSIT else DEBT
            yield self._set_up(account, symbol, encode_call("approve(address,uint256)", self._pool, MAX_UINT))

    def _set_up(self, account: str, symbol: str, data: bytes) -> LabelledTransaction:
        transaction = Transaction(sender=account, to=self.base.tokens[symbol], data=data, gas=TOKEN_GAS)
        return LabelledTransaction(label="set-up", transaction=transaction)

    def _label(self, action: PlannedAction, transaction: Transaction) -> LabelledTransaction:
        return LabelledTransaction(
            label=action.kind, transaction=transaction, owner_id=action.vault_id, row_number=action.row_number
        )

    def _address(self, vault_id: int) -> str:
        return vault_account(self.seed, vault_id).address

    @property
    def _pool(self) -> str:
        return self.base.aave.pool
