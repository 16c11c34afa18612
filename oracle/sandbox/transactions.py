"""From intents to Aave calls, each with the change that it makes to the estimate if it succeeds.

A contract account sends through its owner's `execute`; everyone else sends for himself. Tokens are minted at first use.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from oracle.sandbox.decisions import Action, BorrowerPlan, Intent
from oracle.sandbox.deploy import MAX_UINT, SUPPLY, BaseDeployment
from oracle.sandbox.jsonrpc import Transaction, encode_call
from oracle.sandbox.reserves import RESERVE_BY_SYMBOL

VARIABLE_RATE = 2
POOL_GAS = 900_000
TOKEN_GAS = 150_000
WALLET_USD = 8_000_000
EVERYTHING = 1e30
BORROW = "borrow(address,uint256,uint256,uint16,address)"
REPAY = "repay(address,uint256,uint256,address)"
WITHDRAW = "withdraw(address,uint256,address)"
USE_AS_COLLATERAL = "setUserUseReserveAsCollateral(address,bool)"
LIQUIDATE = "liquidationCall(address,address,address,uint256,bool)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a successful transaction does to an estimate, in whole tokens."""

    row: int
    symbol: str
    supplied: float = 0.0
    owed: float = 0.0
    as_collateral: bool | None = None
    resync: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedTransaction:
    """A transaction, what it is for, and what it changes."""

    action: Action
    transaction: Transaction
    changes: tuple[Change, ...] = ()


