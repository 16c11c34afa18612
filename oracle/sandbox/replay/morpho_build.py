"""The Morpho Blue part of a replayed chain: what is chosen of the data, when it is, and whether the singleton ends up as planned."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, cast

from rich.console import Console
from rich.table import Table

from oracle.domain.units import DAY_S
from oracle.errors import ChainProcessError
from oracle.sandbox.aave import Deployer
from oracle.sandbox.accounts import derive_account
from oracle.sandbox.chains import AnvilChain
from oracle.sandbox.deploy import BaseDeployment
from oracle.sandbox.jsonrpc import encode_call
from oracle.sandbox.manifest import BorrowerEntry, ManifestModel, MorphoEntry, MorphoMarketEntry, TokenEntry
from oracle.sandbox.morpho import SHARES_PER_UNIT
from oracle.sandbox.replay.execute import ReplayProgress
from oracle.sandbox.replay.morpho_planner import MorphoPlan, MorphoReason, end_of_hour_s, plan_morpho
from oracle.sandbox.replay.morpho_rows import (
    COLLATERALS,
    LOAN_DECIMALS,
    choose_borrowers,
    find_window_start_s,
    read_morpho_rows,
)
from oracle.sandbox.replay.morpho_source import LABELS, MorphoSource, MorphoWorld, deploy_morpho_world
from oracle.sandbox.replay.spec import ReplaySpec
from oracle.sandbox.replay.steps import ReplayStep

DATASET = "morpho-blue-base"
BEHAVIOUR = "morpho"
ISSUER_RISK = 2
BRIDGE_RISK = 1
"""Above those of WETH and WBTC, which stay what ETH and BTC are measured by."""


class MorphoOutcome(ManifestModel):
    """How many rows of a kind came to what."""

    kind: str
    reason: str
    rows: int


class MorphoReport(ManifestModel):
    """What was replayed of Morpho Blue, and what was not. Debts and collateral are upper bounds: the data have no repayments and no withdrawals."""

    dataset: str
    chain_id: int
    shift_s: int
    borrowers: int
    borrowers_in_data: int
    refused: int
    bad_debts: int
    outcomes: tuple[MorphoOutcome, ...]

    def print(self, console: Console) -> None:
        """Print the counts, and what they are worth."""
        title = (
            f"Replay of {self.dataset} on chain {self.chain_id}: {self.borrowers} of {self.borrowers_in_data} borrowers"
        )
        table = Table(title=title, title_justify="left")
        for column in ("row", "what became of it", "rows"):
            table.add_column(column, justify="right" if column == "rows" else "left")
        for outcome in self.outcomes:
            table.add_row(outcome.kind, outcome.reason, str(outcome.rows))
        console.print(table)
        console.print(
            f"Refused by Morpho although planned: {self.refused}; bad debts: {self.bad_debts}. The data have no repayments and no "
            "withdrawals: debts and collateral are upper bounds.",
            soft_wrap=True,
        )


@dataclass(frozen=True, kw_only=True)
class MorphoJob:
    """What to replay on one chain. Steps are `moved_s` later than the data's rows, to stand among the vaults' steps, and begin after `first_s`."""

    chain_id: int
    plan: MorphoPlan
    numbers: Mapping[str, int]
    moved_s: int
    first_s: int

    @property
    def first_prices_usd_e8(self) -> dict[str, int]:
        """Return the answers that the feeds are deployed with."""
        return {c.symbol: self.plan.answer_at(c.symbol, self.first_s - self.moved_s) for c in COLLATERALS}

    @property
    def last_prices_usd_e8(self) -> dict[str, int]:
        """Return the last answers of the feeds."""
        return {c.symbol: self.plan.answer_at(c.symbol, self.plan.answers[-1][0]) for c in COLLATERALS}

    async def deploy(self, chain: AnvilChain, base: BaseDeployment, seed: int) -> MorphoWorld:
        """Deploy tokens, feeds, singleton and markets."""
        _, head_s = await chain.fetch_head()
        nonce = int(await chain.rpc("eth_getTransactionCount", base.deployer.address, "latest"), 16)
        deployer = Deployer(chain=chain, address=base.deployer.address, clock_s=head_s, nonce=nonce)
        treasury = derive_account(seed, "treasury").address
        world = await deploy_morpho_world(
            deployer, base, fee_recipient=treasury, prices_usd_e8=self.first_prices_usd_e8
        )
        chain.forget_nonces()
        return world

    def source(self, base: BaseDeployment, world: MorphoWorld, seed: int) -> MorphoSource:
        """Return what writes the transactions."""
        return MorphoSource(base=base, world=world, seed=seed, plan=self.plan, numbers=self.numbers)

    def list_steps(self, source: MorphoSource) -> Iterator[ReplayStep]:
        """Yield the steps at the times of the vaults' data."""
        for step in source.list_steps(after_s=self.first_s - self.moved_s):
            yield ReplayStep(time_s=step.time_s + self.moved_s, transactions=step.transactions)

    async def check_positions(self, chain: AnvilChain, source: MorphoSource, progress: ReplayProgress) -> None:
        """Compare every position with its plan. Raises: ChainProcessError. One of which the chain refused something is known to differ."""
        refused = {r.owner_id for r in progress.refusals if r.label in LABELS.values()}
        places = [key for key in sorted(self.plan.positions) if self.numbers[key[0]] not in refused]
        singleton = source.world.deployment.morpho
        calls = [(singleton, _position_call(source, borrower, symbol)) for borrower, symbol in places]
        found = await chain.client.read_many(calls, ("uint256", "uint128", "uint128"))
        for place, (_, shares, collateral) in zip(places, found, strict=True):
            wanted = self.plan.positions[place]
            if (int(collateral), int(shares)) != (wanted.collateral_amount, wanted.debt_amount * SHARES_PER_UNIT):
                raise ChainProcessError(
                    self.chain_id,
                    f"borrower {place[0]} holds {collateral} {place[1]} and owes {shares} shares, planned were {wanted}",
                )

    def describe(self, world: MorphoWorld) -> tuple[tuple[TokenEntry, ...], MorphoEntry]:
        """Return the entries of the tokens and of the singleton."""
        prices, no_token = self.last_prices_usd_e8, ""
        tokens = tuple(
            TokenEntry(
                symbol=c.symbol, address=world.tokens[c.symbol], decimals=c.decimals, feed=world.feeds[c.symbol],
                numeraire=cast("Literal['USD', 'ETH', 'BTC']", c.numeraire), issuer_risk=ISSUER_RISK,
                bridge_risk=BRIDGE_RISK, price_usd_e8=prices[c.symbol], a_token=no_token, variable_debt_token=no_token,
            )
            for c in COLLATERALS
        )  # fmt: skip
        markets = tuple(
            MorphoMarketEntry(
                market_id="0x" + m.market_id.hex(), collateral=m.collateral, loan=m.loan, oracle=m.params[2],
                irm=m.params[3], lltv_wad=str(m.params[4]),
            )
            for m in world.deployment.markets
        )  # fmt: skip
        singleton = world.deployment
        return tokens, MorphoEntry(singleton=singleton.morpho, start_block=singleton.start_block, markets=markets)

    def describe_borrowers(self, source: MorphoSource) -> list[BorrowerEntry]:
        """Return every borrower with what he owes at the end, whole dollars of all his markets."""
        debts: dict[str, int] = {}
        liquidations: dict[str, int] = {}
        for (borrower, _), position in self.plan.positions.items():
            debts[borrower] = debts.get(borrower, 0) + position.debt_amount
        for action in self.plan.actions:
            if action.repaid_amount:
                liquidations[action.borrower] = liquidations.get(action.borrower, 0) + 1
        return [
            BorrowerEntry(
                address=source.address_of(borrower), owner=source.address_of(borrower), behaviour=BEHAVIOUR,
                chain_ids=(self.chain_id,), has_code=False, liquidations=liquidations.get(borrower, 0),
                debt_usd=debt // 10**LOAN_DECIMALS,
            )
            for borrower, debt in sorted(debts.items())
        ]  # fmt: skip

    def report(self, progress: ReplayProgress, shift_s: int) -> MorphoReport:
        """Return what was done, and what was not."""
        return MorphoReport(
            dataset=DATASET, chain_id=self.chain_id, shift_s=self.moved_s + shift_s,
            borrowers=len({borrower for borrower, _ in self.plan.positions}), borrowers_in_data=len(self.numbers),
            refused=sum(r.label in LABELS.values() for r in progress.refusals), bad_debts=self.plan.bad_debt_count,
            outcomes=tuple(
                MorphoOutcome(kind=kind, reason=reason, rows=rows)
                for (kind, reason), rows in sorted(self.plan.outcomes.items(), key=lambda item: _rank(*item[0]))
            ),
        )  # fmt: skip


