"""One epoch looked into: what every chain holds of it, which entries are known, and what is wrong with them.

Entries come from leaves that somebody gives, else from the nodes, else from what was posted on the chains, which every collateral is. So a wrong score
that a market uses can be proved from the chains alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from oracle.delivery.dispute_codec import SignedReport, encode_equivocation
from oracle.domain.ids import Hash32, keccak256, to_hex
from oracle.domain.report import Report
from oracle.domain.units import BlockNumber, ChainId, Epoch
from oracle.node.dispute.evidence import ChainEvidence, Publication
from oracle.node.dispute.offences import Entry, Judgement, ScoreVector, judge
from oracle.node.dispute.sources import NodeSources, read_entries
from oracle.node.observe import Observed


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """One report that differs from the recomputed one. `signed` is None where nobody has its signatures."""

    report: Report
    signed: SignedReport | None
    chains: tuple[ChainId, ...]
    entries_count: int
    is_whole: bool
    """Whether every entry was looked at, and not only those that were posted."""
    judgement: Judgement


@dataclass(frozen=True, slots=True, kw_only=True)
class Equivocation:
    """Two reports of one configuration and epoch."""

    first: SignedReport
    second: SignedReport

    def calldata(self) -> bytes:
        """Return what proves it."""
        return encode_equivocation(self.first, self.second)

    def __str__(self) -> str:
        hashes = " and ".join(to_hex(signed.report.hash) for signed in (self.first, self.second))
        return f"equivocation in epoch {self.first.report.epoch}: {hashes}"


class Inquiry:
    """Collects evidence of one epoch."""

    def __init__(
        self,
        evidence: Mapping[ChainId, ChainEvidence],
        nodes: NodeSources,
        *,
        leaves: str | None,
        score_vector: ScoreVector,
    ) -> None:
        self._evidence = evidence
        self._nodes = nodes
        self._leaves = leaves
        self._score_vector = score_vector

    async def publications(self, epoch: Epoch, first: Mapping[ChainId, BlockNumber]) -> dict[ChainId, Publication]:
        """Return the report of every chain that has one, with its signatures wherever they are found."""
        found = {}
        for chain_id, evidence in self._evidence.items():
            publication = await evidence.fetch_publication(epoch, first[chain_id])
            if publication is not None:
                found[chain_id] = publication
        return found

    def equivocations(self, publications: Mapping[ChainId, Publication]) -> list[Equivocation]:
        """Return each two reports of which one member signed both."""
        signed = {}
        for publication in publications.values():
            found = self.signed(publication)
            if found is not None:
                signed[found.report.hash] = found
        return [
            Equivocation(first=first, second=second)
            for first, second in combinations(signed.values(), 2)
            if first.report.config_digest == second.report.config_digest and set(first.signers) & set(second.signers)
        ]

    async def charges(
        self, publications: Mapping[ChainId, Publication], observed: Observed, root: Hash32
    ) -> list[Charge]:
        """Return every published report whose root is not the recomputed one, judged."""
        by_hash: dict[Hash32, dict[ChainId, Publication]] = {}
        for chain_id, publication in publications.items():
            if publication.report.scores_root != root:
                by_hash.setdefault(publication.report.hash, {})[chain_id] = publication
        return [await self._charge(same, observed) for same in by_hash.values()]

    async def entries(self, publications: Mapping[ChainId, Publication]) -> tuple[list[Entry], bool]:
        """Return the known entries of one report, and whether they are all of it."""
        report = next(iter(publications.values())).report
        if self._leaves is not None:
            return read_entries(self._leaves, report), True
        served = self._nodes.entries(report)
        if served:
            return served, True
        posted: dict[Hash32, Entry] = {}
        for chain_id, publication in publications.items():
            posted |= {entry.leaf: entry for entry in await self._evidence[chain_id].fetch_posted(publication)}
        return list(posted.values()), False

    def signed(self, publication: Publication) -> SignedReport | None:
        """Return a report with signatures: from its calldata, else from the nodes."""
        return publication.signed or self._nodes.signed(publication.report)

    async def _charge(self, publications: Mapping[ChainId, Publication], observed: Observed) -> Charge:
        entries, is_whole = await self.entries(publications)
        scores = {score.subject: score for score in observed.scores}
        vectors = {keccak256(vector): vector for vector in observed.packed_vectors().values()}
        vectors |= await self._shown(publications)
        suspects = [e for e in entries if e.subject not in scores or scores[e.subject].encoded != e.encoded]
        vectors |= self._nodes.vectors([entry for entry in suspects if entry.features_hash not in vectors])
        judgement = judge(entries, recomputed=scores, vectors=vectors, score_vector=self._score_vector)
        first = next(iter(publications.values()))
        signed = next((found for p in publications.values() if (found := self.signed(p)) is not None), None)
        return Charge(
            report=first.report, signed=signed, chains=tuple(publications), entries_count=len(entries),
            is_whole=is_whole, judgement=judgement,
        )  # fmt: skip

    async def _shown(self, publications: Mapping[ChainId, Publication]) -> dict[Hash32, bytes]:
        shown: Sequence[bytes] = ()
        for chain_id, publication in publications.items():
            dispute = await self._evidence[chain_id].fetch_dispute()
            if dispute is not None:
                shown = [*shown, *await self._evidence[chain_id].fetch_shown(dispute, publication)]
        return {keccak256(vector): vector for vector in shown}
