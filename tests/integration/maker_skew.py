"""Puts the numbers of a fee-free twin of the Maker adapter beside those that the node's code reads from the replayed chains, vault by vault.

Times differ by the replay's shift, chains, blocks and addresses by what they are: everything else has to be equal, to the last bit of every vector.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from oracle.chain.histories import build_histories, list_candidates
from oracle.chain.reader import project_cut
from oracle.domain.event import EventKind, LendingEvent
from oracle.domain.ids import SubjectId, borrower_subject, parse_address
from oracle.domain.position import PositionSample
from oracle.domain.report import Cut
from oracle.domain.units import DAY_S, ChainId, Epoch, TimestampS
from oracle.features.borrower import compute_borrower_vector
from oracle.sandbox.manifest import ReplayEntry
from oracle.sandbox.replay.report import ReplayReport, VaultReport
from oracle.sandbox.world import World
from tests.integration.chain_world import EPOCH_S, make_config, opened_readers, params_of
from training.datasets.canonical import Borrower, Dataset
from training.datasets.maker import vault_address
from training.datasets.maker_on_aave import read_maker_on_aave
from training.histories import Snapshot, take_snapshot

type Vector = tuple[int, ...]

LISTED_DAYS = 365


@dataclass(frozen=True, kw_only=True)
class ChainSide:
    """What the node's code has of each vault: events and samples at the last cut, vectors by cut; times are the data's."""

    events: Mapping[int, Sequence[LendingEvent]]
    samples: Mapping[int, Sequence[PositionSample]]
    vectors: Mapping[int, Mapping[int, Vector]]


@dataclass(kw_only=True)
class Comparison:
    """Vaults by what came of the comparison; reasons of the replay's report for those that differ, or are not compared."""

    equal: list[int] = field(default_factory=list)
    unlisted: list[int] = field(default_factory=list)
    different: dict[int, str] = field(default_factory=dict)
    vectors: int = 0
    listed: dict[int, set[int]] = field(default_factory=dict)
    """Vaults that the node lists, by cut."""
    expected: dict[int, set[int]] = field(default_factory=dict)
    """Vaults that it has to list by the data alone."""

    def describe(self) -> str:
        """Return the figures in words."""
        by_reason: dict[str, int] = {}
        for reason in self.different.values():
            by_reason[reason] = by_reason.get(reason, 0) + 1
        lines = [
            f"{len(self.equal)} vaults equal ({self.vectors} vectors), {len(self.unlisted)} of which no cut lists one, all events equal",
            f"vaults listed at each cut: {[len(vaults) for _, vaults in sorted(self.listed.items())]}",
        ]
        return "\n".join(lines + [f"{count} differ: {reason}" for reason, count in sorted(by_reason.items())])


def choose_cuts(replay: ReplayEntry, *, count: int, every_days: int) -> list[int]:
    """Return midnights of the data, ascending; the last one is the last midnight before its last row."""
    last_s = replay.data_end_s // DAY_S * DAY_S
    return [last_s - i * every_days * DAY_S for i in reversed(range(count))]


