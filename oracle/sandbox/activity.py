"""The generated history of one chain: prices move, borrowers act, a liquidator liquidates, third parties meddle.

At every price step one block writes the feeds and, if anyone acts, a second block follows within the same hour. Borrowers decide on an
estimate of their position; the liquidator asks the chain. Every receipt is looked at: failures are counted by action.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from random import Random

from oracle.domain.units import DAY_S, WAD
from oracle.sandbox.aave import Deployer
from oracle.sandbox.accounts import derive_account
from oracle.sandbox.chains import AnvilChain
from oracle.sandbox.decisions import Action, BorrowerPlan, Intent, decide, draw_plan
from oracle.sandbox.deploy import FUNDING_WEI, BaseDeployment, deploy_accounts, update_feed
from oracle.sandbox.jsonrpc import encode_call
from oracle.sandbox.manifest import ActivityReport
from oracle.sandbox.population import Borrower
from oracle.sandbox.portfolio import SYMBOLS, Portfolio
from oracle.sandbox.prices import PriceStep
from oracle.sandbox.reserves import RESERVE_BY_SYMBOL
from oracle.sandbox.transactions import PlannedTransaction, TransactionWriter

USER_ACCOUNT_DATA = ("uint256",) * 6
CHECK_BELOW = 1.004
LIQUIDATION_CHANCE = 0.9
SMALLEST_LIQUIDATION_USD = 30.0
HELP_CHANCE = 0.03
LATEST_ACTION_S = 2_400
"""Borrowers act at most this long after the hour at which prices moved."""
DELEGATION_PREFIX = "0xef0100"


class ChainActivity:
    """Generates the history of one chain. `run` does all of it."""

    def __init__(self, chain: AnvilChain, base: BaseDeployment, *, seed: int, borrowers: Sequence[Borrower]) -> None:
        self.chain = chain
        self.base = base
        self.borrowers = [b for b in borrowers if chain.chain_id in b.chain_ids]
        self.portfolio = Portfolio(len(self.borrowers))
        self.plans: list[BorrowerPlan] = []
        self.actions: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        self.liquidated: Counter[int] = Counter()
        self.transactions = 0
        self._random = Random(f"activity/{seed}/{chain.chain_id}")
        self._cold_wallet = derive_account(seed, "cold-wallet").address
        self._writer = TransactionWriter(
            base=base,
            liquidator=derive_account(seed, "liquidator").address,
            helper=derive_account(seed, "helper").address,
        )

    async def run(
        self, path: Sequence[PriceStep], deployer: Deployer, on_progress: Callable[[int, int, int], None] | None = None
    ) -> ActivityReport:
        """Generate the history along `path`; its first step is what the feeds hold already."""
        await self._prepare(deployer, steps=len(path))
        for index in range(1, len(path)):
            if on_progress is not None:
                on_progress(self.chain.chain_id, index, len(path))
            await self._step(index, path[index], step_days=(path[index].time_s - path[index - 1].time_s) / DAY_S)
        block, _ = await self.chain.fetch_head()
        return ActivityReport(
            chain_id=self.chain.chain_id,
            blocks=block,
            transactions=self.transactions,
            failed_transactions=sum(self.failures.values()),
            failures=dict(sorted(self.failures.items())),
            actions=dict(sorted(self.actions.items())),
            liquidations=sum(self.liquidated.values()),
            liquidated_borrowers=len(self.liquidated),
        )

    async def _prepare(self, deployer: Deployer, *, steps: int) -> None:
        owners = [b.owner for b in self.borrowers]
        await self.chain.fund([*owners, self._writer.liquidator, self._writer.helper], FUNDING_WEI)
        contracts = await deploy_accounts(deployer, [b.owner for b in self.borrowers if b.has_code])
        for row, borrower in enumerate(self.borrowers):
            account = contracts.get(borrower.owner, borrower.owner)
            if borrower.is_delegated:
                delegate = next(iter(contracts.values()), self.base.aave.pool)
                await self.chain.rpc("anvil_setCode", account, DELEGATION_PREFIX + delegate[2:])
            self.plans.append(draw_plan(self._random, borrower, row=row, account=account, steps=steps))

    async def _step(self, index: int, step: PriceStep, *, step_days: float) -> None:
        owner = self.base.deployer.address
        updates = [update_feed(owner, self.base.feeds[s], answer) for s, answer in step.answers_usd_e8.items()]
        receipts = await self.chain.execute(updates, step.time_s)
        self.transactions += len(receipts)
        self.failures.update("feed" for receipt in receipts if receipt["status"] != "0x1")
        self.portfolio.set_prices(step.prices_usd_e8)
        self._writer.prices_usd_e8 = step.prices_usd_e8
        if step.time_s % DAY_S == 0:
            await self._refresh_indices()
        intents = await self._decide(index, step_days)
        planned = [p for intent in intents for p in self._write(intent)]
        if planned:
            await self._execute(planned, step.time_s + self._random.randint(60, LATEST_ACTION_S))

    async def _decide(self, index: int, step_days: float) -> list[Intent]:
        health = self.portfolio.health()
        intents = []
        for plan, value in zip(self.plans, health.tolist(), strict=True):
            fetch_view = partial(self.portfolio.borrower, plan.row)
            intent = decide(self._random, plan, value, fetch_view, step=index, step_days=step_days)
            if intent is not None:
                intents.append(intent)
        busy = {intent.row for intent in intents}
        unhealthy = [plan.row for plan, value in zip(self.plans, health.tolist(), strict=True) if value < CHECK_BELOW]
        intents += await self._find_liquidations([row for row in unhealthy if row not in busy])
        helped = self._meddle(busy | set(unhealthy))
        return intents + helped

    async def _find_liquidations(self, rows: Sequence[int]) -> list[Intent]:
        if not rows:
            return []
        calls = [
            (self.base.aave.pool, encode_call("getUserAccountData(address)", self.plans[row].account)) for row in rows
        ]
        answers = await self.chain.client.read_many(calls, USER_ACCOUNT_DATA)
        intents = []
        for row, (collateral_e8, debt_e8, *_, health_wad) in zip(rows, answers, strict=True):
            if health_wad >= WAD or debt_e8 < SMALLEST_LIQUIDATION_USD * 1e8 or collateral_e8 == 0:
                continue
            view = self.portfolio.borrower(row)
            if self._random.random() < LIQUIDATION_CHANCE:
                intents.append(
                    Intent(action=Action.LIQUIDATE, row=row, symbol=view.main_collateral, other=view.main_debt)
                )
        return intents

    def _meddle(self, busy: set[int]) -> list[Intent]:
        """A third party supplies dust for someone, or repays a little of another's debt."""
        open_rows = [plan.row for plan in self.plans if plan.opened and not plan.closed and plan.row not in busy]
        if not open_rows or self._random.random() > HELP_CHANCE:
            return []
        row = self._random.choice(open_rows)
        view = self.portfolio.borrower(row)
        if view.debt_usd > 100.0 and self._random.random() < 0.5:
            amount = 0.03 * view.debt[view.main_debt]
            return [Intent(action=Action.REPAY_FOR, row=row, symbol=view.main_debt, amount_usd=amount)]
        symbol = self._random.choice(SYMBOLS)
        return [Intent(action=Action.SUPPLY_FOR, row=row, symbol=symbol, amount_usd=self._random.uniform(1.0, 40.0))]

    def _write(self, intent: Intent) -> list[PlannedTransaction]:
        plan = self.plans[intent.row]
        recipient: tuple[str, int | None] = (self._cold_wallet, None)
        if intent.action is Action.TRANSFER and self._random.random() < 0.3:
            other = self._random.choice(self.plans)
            if other.row != intent.row:
                recipient = (other.account, other.row)
        if intent.action is Action.OPEN:
            plan.opened, plan.closed = True, False
        return self._writer.write(intent, plan, recipient)

    async def _execute(self, planned: Sequence[PlannedTransaction], timestamp_s: int) -> None:
        receipts = await self.chain.execute([p.transaction for p in planned], timestamp_s)
        self.transactions += len(receipts)
        stale: list[int] = []
        for plan, receipt in zip(planned, receipts, strict=True):
            if receipt["status"] != "0x1":
                self.failures[plan.action] += 1
                continue
            if plan.changes:
                self.actions[plan.action] += 1
            for change in plan.changes:
                if change.resync:
                    self.liquidated[change.row] += 1
                    stale.append(change.row)
                    continue
                self.portfolio.change(change.row, change.symbol, supplied=change.supplied, owed=change.owed)
                if change.as_collateral is not None:
                    self.portfolio.set_collateral(change.row, change.symbol, change.as_collateral)
                if plan.action is Action.CLOSE:
                    self.plans[change.row].closed = self.portfolio.borrower(change.row).debt_usd < 0.01
        await self._resync(stale)

    async def _resync(self, rows: Sequence[int]) -> None:
        """Read balances of liquidated borrowers from Aave's tokens."""
        tokens = [self.base.aave.reserve_tokens[symbol] for symbol in SYMBOLS]
        for row in rows:
            balance = encode_call("balanceOf(address)", self.plans[row].account)
            calls = [(t[0], balance) for t in tokens] + [(t[2], balance) for t in tokens]
            answers = await self.chain.client.read_many(calls, ("uint256",))
            scales = [10.0 ** RESERVE_BY_SYMBOL[symbol].decimals for symbol in SYMBOLS]
            amounts = [answer[0] / scale for answer, scale in zip(answers, scales * 2, strict=True)]
            self.portfolio.replace(row, amounts[: len(SYMBOLS)], amounts[len(SYMBOLS) :])

    async def _refresh_indices(self) -> None:
        pool = self.base.aave.pool
        calls = [
            (pool, encode_call(f"{name}(address)", self.base.tokens[symbol]))
            for name in ("getReserveNormalizedIncome", "getReserveNormalizedVariableDebt")
            for symbol in SYMBOLS
        ]
        values = [answer[0] for answer in await self.chain.client.read_many(calls, ("uint256",))]
        self.portfolio.set_indices(values[: len(SYMBOLS)], values[len(SYMBOLS) :])