@dataclass(slots=True)
class TransactionWriter:
    """Writes the transactions of one chain; knows who has approved what."""

    base: BaseDeployment
    liquidator: str
    helper: str
    prices_usd_e8: Mapping[str, int] = field(default_factory=dict)
    _prepared: set[tuple[str, str]] = field(default_factory=set)

    def write(self, intent: Intent, plan: BorrowerPlan, recipient: tuple[str, int | None]) -> list[PlannedTransaction]:
        """Return the transactions of one intent; `recipient` (address, row if a borrower) is used by TRANSFER."""
        match intent.action:
            case Action.OPEN:
                return self._supply(intent, plan) + self._borrow(intent, plan, intent.other, intent.debt_usd)
            case Action.SUPPLY:
                return self._supply(intent, plan)
            case Action.BORROW:
                return self._borrow(intent, plan, intent.symbol, intent.amount_usd)
            case Action.REPAY:
                return self._repay(intent, plan)
            case Action.CLOSE:
                return self._close(intent, plan)
            case Action.WITHDRAW:
                tokens = self._tokens(intent.symbol, intent.amount_usd)
                data = encode_call(
                    WITHDRAW, self._token(intent.symbol), self._units(intent.symbol, tokens), plan.account
                )
                change = Change(row=intent.row, symbol=intent.symbol, supplied=-tokens)
                return [self._by(plan, intent.action, self._pool, data, change)]
            case Action.TRANSFER:
                return self._transfer(intent, plan, recipient)
            case Action.COLLATERAL_OFF | Action.COLLATERAL_ON:
                wanted = intent.action is Action.COLLATERAL_ON
                data = encode_call(USE_AS_COLLATERAL, self._token(intent.symbol), wanted)
                change = Change(row=intent.row, symbol=intent.symbol, as_collateral=wanted)
                return [self._by(plan, intent.action, self._pool, data, change)]
            case Action.LIQUIDATE:
                return self._liquidate(intent, plan)
            case Action.SUPPLY_FOR | Action.REPAY_FOR:
                return self._help(intent, plan)

    @property
    def _pool(self) -> str:
        return self.base.aave.pool

    def _token(self, symbol: str) -> str:
        return self.base.tokens[symbol]

    def _tokens(self, symbol: str, amount_usd: float) -> float:
        return amount_usd * 1e8 / self.prices_usd_e8[symbol]

    def _units(self, symbol: str, tokens: float) -> int:
        # float to integer at nine digits: enough for an amount that is a choice, and the same on every machine
        return max(1, int(tokens * 1e9) * int(10 ** RESERVE_BY_SYMBOL[symbol].decimals) // 10**9)

    def _by(self, plan: BorrowerPlan, action: Action, to: str, data: bytes, *changes: Change) -> PlannedTransaction:
        owner = plan.borrower.owner
        if plan.borrower.has_code:
            to, data = plan.account, encode_call("execute(address,bytes)", to, data)
        return PlannedTransaction(
            action=action, transaction=Transaction(sender=owner, to=to, data=data, gas=POOL_GAS), changes=changes
        )

    def _prepare(self, account: str, sender: str, symbol: str, plan: BorrowerPlan | None) -> list[PlannedTransaction]:
        if (account, symbol) in self._prepared:
            return []
        self._prepared.add((account, symbol))
        amount = RESERVE_BY_SYMBOL[symbol].units(WALLET_USD * 10**8, self.prices_usd_e8[symbol])
        token = self._token(symbol)
        mint = encode_call("mint(address,uint256)", account, amount)
        approve = encode_call("approve(address,uint256)", self._pool, MAX_UINT)
        minted = PlannedTransaction(
            action=Action.SUPPLY, transaction=Transaction(sender=sender, to=token, data=mint, gas=TOKEN_GAS)
        )
        if plan is not None:
            return [minted, self._by(plan, Action.SUPPLY, token, approve)]
        approval = Transaction(sender=sender, to=token, data=approve, gas=TOKEN_GAS)
        return [minted, PlannedTransaction(action=Action.SUPPLY, transaction=approval)]

    def _supply(self, intent: Intent, plan: BorrowerPlan) -> list[PlannedTransaction]:
        tokens = self._tokens(intent.symbol, intent.amount_usd)
        data = encode_call(SUPPLY, self._token(intent.symbol), self._units(intent.symbol, tokens), plan.account, 0)
        change = Change(row=intent.row, symbol=intent.symbol, supplied=tokens)
        return [
            *self._prepare(plan.account, plan.borrower.owner, intent.symbol, plan),
            self._by(plan, Action.SUPPLY, self._pool, data, change),
        ]

    def _borrow(self, intent: Intent, plan: BorrowerPlan, symbol: str, amount_usd: float) -> list[PlannedTransaction]:
        tokens = self._tokens(symbol, amount_usd)
        units = self._units(symbol, tokens)
        data = encode_call(BORROW, self._token(symbol), units, VARIABLE_RATE, 0, plan.account)
        return [self._by(plan, Action.BORROW, self._pool, data, Change(row=intent.row, symbol=symbol, owed=tokens))]

    def _repay(self, intent: Intent, plan: BorrowerPlan) -> list[PlannedTransaction]:
        tokens = self._tokens(intent.symbol, intent.amount_usd)
        units = self._units(intent.symbol, tokens)
        data = encode_call(REPAY, self._token(intent.symbol), units, VARIABLE_RATE, plan.account)
        return [
            *self._prepare(plan.account, plan.borrower.owner, intent.symbol, plan),
            self._by(plan, Action.REPAY, self._pool, data, Change(row=intent.row, symbol=intent.symbol, owed=-tokens)),
        ]

    def _close(self, intent: Intent, plan: BorrowerPlan) -> list[PlannedTransaction]:
        repay = encode_call(REPAY, self._token(intent.symbol), MAX_UINT, VARIABLE_RATE, plan.account)
        written = self._prepare(plan.account, plan.borrower.owner, intent.symbol, plan)
        repaid = Change(row=intent.row, symbol=intent.symbol, owed=-EVERYTHING)
        written.append(self._by(plan, Action.REPAY, self._pool, repay, repaid))
        if intent.other:
            withdraw = encode_call(WITHDRAW, self._token(intent.other), MAX_UINT, plan.account)
            emptied = Change(row=intent.row, symbol=intent.other, supplied=-EVERYTHING, as_collateral=True)
            written.append(self._by(plan, Action.CLOSE, self._pool, withdraw, emptied))
        return written

    def _transfer(
        self, intent: Intent, plan: BorrowerPlan, recipient: tuple[str, int | None]
    ) -> list[PlannedTransaction]:
        address, row = recipient
        tokens = self._tokens(intent.symbol, intent.amount_usd)
        data = encode_call("transfer(address,uint256)", address, self._units(intent.symbol, tokens))
        changes = [Change(row=intent.row, symbol=intent.symbol, supplied=-tokens)]
        if row is not None:
            changes.append(Change(row=row, symbol=intent.symbol, supplied=tokens))
        return [self._by(plan, Action.TRANSFER, self.base.aave.reserve_tokens[intent.symbol][0], data, *changes)]

    def _liquidate(self, intent: Intent, plan: BorrowerPlan) -> list[PlannedTransaction]:
        collateral, debt = self._token(intent.symbol), self._token(intent.other)
        data = encode_call(LIQUIDATE, collateral, debt, plan.account, MAX_UINT, False)
        transaction = Transaction(sender=self.liquidator, to=self._pool, data=data, gas=2 * POOL_GAS)
        change = Change(row=intent.row, symbol=intent.symbol, resync=True)
        return [
            *self._prepare(self.liquidator, self.liquidator, intent.other, None),
            PlannedTransaction(action=Action.LIQUIDATE, transaction=transaction, changes=(change,)),
        ]

    def _help(self, intent: Intent, plan: BorrowerPlan) -> list[PlannedTransaction]:
        tokens = self._tokens(intent.symbol, intent.amount_usd)
        token, units = self._token(intent.symbol), self._units(intent.symbol, tokens)
        if intent.action is Action.SUPPLY_FOR:
            data = encode_call(SUPPLY, token, units, plan.account, 0)
            change = Change(row=intent.row, symbol=intent.symbol, supplied=tokens)
        else:
            data = encode_call(REPAY, token, units, VARIABLE_RATE, plan.account)
            change = Change(row=intent.row, symbol=intent.symbol, owed=-tokens)
        transaction = Transaction(sender=self.helper, to=self._pool, data=data, gas=POOL_GAS)
        return [
            *self._prepare(self.helper, self.helper, intent.symbol, None),
            PlannedTransaction(action=intent.action, transaction=transaction, changes=(change,)),
        ]