async def read_chain_side(world: World, cuts_s: Sequence[int]) -> ChainSide:
    """Index both chains, advance the ledgers from cut to cut, and take what is known of every vault."""
    manifest, replay = world.manifest, world.manifest.replay
    assert replay is not None
    vault_of = {parse_address(b.address): b.vault_id for b in manifest.borrowers if b.vault_id is not None}
    config = make_config([params_of(entry) for entry in manifest.chains])
    vectors: dict[int, dict[int, Vector]] = {}
    async with opened_readers() as opened:
        readers = {ChainId(entry.chain_id): opened.open(entry) for entry in manifest.chains}
        for reader in readers.values():
            await reader.sync()
        for cut_s in cuts_s:
            boundary_s = TimestampS(cut_s + replay.shift_s)
            found = [await reader.derive_cut(boundary_s) for reader in readers.values()]
            cut = Cut(epoch=Epoch(boundary_s // EPOCH_S), chains=tuple(c for c in found if c is not None))
            assert len(cut.chains) == len(readers)
            ledgers = await project_cut(config, readers, cut)
            # Vaults are keys without code; a restored chain no longer has the state of an old cut to ask.
            code = {(chain, a): False for chain in ledgers for a in list_candidates(config, ledgers, cut)}
            histories = build_histories(config, ledgers, cut, code)
            vault_of_subject = {borrower_subject(a): v for a, v in vault_of.items()}
            vectors[cut_s] = {
                vault_of_subject[h.subject]: compute_borrower_vector(h)
                for h in histories.borrowers
                if h.subject in vault_of_subject
            }
    return ChainSide(
        events={v: [e for ledger in ledgers.values() for e in ledger.get_events(a)] for a, v in vault_of.items()},
        samples={v: [s for ledger in ledgers.values() for s in ledger.get_samples(a)] for a, v in vault_of.items()},
        vectors=vectors,
    )


def compare_sides(replay: ReplayEntry, report: ReplayReport, dataset: Dataset, chain: ChainSide) -> Comparison:
    """Compare every vault of the report."""
    borrowers = {b.subject: b for b in dataset.borrowers}
    snapshots = {cut_s: take_snapshot(dataset, TimestampS(cut_s)) for cut_s in chain.vectors}
    last_s = max(chain.vectors)
    result = Comparison(
        listed={cut_s: {*vectors} for cut_s, vectors in chain.vectors.items()},
        expected={cut_s: choose_listed(report, borrowers, cut_s) for cut_s in chain.vectors},
    )
    for vault in report.vaults:
        borrower = borrowers[borrower_subject(vault_address(vault.vault_id))]
        compared, difference = _compare_vault(replay, vault.vault_id, borrower, snapshots, chain, last_s)
        if difference:
            result.different[vault.vault_id] = f"{difference}; {_reasons(vault)}"
        elif compared:
            result.equal.append(vault.vault_id)
            result.vectors += compared
        else:
            result.unlisted.append(vault.vault_id)
    return result


def choose_listed(report: ReplayReport, borrowers: Mapping[SubjectId, Borrower], cut_s: int) -> set[int]:
    """Return the vaults that are listed at a cut by the twin's rows: debt at the cut, or a borrow in the 365 days before it."""
    found = set()
    for vault in report.vaults:
        borrower = borrowers[borrower_subject(vault_address(vault.vault_id))]
        owes = any(at.as_of_s == cut_s for at in borrower.positions)
        year = range(cut_s - LISTED_DAYS * DAY_S, cut_s + 1)
        if owes or any(e.kind is EventKind.BORROW and e.time_s in year for e in borrower.events):
            found.add(vault.vault_id)
    return found


def _compare_vault(
    replay: ReplayEntry,
    vault: int,
    borrower: Borrower,
    snapshots: Mapping[int, Snapshot],
    chain: ChainSide,
    last_s: int,
) -> tuple[int, str]:
    """Return how many vectors were compared, and what differs first."""
    shift_s = replay.shift_s
    ours = [_event_words(e, 0) for e in borrower.events if e.time_s <= last_s]
    if ours != [_event_words(e, shift_s) for e in chain.events[vault]]:
        return 0, "events"
    samples = [_sample_words(s, 0) for s in borrower.samples if s.time_s <= last_s]
    if samples != [_sample_words(s, shift_s) for s in chain.samples[vault]]:
        return 0, "samples"
    listed = [cut_s for cut_s, vectors in chain.vectors.items() if vault in vectors]
    for cut_s in listed:
        if compute_borrower_vector(snapshots[cut_s].history(borrower)) != chain.vectors[cut_s][vault]:
            return len(listed), "vectors"
    return len(listed), ""


def _event_words(event: LendingEvent, shift_s: int) -> tuple[int, ...]:
    values = (event.value_usd_e8, event.seized_amount, event.seized_value_usd_e8)
    return (event.time_s - shift_s, event.kind, event.amount, *values, event.by_account)


def _sample_words(sample: PositionSample, shift_s: int) -> tuple[int, ...]:
    return (sample.time_s - shift_s, sample.health_factor_wad, sample.debt_usd_e8, sample.collateral_usd_e8)


def _reasons(vault: VaultReport) -> str:
    found = {f"{r.outcome}: {r.reason}" for r in vault.remarks if r.outcome not in ("capped", "dropped")}
    return " and ".join(sorted(found)) or "no reason known"


async def compare_maker(world: World, data: Path, *, cuts: int, every_days: int) -> Comparison:
    """Compare the world's vaults with the twin's at some midnights up to the end of the data."""
    replay = world.manifest.replay
    assert replay is not None
    chain = await read_chain_side(world, choose_cuts(replay, count=cuts, every_days=every_days))
    return compare_sides(replay, ReplayReport.read(world.directory), read_maker_on_aave(data), chain)
