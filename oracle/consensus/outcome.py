"""The outcome: what the revealed observations say together.

Where one root, or one bucket digest, is held by a strict majority of the observers and by at least f+1, it is the outcome. Elsewhere an entry counts only with
f+1 identical, and the upper (riskier) median by (margin, leaf hash) of the surviving entries with multiplicity is taken. Either way every entry was
computed in full by an honest node.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from oracle.consensus import quorum
from oracle.consensus.bodies import BUCKETS
from oracle.consensus.observation import EMPTY_BUCKET_DIGEST
from oracle.domain.ids import Hash32, SubjectId
from oracle.domain.merkle import MerkleTree
from oracle.domain.report import Cut, Report
from oracle.domain.score import BorrowerScore, Score
from oracle.domain.units import NodeId

type Bodies = Mapping[tuple[int, Hash32], tuple[Score, ...]]
type Digests = Mapping[Hash32, tuple[Hash32, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """Content by hash: bucket digests by entries root, entries by (bucket, digest)."""

    digests: Digests
    bodies: Bodies

    def bucket(self, bucket: int, digest: Hash32) -> tuple[Score, ...] | None:
        """Return the entries under a digest, None if they are not here."""
        return () if digest == EMPTY_BUCKET_DIGEST else self.bodies.get((bucket, digest))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Content that is missing: the digests under `root` if `buckets` is empty, else those buckets."""

    root: Hash32
    buckets: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """The outcome cannot be computed before this content is here."""

    wanted: tuple[Wanted, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Agreed entries ascending by subject; `disagreements` are subjects left out because no entry had f+1 observers."""

    scores: tuple[Score, ...]
    disagreements: tuple[SubjectId, ...]


def compute_median(entries: Iterable[Score], *, f: int) -> Score | None:
    """Return the upper median of the entries that f + 1 observers gave identically, None if none did."""
    support: dict[Hash32, list[Score]] = {}
    for entry in entries:
        support.setdefault(entry.leaf, []).append(entry)
    alike = [same for same in support.values() if len(same) >= quorum.honest_witness_quorum(f)]
    survivors = sorted((entry for same in alike for entry in same), key=lambda entry: (entry.margin, entry.leaf))
    return survivors[len(survivors) // 2] if survivors else None


def find_majority(held: Iterable[Hash32], *, f: int) -> Hash32 | None:
    """Return the hash that a strict majority, and at least f + 1, of the observers hold."""
    counts = Counter(held)
    total = counts.total()
    return next((value for value, count in counts.items() if quorum.is_majority(count, total, f)), None)


def compute_outcome(roots: Mapping[NodeId, Hash32], store: Store, *, f: int) -> Outcome | Missing:
    """Return the outcome of the observers' roots, or what is missing to compute it."""
    majority = find_majority(roots.values(), f=f)
    held = [majority] if majority is not None else [roots[node] for node in sorted(roots)]
    unknown = sorted({root for root in held if root not in store.digests})
    if unknown:
        return Missing(wanted=tuple(Wanted(root=root, buckets=()) for root in unknown))
    missing = find_missing_buckets(held, store, f=f)
    if missing:
        return Missing(wanted=missing)
    scores: list[Score] = []
    disagreements: list[SubjectId] = []
    for bucket in range(BUCKETS):
        bodies = _bodies_of_bucket(held, bucket, store, f=f)
        if len(bodies) == 1:
            scores.extend(bodies[0])
            continue
        agreed, disputed = merge_bucket(bodies, f=f)
        scores.extend(agreed)
        disagreements.extend(disputed)
    scores.sort(key=lambda score: score.subject)
    return Outcome(scores=tuple(scores), disagreements=tuple(sorted(disagreements)))


def merge_bucket(bodies: Sequence[Sequence[Score]], *, f: int) -> tuple[list[Score], list[SubjectId]]:
    """Return the medians of a bucket without majority, and the subjects that have none."""
    by_subject: dict[SubjectId, list[Score]] = {}
    for body in bodies:
        for entry in body:
            by_subject.setdefault(entry.subject, []).append(entry)
    medians = {subject: compute_median(entries, f=f) for subject, entries in by_subject.items()}
    agreed = [median for median in medians.values() if median is not None]
    return agreed, [subject for subject, median in medians.items() if median is None]


def find_missing_buckets(held: Sequence[Hash32], store: Store, *, f: int) -> tuple[Wanted, ...]:
    """Return the bodies that the comparison needs and the store lacks, each once, under the first root that has it."""
    wanted: dict[Hash32, list[int]] = {}
    for bucket in range(BUCKETS):
        seen: set[Hash32] = set()
        needed = _digests_of_bucket(held, bucket, store, f=f)
        for root in held:
            digest = store.digests[root][bucket]
            if digest in needed and digest not in seen and store.bucket(bucket, digest) is None:
                wanted.setdefault(root, []).append(bucket)
            seen.add(digest)
    return tuple(Wanted(root=root, buckets=tuple(buckets)) for root, buckets in wanted.items())


def build_report(outcome: Outcome, *, cut: Cut, config_digest: Hash32, observers: Iterable[NodeId]) -> Report | None:
    """Return the report of an outcome, None if it has no entry."""
    if not outcome.scores:
        return None
    borrowers = sum(isinstance(score, BorrowerScore) for score in outcome.scores)
    return Report(
        config_digest=config_digest,
        epoch=cut.epoch,
        cut_hash=cut.hash,
        scores_root=MerkleTree(score.leaf for score in outcome.scores).root,
        observers=quorum.bitmap(observers),
        borrowers=borrowers,
        collaterals=len(outcome.scores) - borrowers,
        stalled_chains=cut.stalled_chains,
    )


def _digests_of_bucket(held: Sequence[Hash32], bucket: int, store: Store, *, f: int) -> set[Hash32]:
    """Return the digests whose bodies decide a bucket: the majority's alone, or all."""
    digests = [store.digests[root][bucket] for root in held]
    if len(set(digests)) == 1:
        return set(digests)
    majority = find_majority(digests, f=f)
    return set(digests) if majority is None else {majority}


def _bodies_of_bucket(held: Sequence[Hash32], bucket: int, store: Store, *, f: int) -> list[tuple[Score, ...]]:
    needed = _digests_of_bucket(held, bucket, store, f=f)
    if len(needed) == 1:
        return [store.bucket(bucket, next(iter(needed))) or ()]
    return [store.bucket(bucket, store.digests[root][bucket]) or () for root in held]
