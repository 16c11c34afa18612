"""The borrowers of Morpho Blue as a source of transactions on one chain: tokens, feeds and markets of their own, and their steps.

What an account needs comes with its first action, since anvil hashes its whole state at every block. What somebody else did for a borrower, a helper does; a loan
needs the borrower's authorization first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby

from oracle.domain.units import HOUR_S
from oracle.sandbox import morpho
from oracle.sandbox.aave import Deployer
from oracle.sandbox.accounts import derive_account
from oracle.sandbox.artifacts import load_forge_artifact
from oracle.sandbox.deploy import FEED_DECIMALS, MAX_UINT, BaseDeployment, update_feed
from oracle.sandbox.jsonrpc import Transaction, encode_call
from oracle.sandbox.morpho import MorphoDeployment, MorphoMarket, MorphoPlan
from oracle.sandbox.replay import morpho_planner as planned
from oracle.sandbox.replay.morpho_rows import COLLATERALS, LLTV_WAD, LOAN, MorphoKind
from oracle.sandbox.replay.prices import FEED
from oracle.sandbox.replay.steps import LabelledTransaction, ReplayStep
from oracle.sandbox.transactions import TOKEN_GAS

SET_UP = "set-up"
LABELS = {kind: f"morpho {kind}" for kind in MorphoKind}
CALL_GAS = 400_000
GAS_MONEY_WEI = 10**17
TRANSFER_GAS = 21_000
MINT, APPROVE = "mint(address,uint256)", "approve(address,uint256)"


@dataclass(frozen=True, slots=True, kw_only=True)
class MorphoWorld:
    """What stands on the chain: tokens and feeds of the collaterals by symbol, and the singleton with a market for each."""

    tokens: dict[str, str]
    feeds: dict[str, str]
    deployment: MorphoDeployment

    def market(self, symbol: str) -> MorphoMarket:
        """Return the market of a collateral."""
        return next(market for market in self.deployment.markets if market.collateral == symbol)


async def deploy_morpho_world(
    deployer: Deployer, base: BaseDeployment, *, fee_recipient: str, prices_usd_e8: Mapping[str, int]
) -> MorphoWorld:
    """Deploy collateral tokens, their feeds, the singleton and the markets, all at a zero rate."""
    tokens, feeds = {}, {}
    for collateral in COLLATERALS:
        tokens[collateral.symbol] = deployer.create(
            load_forge_artifact("SandboxToken"), {}, ("string", "string", "uint8"),
            collateral.name, collateral.symbol, collateral.decimals,
        )  # fmt: skip
        feeds[collateral.symbol] = deployer.create(
            load_forge_artifact("ScriptedFeed"), {}, ("uint8", "string", "int192"),
            FEED_DECIMALS, f"{collateral.symbol} / USD", prices_usd_e8[collateral.symbol],
        )  # fmt: skip
    await deployer.run()
    deployment = await morpho.deploy_morpho(
        deployer, tokens={**base.tokens, **tokens}, feeds={**base.feeds, **feeds}, fee_recipient=fee_recipient,
        plans=[MorphoPlan(collateral=c.symbol, loan=LOAN, lltv_wad=LLTV_WAD, rate_wad=0) for c in COLLATERALS],
    )  # fmt: skip
    return MorphoWorld(tokens=tokens, feeds=feeds, deployment=deployment)


@dataclass(slots=True, kw_only=True)
class MorphoSource:
    """Writes the transactions of a plan. `numbers` gives each borrower of the data the number that its account is derived from."""

    base: BaseDeployment
    world: MorphoWorld
    seed: int
    plan: planned.MorphoPlan
    numbers: Mapping[str, int]
    _prepared: set[tuple[str, str]] = field(default_factory=set)
    _standing: dict[str, int] = field(default_factory=dict)
    _brought: dict[tuple[str, str], int] = field(default_factory=dict)

    def address_of(self, borrower: str) -> str:
        """Return the account that stands for a borrower of the data."""
        return derive_account(self.seed, "morpho-borrower", self.numbers[borrower]).address

    @property
    def lender(self) -> str:
        """Return the account that lends, liquidates, and pays for gas."""
        return derive_account(self.seed, "morpho-lender").address

    @property
    def helper(self) -> str:
        """Return the account that acts for others."""
        return derive_account(self.seed, "morpho-helper").address

    def list_setup(self) -> Iterator[LabelledTransaction]:
        """Yield what the lender and the helper need before the first step; each market gets what will be borrowed, and once more to liquidate with."""
        borrowed: dict[str, int] = defaultdict(int)
        for action in self.plan.actions:
            if action.kind is MorphoKind.BORROW:
                borrowed[action.symbol] += action.amount
        loan = self.base.tokens[LOAN]
        yield self._set_up(self.lender, loan, MINT, self.lender, 2 * sum(borrowed.values()) + 1)
        yield self._set_up(self.lender, loan, APPROVE, self._morpho, MAX_UINT)
        for symbol, amount in borrowed.items():
            lend = (self.world.market(symbol).params, amount, 0, self.lender, b"")
            yield self._set_up(self.lender, self._morpho, morpho.SUPPLY, *lend)
        for token in self.world.tokens.values():
            yield self._set_up(self.helper, token, APPROVE, self._morpho, MAX_UINT)

    def list_senders(self) -> list[str]:
        """Return the accounts to fund before the first step; borrowers get their gas money from the lender."""
        return [self.lender, self.helper]

    def list_steps(self, *, after_s: int) -> Iterator[ReplayStep]:
        """Yield one step for each hour after `after_s` with an answer or an action, ascending; the feeds hold the answers of `after_s` already."""
        self._prepared.clear()
        self._standing = {symbol: self.plan.answer_at(symbol, after_s) for symbol in self.world.feeds}
        self._brought = defaultdict(int)
        for action in self.plan.actions:
            if action.kind is MorphoKind.COLLATERAL and action.is_own:
                self._brought[(action.borrower, action.symbol)] += action.amount
        actions = {
            time_s: tuple(group)
            for time_s, group in groupby(sorted(self.plan.actions, key=lambda a: a.time_s), key=lambda a: a.time_s)
        }
        newcomers = self._list_newcomers()
        hours = {*actions, *newcomers, *(time_s for time_s, _, _ in self.plan.answers)}
        for time_s in sorted(hour for hour in hours if hour > after_s):
            written = [self._pay_gas(borrower) for borrower in newcomers.get(time_s, ())]
            for action in actions.get(time_s, ()):
                written += self._write(action)
            for symbol in self.world.feeds:
                written += self._move_feed(symbol, self.plan.answer_at(symbol, time_s))
            yield ReplayStep(time_s=time_s, transactions=tuple(written))

    def _list_newcomers(self) -> dict[int, list[str]]:
        """Return who acts first an hour later: anvil takes a transaction only from an account that can pay for it already."""
        found: dict[int, list[str]] = defaultdict(list)
        for borrower, time_s in {a.borrower: a.time_s for a in reversed(self.plan.actions)}.items():
            found[time_s - HOUR_S].append(borrower)
        return found

    def _pay_gas(self, borrower: str) -> LabelledTransaction:
        to = self.address_of(borrower)
        sent = Transaction(sender=self.lender, to=to, data=b"", gas=TRANSFER_GAS, value_wei=GAS_MONEY_WEI)
        return LabelledTransaction(label=SET_UP, transaction=sent)

    def _write(self, action: planned.MorphoAction) -> Iterator[LabelledTransaction]:
        if action.kind is not MorphoKind.COLLATERAL:
            yield from self._move_feed(action.symbol, action.price_usd_e8)
        yield from self._prepare(action)
        account, params = self.address_of(action.borrower), self.world.market(action.symbol).params
        sender = account if action.is_own else self.helper
        match action.kind:
            case MorphoKind.COLLATERAL:
                data = encode_call(morpho.SUPPLY_COLLATERAL, params, action.amount, account, b"")
            case MorphoKind.BORROW:
                data = encode_call(morpho.BORROW, params, action.amount, 0, account, account)
            case MorphoKind.LIQUIDATION:
                sender = self.lender
                data = encode_call(morpho.LIQUIDATE, params, account, *self._taken(action), b"")
        yield LabelledTransaction(
            label=LABELS[action.kind], transaction=Transaction(sender=sender, to=self._morpho, data=data, gas=CALL_GAS),
            owner_id=self.numbers[action.borrower], row_number=action.row_number,
        )  # fmt: skip

    def _taken(self, action: planned.MorphoAction) -> tuple[int, int]:
        """Return (seized assets, repaid shares), one of which is zero."""
        return (0, action.repaid_amount * morpho.SHARES_PER_UNIT) if action.is_whole else (action.amount, 0)

    def _prepare(self, action: planned.MorphoAction) -> Iterator[LabelledTransaction]:
        if action.kind is MorphoKind.LIQUIDATION:
            return
        account = self.address_of(action.borrower)
        if action.kind is MorphoKind.COLLATERAL:
            token = self.world.tokens[action.symbol]
            if not action.is_own:
                yield self._set_up(self.helper, token, MINT, self.helper, action.amount)
            elif self._is_first(account, action.symbol):
                brought = self._brought[(action.borrower, action.symbol)]
                yield self._set_up(account, token, MINT, account, brought)
                yield self._set_up(account, token, APPROVE, self._morpho, MAX_UINT)
        elif not action.is_own and self._is_first(account, "authorization"):
            yield self._set_up(account, self._morpho, "setAuthorization(address,bool)", self.helper, True)

    def _move_feed(self, symbol: str, price_usd_e8: int) -> Iterator[LabelledTransaction]:
        if self._standing[symbol] != price_usd_e8:
            self._standing[symbol] = price_usd_e8
            update = update_feed(self.base.deployer.address, self.world.feeds[symbol], price_usd_e8)
            yield LabelledTransaction(label=FEED, transaction=update)

    def _is_first(self, account: str, what: str) -> bool:
        is_first = (account, what) not in self._prepared
        self._prepared.add((account, what))
        return is_first

    def _set_up(self, sender: str, to: str, signature: str, *arguments: object) -> LabelledTransaction:
        gas = CALL_GAS if to == self._morpho else TOKEN_GAS
        transaction = Transaction(sender=sender, to=to, data=encode_call(signature, *arguments), gas=gas)
        return LabelledTransaction(label=SET_UP, transaction=transaction)

    @property
    def _morpho(self) -> str:
        return self.world.deployment.morpho
