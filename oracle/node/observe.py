"""From a cut to scores: histories, vectors, scores. One function for the node, `assay verify` and `assay score`; it knows no node.

The same cut gives the same entries on any machine, because everything below is integer arithmetic over finalised logs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from oracle.chain.histories import Histories, build_histories
from oracle.chain.ledger import Ledger
from oracle.chain.reader import ChainReader, fetch_code, project_cut
from oracle.domain.committee import CommitteeConfig
from oracle.domain.history import CollateralHistory
from oracle.domain.ids import Address, SubjectId
from oracle.domain.report import Cut
from oracle.domain.score import Score
from oracle.domain.units import ChainId, Ppm
from oracle.errors import ConfigurationError
from oracle.features.borrower import compute_borrower_vector
from oracle.features.collateral import compute_collateral_vector, known_volatility_ppm
from oracle.node.clock import monotonic_ms
from oracle.scoring.bundle import Bundle
from oracle.scoring.session import Scorer

type Place = tuple[ChainId, Address]
type Vector = tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Observed:
    """Everything at one cut: scores ascending by subject, the vector behind each, and where borrowers live."""

    cut: Cut
    scores: tuple[Score, ...]
    vectors: Mapping[SubjectId, Vector]
    accounts: Mapping[SubjectId, tuple[Place, ...]]
    histories: Histories
    timings_ms: Mapping[str, int]

    def packed_vectors(self) -> dict[SubjectId, bytes]:
        """Return each vector as the bytes that its leaf commits to."""
        return {subject: pack_vector(vector) for subject, vector in self.vectors.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorers:
    """The two models of a committee."""

    borrower: Scorer
    collateral: Scorer

    @classmethod
    def checked(cls, config: CommitteeConfig, borrower: Bundle, collateral: Bundle) -> Scorers:
        """Return scorers of the bundles that the configuration names.

        Raises:
            ConfigurationError: if a bundle is another model than the committee's.
        """
        wanted = (config.params.borrower_model_id, config.params.collateral_model_id)
        for bundle, model_id in zip((borrower, collateral), wanted, strict=True):
            if bundle.model_id != model_id:
                raise ConfigurationError(
                    f"bundle {bundle.name} is model 0x{bundle.model_id.hex()}, the committee scores with "
                    f"0x{model_id.hex()}: name the bundle that the committee adopted"
                )
        return cls(borrower=Scorer(borrower), collateral=Scorer(collateral))


def pack_vector(vector: Sequence[int]) -> bytes:
    """Return uint16 slots, two bytes each, big-endian: what `featuresHash` is the keccak of."""
    return b"".join(slot.to_bytes(2, "big") for slot in vector)


class Observer:
    """Scores cuts of one committee; ledgers advance from cut to cut."""

    def __init__(self, config: CommitteeConfig, readers: Mapping[ChainId, ChainReader], scorers: Scorers) -> None:
        self._config = config
        self._readers = readers
        self._scorers = scorers
        self._turn = asyncio.Lock()

    async def observe(self, cut: Cut) -> Observed:
        """Return the entries at a cut.

        Heavy work happens in a worker thread, so that the caller's loop stays responsive.

        Raises:
            ForeignCutError: if a chain does not have a block of the cut.
            ChainError: if the endpoints fail or disagree.
        """
        async with self._turn:
            watch = _Stopwatch()
            ledgers = await project_cut(self._config, self._readers, cut)
            watch.lap("project")
            code = await fetch_code(self._config, self._readers, cut, ledgers)
            watch.lap("code")
            return await asyncio.to_thread(self._score, cut, ledgers, code, watch)

    def _score(
        self, cut: Cut, ledgers: Mapping[ChainId, Ledger], code: Mapping[Place, bool], watch: _Stopwatch
    ) -> Observed:
        collateral_vectors: dict[SubjectId, Vector] = {}

        def volatility_of(history: CollateralHistory) -> Ppm | None:
            """Keep the vector: it is needed for the volatility and again for the score."""
            vector = compute_collateral_vector(history)
            collateral_vectors[history.pair.subject] = vector
            return known_volatility_ppm(vector)

        histories = build_histories(self._config, ledgers, cut, code, volatility_of=volatility_of)
        watch.lap("histories")
        borrower_vectors = {h.subject: compute_borrower_vector(h) for h in histories.borrowers}
        watch.lap("features")
        scores: list[Score] = [
            *self._scorers.borrower.score_borrowers(list(borrower_vectors), list(borrower_vectors.values())),
            *self._scorers.collateral.score_collaterals(list(collateral_vectors), list(collateral_vectors.values())),
        ]
        watch.lap("scores")
        return Observed(
            cut=cut,
            scores=tuple(sorted(scores, key=lambda s: s.subject)),
            vectors=borrower_vectors | collateral_vectors,
            accounts=histories.accounts,
            histories=histories,
            timings_ms=watch.laps_ms,
        )


class _Stopwatch:
    """Milliseconds between laps."""

    def __init__(self) -> None:
        self.laps_ms: dict[str, int] = {}
        self._last_ms = monotonic_ms()

    def lap(self, name: str) -> None:
        now_ms = monotonic_ms()
        self.laps_ms[name] = now_ms - self._last_ms
        self._last_ms = now_ms
