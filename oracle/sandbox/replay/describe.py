"""From what was replayed to `world.json` and to the report beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from oracle.domain.units import WAD
from oracle.sandbox.deploy import BaseDeployment
from oracle.sandbox.manifest import AccountEntry, ActivityReport, BorrowerEntry, ChainEntry, ReplayEntry, WorldManifest
from oracle.sandbox.manifest_entries import describe_accounts, describe_chain, describe_known, merge_borrowers
from oracle.sandbox.replay.arithmetic import AaveAccount
from oracle.sandbox.replay.dataset import RowKind, VaultRow
from oracle.sandbox.replay.execute import ReplayProgress
from oracle.sandbox.replay.morpho_build import MorphoJob
from oracle.sandbox.replay.morpho_source import MorphoWorld
from oracle.sandbox.replay.planner import VaultPlan
from oracle.sandbox.replay.report import REPORT_FILE, ReplayReport, VaultReport, describe_vaults
from oracle.sandbox.replay.spec import ReplaySpan, ReplaySpec
from oracle.sandbox.replay.vaults import COLLATERAL, vault_account

DATASET = "maker-eth-b"
BEHAVIOUR = "vault"
LEAST_SHOWN_DEBT_WAD = 1_000 * WAD

type Plans = Mapping[int, Sequence[VaultPlan]]


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltChain:
    """One chain at the end of its replay."""

    chain_id: int
    base: BaseDeployment
    progress: ReplayProgress
    end_block: int
    end_s: int
    prices_usd_e8: Mapping[str, int]
    morpho: MorphoWorld | None = None


def describe_replay(
    spec: ReplaySpec,
    key: str,
    span: ReplaySpan,
    rows_of: Mapping[int, Sequence[VaultRow]],
    plans: Plans,
    built: Sequence[BuiltChain],
    morpho: MorphoJob | None,
) -> tuple[WorldManifest, ReplayReport]:
    """Return the manifest without URLs, and the report."""
    addresses = {vault_id: vault_account(spec.seed, vault_id).address for vault_id in rows_of}
    vaults = describe_vaults(rows_of, plans, {chain.chain_id: chain.progress for chain in built}, addresses)
    entry = _describe_source(spec, span, vaults)
    borrowers = [_describe_borrower(spec, chain.chain_id, plan) for chain in built for plan in plans[chain.chain_id]]
    for chain in built:
        if morpho is not None and chain.morpho is not None:
            borrowers += morpho.describe_borrowers(morpho.source(chain.base, chain.morpho, spec.seed))
    manifest = WorldManifest(
        seed=spec.seed,
        world_key=key,
        chains=tuple(_describe_chain(chain, span, morpho) for chain in built),
        accounts=(*describe_accounts(spec), *_describe_representatives(spec, plans, built)),
        borrowers=merge_borrowers(borrowers),
        activity=tuple(_describe_activity(chain, plans[chain.chain_id]) for chain in built),
        replay=entry,
    )
    executed: dict[str, int] = {}
    for chain in built:
        for label, count in chain.progress.transactions.items():
            executed[label] = executed.get(label, 0) + count
    reports = [morpho.report(c.progress, span.shift_s) for c in built if morpho is not None and c.morpho is not None]
    return manifest, ReplayReport(
        summary=entry, transactions=executed, vaults=vaults, morpho=reports[0] if reports else None
    )


def _describe_source(spec: ReplaySpec, span: ReplaySpan, vaults: Sequence[VaultReport]) -> ReplayEntry:
    return ReplayEntry(
        dataset=DATASET, is_synthetic=spec.both_chains, shift_s=span.shift_s, data_start_s=span.rows_start_s,
        data_end_s=span.rows_end_s, vaults=len(vaults), exact_vaults=sum(vault.is_exact for vault in vaults),
        liquidated_vaults=sum(vault.is_liquidated for vault in vaults), rows=sum(vault.rows for vault in vaults),
        replayed_rows=sum(vault.replayed for vault in vaults), report=REPORT_FILE,
    )  # fmt: skip


def _describe_chain(chain: BuiltChain, span: ReplaySpan, morpho: MorphoJob | None) -> ChainEntry:
    entry = describe_chain(
        chain.chain_id, chain.base, chain.prices_usd_e8, history_start_s=span.first_s + span.shift_s,
        history_end_s=chain.end_s, history_end_block=chain.end_block,
    )  # fmt: skip
    if morpho is None or chain.morpho is None:
        return entry
    tokens, singleton = morpho.describe(chain.morpho)
    return entry.model_copy(update={"tokens": (*entry.tokens, *tokens), "morpho": singleton})


def _describe_borrower(spec: ReplaySpec, chain_id: int, plan: VaultPlan) -> BorrowerEntry:
    address = vault_account(spec.seed, plan.vault_id).address
    return BorrowerEntry(
        address=address, owner=address, behaviour=BEHAVIOUR, chain_ids=(chain_id,), has_code=False,
        liquidations=int(plan.is_liquidated), debt_usd=plan.debt_wad // WAD, vault_id=plan.vault_id,
    )  # fmt: skip


def _describe_activity(chain: BuiltChain, plans: Sequence[VaultPlan]) -> ActivityReport:
    progress = chain.progress
    failures: dict[str, int] = {}
    for refusal in progress.refusals:
        failures[refusal.label] = failures.get(refusal.label, 0) + 1
    return ActivityReport(
        chain_id=chain.chain_id, blocks=chain.end_block, transactions=sum(progress.transactions.values()),
        failed_transactions=len(progress.refusals), failures=failures,
        actions={str(kind): progress.transactions.get(kind, 0) for kind in RowKind},
        liquidations=progress.transactions.get(RowKind.LIQUIDATION, 0) - failures.get(RowKind.LIQUIDATION, 0),
        liquidated_borrowers=sum(plan.is_liquidated for plan in plans),
    )  # fmt: skip


def _describe_representatives(spec: ReplaySpec, plans: Plans, built: Sequence[BuiltChain]) -> list[AccountEntry]:
    """Return the open vaults with the highest and the lowest health factor when the history ends, with their keys."""
    health: dict[int, int] = {}
    for chain in built:
        price = chain.prices_usd_e8[COLLATERAL]
        for plan in plans[chain.chain_id]:
            if plan.debt_wad >= LEAST_SHOWN_DEBT_WAD:
                account = AaveAccount(collateral_wad=plan.collateral_wad, debt_wad=plan.debt_wad)
                health[plan.vault_id] = min(account.health_factor_wad(price), health.get(plan.vault_id, 2**256))
    if not health:
        return []
    chosen = {"safe": max(health, key=health.__getitem__), "risky": min(health, key=health.__getitem__)}
    return [describe_known(spec.seed, "vault", vault_id, label) for label, vault_id in chosen.items()]
