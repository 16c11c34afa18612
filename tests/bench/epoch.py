"""One epoch at n = 4 with 1,000 or 20,000 borrowers, stage by stage, on stored logs instead of chains.

Each run is a new epoch, an hour later than the one before, so that nothing is answered from memory that a node would compute anew.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from oracle.chain.histories import Histories, boundary_of, build_histories, list_candidates, list_collateral_histories
from oracle.delivery.codec import encode_publish, pack_attestations
from oracle.domain.committee import CommitteeConfig, Params
from oracle.domain.ids import SubjectId, keccak256
from oracle.domain.merkle import MerkleTree
from oracle.domain.report import Cut
from oracle.domain.score import BorrowerScore, Score
from oracle.domain.units import HOUR_S, Epoch, Margin
from oracle.features.borrower import compute_borrower_vector
from oracle.features.collateral import compute_collateral_vector, known_volatility_ppm
from oracle.scoring.bundle import load_bundle
from oracle.scoring.session import Scorer
from oracle.signing.signer import LocalSigner
from oracle.storage.chain_rows import ChainRows
from oracle.storage.engine import open_database
from tests.bench import market, peers
from tests.bench.committee import CHECK, PROTOCOL, SIGN, VOTES, Committee
from tests.bench.figures import Cost, Figure, Peer, median_cost, time_once
from tests.chain.fake_endpoint import make_params

N, F = 4, 1
RUNS = 5
SPLIT_SUBJECTS = 10
PROJECT, PAIRS, HISTORIES = "project new rows", "collateral vectors", "histories"
VECTORS, SCORES = "borrower vectors", "scores"
AGREE, SPLIT, TREE, PUBLISH = "agreement", "agreement, observations split two to two", "Merkle tree", "encode publish"
PER_NODE = (PROJECT, PAIRS, HISTORIES, VECTORS, SCORES, AGREE, PUBLISH)
"""What every node pays for in an epoch; agreement is a fourth of what all four pay, and builds the tree too."""


@dataclass(frozen=True, kw_only=True)
class EpochBench:
    """The median costs of each stage, the parts of an agreement, and the histories of the last epoch."""

    stages: dict[str, Cost]
    parts_cpu_s: dict[str, float]
    messages_count: int
    sent_bytes: int
    histories: Histories


class _Run:
    """Everything that outlives an epoch."""

    def __init__(self, folder: Path, size: market.MarketSize) -> None:
        self.size = size
        rows = ChainRows(open_database(folder / "rows.sqlite"))
        self.logs_count = market.store_markets(rows, size)
        self.ledgers = market.make_ledgers(rows)
        self.borrower = Scorer(load_bundle("borrower-sandbox-1", allow_sandbox=True))
        self.collateral = Scorer(load_bundle("collateral-1", allow_sandbox=True))
        self.signers = [LocalSigner(keccak256(b"bench member %d" % i)) for i in range(N)]
        self.config = make_config(self.signers, self.borrower, self.collateral)
        self.committee = Committee(self.config, self.signers, folder)
        self.costs: defaultdict[str, list[Cost]] = defaultdict(list)

    def time[T](self, stage: str, work: Callable[[], T]) -> T:
        found: list[T] = []
        self.costs[stage].append(time_once(lambda: found.append(work())))
        return found[0]


def make_config(signers: list[LocalSigner], borrower: Scorer, collateral: Scorer) -> CommitteeConfig:
    """Return a committee of these keys over both chains."""
    params = Params(
        chains=tuple(make_params(chain) for chain in market.CHAINS),
        borrower_model_id=borrower.bundle.model_id,
        collateral_model_id=collateral.bundle.model_id,
        epoch_seconds=HOUR_S,
        validity_seconds=3 * HOUR_S,
    )
    members = tuple(signer.address for signer in signers)
    return CommitteeConfig(
        prev_digest=keccak256(b"bench"), seq=0, members=members, f=F, q=N - F, params=params, from_epoch=Epoch(1)
    )


def run_epochs(folder: Path, size: market.MarketSize = market.SMALL, runs: int = RUNS) -> EpochBench:
    """Run epochs and return what each stage cost."""
    run = _Run(folder, size)
    first_hour = size.history_days * 24
    run.time("project history", lambda: market.advance(run.ledgers, market.cut_at(first_hour)))
    for hour in range(first_hour + 1, first_hour + 1 + runs):
        cut = market.cut_at(hour)
        run.time(PROJECT, partial(market.advance, run.ledgers, cut))
        histories, scores = _observe(run, cut)
        _agree(run, cut, scores)
    parts = {part: run.committee.cpu_s[part] / runs / N for part in (PROTOCOL, SIGN, CHECK, VOTES)}
    messages_count, sent_bytes = run.committee.messages_count // runs, run.committee.sent_bytes // runs
    cut = market.cut_at(first_hour + 1 + runs)
    run.time(SPLIT, lambda: run.committee.run_epoch(cut, _split(scores)))
    return EpochBench(
        stages={stage: median_cost(costs) for stage, costs in run.costs.items()},
        parts_cpu_s=parts,
        messages_count=messages_count,
        sent_bytes=sent_bytes,
        histories=histories,
    )


def _observe(run: _Run, cut: Cut) -> tuple[Histories, tuple[Score, ...]]:
    """Score a cut as `oracle/node/observe.py` does, timing the stages; code was asked before, no address has any."""
    pairs = run.time(PAIRS, lambda: _compute_pair_vectors(run, cut))
    candidates = list_candidates(run.config, run.ledgers, cut)
    code = {(chain, address): False for chain in market.CHAINS for address in candidates}

    def build() -> Histories:
        known = {subject: known_volatility_ppm(vector) for subject, vector in pairs.items()}
        return build_histories(run.config, run.ledgers, cut, code, volatility_of=lambda h: known[h.pair.subject])

    histories = run.time(HISTORIES, build)
    vectors = run.time(VECTORS, lambda: {h.subject: compute_borrower_vector(h) for h in histories.borrowers})

    def score() -> list[Score]:
        borrowers = run.borrower.score_borrowers(list(vectors), list(vectors.values()))
        return [*borrowers, *run.collateral.score_collaterals(list(pairs), list(pairs.values()))]

    scores = run.time(SCORES, score)
    if len(histories.borrowers) != run.size.borrowers:
        raise RuntimeError(f"{len(histories.borrowers)} borrowers are listed, not {run.size.borrowers}")
    return histories, tuple(sorted(scores, key=lambda s: s.subject))


def _compute_pair_vectors(run: _Run, cut: Cut) -> dict[SubjectId, tuple[int, ...]]:
    as_of_s = boundary_of(run.config, cut)
    return {
        history.pair.subject: compute_collateral_vector(history)
        for chain in run.config.params.chains
        for history in list_collateral_histories(chain, run.ledgers[chain.chain_id], as_of_s)
    }


def _agree(run: _Run, cut: Cut, scores: tuple[Score, ...]) -> None:
    own = [_own_copies(scores) for _ in range(N)]
    attested = run.time(AGREE, lambda: run.committee.run_epoch(cut, own))
    fresh = _own_copies(scores)
    tree = run.time(TREE, lambda: MerkleTree(score.leaf for score in fresh))
    if tree.root != attested.report.scores_root:
        raise RuntimeError("the committee agreed on another root than that of the scores")
    run.time(PUBLISH, lambda: encode_publish(attested.report, pack_attestations(attested.attestations, run.config.q)))


def _own_copies(scores: tuple[Score, ...]) -> tuple[Score, ...]:
    """Return scores that remember no hash: every node encodes and hashes its own."""
    return tuple(replace(score) for score in scores)


def _split(scores: tuple[Score, ...]) -> list[tuple[Score, ...]]:
    """Return what four nodes score if two of them saw other data for a few borrowers: no root has a majority."""
    chosen = {s.subject for s in scores if isinstance(s, BorrowerScore)}
    few = set(sorted(chosen)[:SPLIT_SUBJECTS])
    other = tuple(
        replace(s, behaviour_margin=Margin(s.behaviour_margin + 1))
        if isinstance(s, BorrowerScore) and s.subject in few
        else s
        for s in scores
    )
    return [_own_copies(scores), _own_copies(scores), _own_copies(other), _own_copies(other)]


def measure_epoch(bench: EpochBench) -> Iterator[Figure]:
    """Yield the CPU milliseconds of one node by stage, the parts of an agreement, and whole epochs."""
    cpu_ms = {stage: cost.cpu_s * 1_000 for stage, cost in bench.stages.items()}
    for stage in (AGREE, SPLIT):
        cpu_ms[stage] /= N
    limit = peers.SANDBOX_EPOCH_LIMIT
    for stage in (*PER_NODE, TREE):
        yield Figure(name=f"epoch, {stage}", value=cpu_ms[stage], unit="CPU ms a node", peer=limit)
    for part, cpu_s in bench.parts_cpu_s.items():
        yield Figure(name=f"agreement, {part}", value=cpu_s * 1_000, unit="CPU ms a node", peer=peers.VIEW_LIMIT)
    yield Figure(name=SPLIT, value=cpu_ms[SPLIT], unit="CPU ms a node", peer=peers.VIEW_LIMIT)
    yield Figure(
        name="agreement, sent", value=bench.sent_bytes / N / 1_000, unit="kB a node", peer=_shipped_values(bench)
    )
    node_ms = sum(cpu_ms[stage] for stage in PER_NODE)
    yield Figure(name="epoch, one node", value=node_ms, unit="CPU ms", peer=limit)
    yield Figure(name="epoch, one node (mainnet)", value=node_ms, unit="CPU ms", peer=peers.MAINNET_EPOCH_LIMIT)
    yield Figure(name="epoch, four nodes on one core", value=N * node_ms, unit="CPU ms", peer=limit)
    grows = sum(cpu_ms[stage] for stage in (HISTORIES, VECTORS, SCORES, TREE)) * 100
    yield Figure(
        name="observe, 100,000 borrowers (times 100)", value=grows, unit="CPU ms a node", peer=peers.MAINNET_EPOCH_LIMIT
    )
    history_ms = bench.stages["project history"].cpu_s * 1_000
    yield Figure(name="restart, project the whole history", value=history_ms, unit="CPU ms", peer=limit)


def measure_large_epoch(bench: EpochBench) -> Iterator[Figure]:
    """Yield the CPU milliseconds of one node by stage for a large committee of borrowers, against the hour it has for it."""
    cpu_ms = {stage: cost.cpu_s * 1_000 for stage, cost in bench.stages.items()}
    cpu_ms[AGREE] /= N
    name, limit = f"epoch, {len(bench.histories.borrowers):,} borrowers", peers.MAINNET_EPOCH_LIMIT
    for stage in (*PER_NODE, TREE):
        yield Figure(name=f"{name}, {stage}", value=cpu_ms[stage], unit="CPU ms a node", peer=limit)
    node_ms = sum(cpu_ms[stage] for stage in PER_NODE)
    yield Figure(name=f"{name}, one node", value=node_ms, unit="CPU ms", peer=limit)
    yield Figure(name=f"{name}, four nodes on one core", value=N * node_ms, unit="CPU ms", peer=limit)


def _shipped_values(bench: EpochBench) -> Peer:
    """Return what a node would send if it sent every entry to every other node."""
    entries = len(bench.histories.borrowers) * 320 + len(bench.histories.collaterals) * 352
    return Peer(
        name="every node sending every entry to every other", value=entries * (N - 1) / 1_000, source="computed"
    )
