"""Builds a replayed history: plans every vault, runs the chains side by side, checks the outcome, and describes it as any other history.

Times move by whole days, so that midnights stay midnights; the shift is kept with the checkpoints, and a replay that was killed goes on with it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import orjson

from oracle.domain.units import DAY_S, HOUR_S
from oracle.errors import ChainProcessError
from oracle.sandbox.aave import BLOCK_S
from oracle.sandbox.chains import GENERATED_STATES, AnvilChain
from oracle.sandbox.deploy import FUNDING_WEI, BaseDeployment, deploy_base
from oracle.sandbox.history import END_LAG_S, SETUP_S, Progress, state_path
from oracle.sandbox.jsonrpc import encode_call
from oracle.sandbox.manifest import WorldManifest
from oracle.sandbox.replay.arithmetic import replay_reserves
from oracle.sandbox.replay.checkpoint import CheckpointStore
from oracle.sandbox.replay.dataset import VaultRow, read_vault_rows
from oracle.sandbox.replay.describe import BuiltChain, describe_replay
from oracle.sandbox.replay.execute import ChainReplay
from oracle.sandbox.replay.morpho_build import MorphoJob, read_morpho_job
from oracle.sandbox.replay.morpho_source import MorphoWorld
from oracle.sandbox.replay.planner import VaultPlan
from oracle.sandbox.replay.prices import ReplayPrices
from oracle.sandbox.replay.spec import LEAD_DAYS, ReplaySpan, ReplaySpec
from oracle.sandbox.replay.steps import ReplayStep, merge_steps
from oracle.sandbox.replay.vaults import COLLATERAL, DEBT, VaultSource, choose_rows, plan_chains, vault_account

SHIFT_FILE = "shift.json"
RESUMED_WITHIN_S = DAY_S


async def build_replay(
    spec: ReplaySpec, folder: Path, *, key: str, on_progress: Progress | None = None
) -> WorldManifest:
    """Replay on all chains at the same time, write their states and the report to `folder`; go on where a killed replay stopped.

    Raises:
        ConfigurationError: if the data are not there.
        ChainProcessError: if a chain ends up with other balances than planned.
    """
    rows = read_vault_rows(spec.dataset)
    rows_of = choose_rows(spec, rows)
    prices = ReplayPrices.read(spec.dataset)
    span = _choose_span(spec, folder, rows)
    plans = plan_chains(spec, rows_of, prices.weth_at)
    morpho = read_morpho_job(spec, first_s=span.first_s, last_s=span.last_s)
    built = await asyncio.gather(
        *(
            _ChainBuild(
                spec, folder, span, prices, chain_id, plans[chain_id], on_progress,
                morpho if morpho is not None and morpho.chain_id == chain_id else None,
            ).run()
            for chain_id in spec.chain_ids
        )
    )  # fmt: skip
    manifest, report = describe_replay(spec, key, span, rows_of, plans, built, morpho)
    report.write(folder)
    for chain_id in spec.chain_ids:
        CheckpointStore(folder, chain_id).forget()
    (folder / SHIFT_FILE).unlink(missing_ok=True)
    return manifest


def _choose_span(spec: ReplaySpec, folder: Path, rows: Sequence[VaultRow]) -> ReplaySpan:
    start_s = min(row.time_s for row in rows)
    end_s = max(row.time_s for row in rows if spec.days is None or row.time_s < start_s + spec.days * DAY_S)
    limit_s = spec.end_s if spec.end_s is not None else choose_limit_s(folder, now_s=int(time.time()))
    shift_s = (limit_s - end_s) // DAY_S * DAY_S
    return ReplaySpan(
        first_s=start_s // DAY_S * DAY_S - LEAD_DAYS * DAY_S, rows_start_s=start_s, rows_end_s=end_s,
        last_s=(limit_s - shift_s) // HOUR_S * HOUR_S, shift_s=shift_s,
    )  # fmt: skip


def choose_limit_s(folder: Path, *, now_s: int) -> int:
    """Return where a history ends at most: where the killed replay of this folder was to end, however often it was started again.

    One that began too long ago starts over: its checkpoints are removed.
    """
    path = folder / SHIFT_FILE
    if path.is_file():
        kept_s = int(orjson.loads(path.read_bytes())["limit_s"])
        if now_s - kept_s < RESUMED_WITHIN_S:
            return kept_s
        for chain_record in folder.glob("checkpoint-*"):
            chain_record.unlink()
    limit_s = now_s - END_LAG_S
    path.write_bytes(orjson.dumps({"limit_s": limit_s}))
    return limit_s


class _ChainBuild:
    """The replay of one chain from nothing, or from its checkpoint, to its state file."""

    def __init__(
        self, spec: ReplaySpec, folder: Path, span: ReplaySpan, prices: ReplayPrices, chain_id: int,
        plans: Sequence[VaultPlan], on_progress: Progress | None, morpho: MorphoJob | None,
    ) -> None:  # fmt: skip
        self._spec = spec
        self._folder = folder
        self._span = span
        self._prices = prices
        self._chain_id = chain_id
        self._plans = plans
        self._on_progress = on_progress
        self._morpho = morpho
        self._checkpoints = CheckpointStore(folder, chain_id)

    async def run(self) -> BuiltChain:
        genesis_s = self._span.first_s + self._span.shift_s - SETUP_S
        # Nothing happens on the root: a chain that forks it is spared the root of its whole state at each of 28,000 blocks.
        root = await AnvilChain.start(self._chain_id, directory=self._folder / "root", genesis_s=genesis_s)
        try:
            return await self._run_on_fork(root)
        finally:
            await root.stop()

    async def _run_on_fork(self, root: AnvilChain) -> BuiltChain:
        saved = self._checkpoints.read()
        chain = await AnvilChain.start(
            self._chain_id, directory=self._folder, genesis_s=0, fork_url=root.url, kept_states=GENERATED_STATES,
            state_path=None if saved is None else self._checkpoints.state_path(saved),
        )  # fmt: skip
        try:
            if saved is None:
                base = await self._deploy(chain)
                morpho = None if self._morpho is None else await self._morpho.deploy(chain, base, self._spec.seed)
                replay, first_step = await ChainReplay.start(chain, shift_s=self._span.shift_s), 0
                await self._set_up(chain, replay, base, morpho)
            else:
                base, morpho, first_step = saved.base, saved.morpho, saved.next_step
                replay = ChainReplay(chain, saved.progress, shift_s=self._span.shift_s)
            await self._run_steps(chain, base, morpho, replay, first_step)
            await self._check_balances(chain, base, replay)
            if self._morpho is not None and morpho is not None:
                source = self._morpho.source(base, morpho, self._spec.seed)
                await self._morpho.check_positions(chain, source, replay.progress)
            await replay.finish()
            block, time_s = await chain.fetch_head()
            await chain.dump_state(state_path(self._folder, self._chain_id))
        finally:
            await chain.stop()
        return BuiltChain(
            chain_id=self._chain_id, base=base, progress=replay.progress, end_block=block, end_s=time_s,
            prices_usd_e8=self._prices.at(self._span.last_s), morpho=morpho,
        )  # fmt: skip

    async def _deploy(self, chain: AnvilChain) -> BaseDeployment:
        return await deploy_base(
            chain, seed=self._spec.seed, prices_usd_e8=self._prices.at(self._span.first_s), liquidity_scale=1.0,
            reserves=replay_reserves(),
        )  # fmt: skip

    def _source(self, base: BaseDeployment) -> VaultSource:
        return VaultSource(base=base, seed=self._spec.seed, plans=self._plans, price_at=self._prices.weth_at)

    async def _set_up(
        self, chain: AnvilChain, replay: ChainReplay, base: BaseDeployment, morpho: MorphoWorld | None
    ) -> None:
        vaults = self._source(base)
        _, head_s = await chain.fetch_head()
        await chain.fund(vaults.list_senders(), FUNDING_WEI)
        await replay.execute([(head_s + BLOCK_S, vaults.list_setup())])
        if self._morpho is not None and morpho is not None:
            source = self._morpho.source(base, morpho, self._spec.seed)
            await chain.fund(source.list_senders(), FUNDING_WEI)
            await replay.execute([(head_s + 2 * BLOCK_S, tuple(source.list_setup()))])

    def _list_steps(self, base: BaseDeployment, morpho: MorphoWorld | None) -> list[ReplayStep]:
        span = self._span
        updates = self._prices.list_steps(base.deployer.address, base.feeds, first_s=span.first_s, last_s=span.last_s)
        sources = [updates, self._source(base).list_steps()]
        if self._morpho is not None and morpho is not None:
            sources.append(self._morpho.list_steps(self._morpho.source(base, morpho, self._spec.seed)))
        return list(merge_steps(*sources))

    async def _run_steps(
        self, chain: AnvilChain, base: BaseDeployment, morpho: MorphoWorld | None, replay: ChainReplay, first_step: int
    ) -> None:
        steps = self._list_steps(base, morpho)
        saved_at = first_step

        async def on_chunk(next_step: int) -> None:
            nonlocal saved_at
            if self._on_progress is not None:
                self._on_progress(self._chain_id, next_step, len(steps))
            if next_step - saved_at >= self._spec.checkpoint_steps and next_step < len(steps):
                await self._checkpoints.save(chain, base, next_step, replay.progress, morpho=morpho)
                saved_at = next_step

        await replay.run(steps, first_step=first_step, on_chunk=on_chunk)

    async def _check_balances(self, chain: AnvilChain, base: BaseDeployment, replay: ChainReplay) -> None:
        """Compare what each vault holds and owes with its plan. A vault of which the chain refused something is known to differ."""
        refused = {refusal.owner_id for refusal in replay.progress.refusals}
        plans = [plan for plan in self._plans if plan.vault_id not in refused]
        held = await self._read_balances(chain, base.aave.reserve_tokens[COLLATERAL][0], plans)
        owed = await self._read_balances(chain, base.aave.reserve_tokens[DEBT][2], plans)
        for plan, collateral, debt in zip(plans, held, owed, strict=True):
            if (collateral, debt) != (plan.collateral_wad, plan.debt_wad):
                raise ChainProcessError(
                    self._chain_id,
                    f"vault {plan.vault_id} holds {collateral} and owes {debt}, planned were {plan.collateral_wad} and {plan.debt_wad}",
                )

    async def _read_balances(self, chain: AnvilChain, token: str, plans: Sequence[VaultPlan]) -> list[int]:
        addresses = self._addresses(plans)
        calls = [(token, encode_call("balanceOf(address)", addresses[plan.vault_id])) for plan in plans]
        return [int(balance) for (balance,) in await chain.client.read_many(calls, ("uint256",))]

    def _addresses(self, plans: Sequence[VaultPlan]) -> Mapping[int, str]:
        return {plan.vault_id: vault_account(self._spec.seed, plan.vault_id).address for plan in plans}