def read_morpho_job(spec: ReplaySpec, *, first_s: int, last_s: int) -> MorphoJob | None:
    """Return what to replay on the last chain so that it ends at `last_s` (both are times of the vaults' data); None without data or borrowers.

    Times move by whole days, as the vaults' do: midnights stay midnights.
    """
    rows = read_morpho_rows(spec.dataset)
    count = min(spec.morpho_borrowers, spec.limit if spec.limit is not None else spec.morpho_borrowers)
    if not rows or count == 0:
        return None
    until_s = None if spec.days is None else find_window_start_s(rows) + spec.days * DAY_S
    everyone = sorted({row.borrower for row in rows})
    chosen = choose_borrowers(rows, count)
    plan = plan_morpho(rows, frozenset(chosen), until_s=until_s)
    ends_s = end_of_hour_s(max(row.time_s for row in rows if until_s is None or row.time_s < until_s))
    return MorphoJob(
        chain_id=spec.chain_ids[-1], plan=plan, numbers={borrower: i for i, borrower in enumerate(everyone)},
        moved_s=(last_s - ends_s) // DAY_S * DAY_S, first_s=first_s,
    )  # fmt: skip


def _position_call(source: MorphoSource, borrower: str, symbol: str) -> bytes:
    return encode_call("position(bytes32,address)", source.world.market(symbol).market_id, source.address_of(borrower))


def _rank(kind: str, reason: str) -> tuple[str, int]:
    return kind, [str(r) for r in MorphoReason].index(reason)
