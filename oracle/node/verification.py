"""Recomputes a report from the blocks, as any third party can, and names the first difference.

Nothing is believed but finalised blocks on which two endpoints agree, the committee's parameters and the model: the cut follows from the epoch's
boundary, the scores from the cut, the root from the scores. What every chain holds for that epoch is then compared with it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

from oracle.chain.reader import ChainReader
from oracle.delivery.codec import REPORT_PUBLISHED_TOPIC, Published, decode_head, decode_published, encode_head
from oracle.delivery.ports import Log
from oracle.domain.committee import CommitteeConfig
from oracle.domain.ids import Address, Hash32, SubjectId, to_hex, uint_word
from oracle.domain.merkle import MerkleTree
from oracle.domain.report import ChainCut, Cut, Report, boundary_s
from oracle.domain.score import BorrowerScore, Score
from oracle.domain.units import BlockNumber, ChainId, Epoch, TimestampS
from oracle.errors import EpochInFutureError, EpochNotFinalError, EpochTooEarlyError, NothingLandedError
from oracle.node.gateway import RpcGateway
from oracle.node.observe import Observed, Observer

SEARCH_BLOCKS = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The first place where two sets of scores, or two reports, are not the same."""

    where: str
    field: str
    recomputed: str
    given: str

    def __str__(self) -> str:
        return f"{self.where}: {self.field} is {self.given}, recomputed {self.recomputed}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainFinding:
    """What one chain holds for the epoch; `difference` None means the same as recomputed, `published` None that nothing landed."""

    chain_id: ChainId
    published: Published | None
    difference: Difference | None

    @property
    def is_green(self) -> bool:
        """Return whether the chain holds exactly the recomputed report."""
        return self.published is not None and self.difference is None


@dataclass(frozen=True, kw_only=True)
class Verification:
    """The whole comparison of one epoch."""

    epoch: Epoch
    observed: Observed
    tree: MerkleTree
    chains: tuple[ChainFinding, ...]
    leaves_difference: Difference | None
    code_note: str

    @property
    def is_green(self) -> bool:
        """Return whether all chains, and the leaves if given, are as recomputed."""
        return all(chain.is_green for chain in self.chains) and self.leaves_difference is None

    def score(self, subject: SubjectId) -> Score | None:
        """Return the recomputed score of a subject."""
        return next((score for score in self.observed.scores if score.subject == subject), None)


class Verifier:
    """Verifies epochs of one committee."""

    def __init__(
        self,
        config: CommitteeConfig,
        readers: Mapping[ChainId, ChainReader],
        observer: Observer,
        gateways: Mapping[ChainId, RpcGateway],
        oracles: Mapping[ChainId, Address],
    ) -> None:
        self._config = config
        self.readers = readers
        self._observer = observer
        self.gateways = gateways
        self.oracles = oracles

    async def newest_epoch(self) -> Epoch:
        """Return the newest epoch that has landed on every chain.

        Raises:
            NothingLandedError: if a chain has no report yet.
        """
        epochs = []
        for chain_id, gateway in self.gateways.items():
            (answer,) = await gateway.call([(self.oracles[chain_id], encode_head())])
            epoch = decode_head(answer).epoch
            if epoch == 0:
                raise NothingLandedError(chain_id)
            epochs.append(epoch)
        return Epoch(min(epochs))

    async def derive_cut(self, epoch: Epoch, stalled_chains: int = 0) -> Cut:
        """Return the cut that the epoch's boundary defines, given which chains the report says stalled.

        A stalled chain's block is the last one at or before the boundary: its finalised head while it stalls.

        Raises:
            EpochInFutureError: if the clock is more than an epoch before its boundary.
            EpochNotFinalError: if another chain has no finalised block after the boundary yet.
        """
        newest = Epoch(int(time.time()) // self._config.params.epoch_seconds)
        if epoch > newest + 1:
            raise EpochInFutureError(epoch, newest)
        boundary = boundary_s(epoch, self._config.params.epoch_seconds)
        chains = []
        for index, chain in enumerate(self._config.params.chains):
            cut = await self._derive_chain(chain.chain_id, boundary)
            if cut is None and not stalled_chains >> index & 1:
                raise EpochNotFinalError(epoch, chain.chain_id, boundary)
            if cut is None:
                head = await self.readers[chain.chain_id].chain.fetch_finalised_head()
                cut = ChainCut(chain_id=chain.chain_id, block_number=head.number, block_hash=head.block_hash)
            chains.append(cut)
        return Cut(epoch=epoch, chains=tuple(chains), stalled_chains=stalled_chains)

    async def verify(self, epoch: Epoch, leaves: Sequence[Score] | None = None) -> Verification:
        """Recompute an epoch and compare it with every chain, and with `leaves` if given.

        Raises:
            EpochTooEarlyError: if the epoch is not this committee's.
            EpochNotFinalError: if the epoch is too new.
            ChainError: if endpoints fail or disagree.
        """
        if epoch < self._config.from_epoch:
            raise EpochTooEarlyError(epoch, self._config.from_epoch)
        cut = await self.derive_cut(epoch, await self._find_stalled(epoch))
        observed = await self._observer.observe(cut)
        tree = MerkleTree(score.leaf for score in observed.scores)
        findings = []
        for chain_cut in cut.chains:
            published = await self._find_published(chain_cut.chain_id, epoch, chain_cut.block_number)
            difference = (
                None if published is None else self._compare(chain_cut.chain_id, observed, tree, published.report)
            )
            findings.append(ChainFinding(chain_id=chain_cut.chain_id, published=published, difference=difference))
        return Verification(
            epoch=epoch,
            observed=observed,
            tree=tree,
            chains=tuple(findings),
            leaves_difference=None if leaves is None else find_difference(observed.scores, leaves),
            code_note=next((n for r in self.readers.values() if (n := getattr(r, "code_note", ""))), ""),
        )

    async def _derive_chain(self, chain_id: ChainId, boundary: TimestampS) -> ChainCut | None:
        await self.readers[chain_id].sync()
        return await self.readers[chain_id].derive_cut(boundary)

    async def _find_stalled(self, epoch: Epoch) -> int:
        """Return which chains the report calls stalled, by the first chain that has it; which it is, every chain says for itself below."""
        boundary = boundary_s(epoch, self._config.params.epoch_seconds)
        for chain in self._config.params.chains:
            cut = await self._derive_chain(chain.chain_id, boundary)
            published = cut and await self._find_published(chain.chain_id, epoch, cut.block_number)
            if published:
                return published.report.stalled_chains
        return 0

    async def _find_published(self, chain_id: ChainId, epoch: Epoch, first: BlockNumber) -> Published | None:
        """Return the report that landed: never before its cut block."""
        log = await find_publication(self.gateways[chain_id], self.oracles[chain_id], epoch, first)
        return None if log is None else decode_published(log.topics, log.data)

    def _compare(self, chain_id: ChainId, observed: Observed, tree: MerkleTree, report: Report) -> Difference | None:
        borrowers = sum(isinstance(score, BorrowerScore) for score in observed.scores)
        expected = {
            "config_digest": self._config.digest,
            "stalled_chains": observed.cut.stalled_chains,
            "cut_hash": observed.cut.hash,
            "borrowers": borrowers,
            "collaterals": len(observed.scores) - borrowers,
            "scores_root": tree.root,
        }
        for name, value in expected.items():
            given = getattr(report, name)
            if given != value:
                return Difference(where=f"chain {chain_id}", field=name, recomputed=_shown(value), given=_shown(given))
        return None


async def find_publication(gateway: RpcGateway, oracle: Address, epoch: Epoch, first: BlockNumber) -> Log | None:
    """Return the log of the report of an epoch, None if there is none from block `first` on."""
    last = (await gateway.tip()).number
    topic = Hash32(uint_word(epoch))
    for start in range(first, last + 1, SEARCH_BLOCKS):
        end = BlockNumber(min(last, start + SEARCH_BLOCKS - 1))
        logs = await gateway.logs(oracle, REPORT_PUBLISHED_TOPIC, BlockNumber(start), end, indexed=topic)
        if logs:
            return logs[-1]
    return None


def find_difference(recomputed: Sequence[Score], given: Sequence[Score]) -> Difference | None:
    """Return the first difference, ascending by subject, then in the order of a score's fields."""
    ours = {score.subject: score for score in recomputed}
    theirs = {score.subject: score for score in given}
    for subject in sorted(ours.keys() | theirs.keys()):
        difference = compare_scores(subject, ours.get(subject), theirs.get(subject))
        if difference is not None:
            return difference
    return None


def compare_scores(subject: SubjectId, ours: Score | None, theirs: Score | None) -> Difference | None:
    """Return the first field in which two scores of a subject differ."""
    where = f"subject {to_hex(subject)}"
    if ours is None or theirs is None or type(ours) is not type(theirs):
        words = [type(score).__name__ if score is not None else "not listed" for score in (ours, theirs)]
        same = words[0] == words[1]
        return None if same else Difference(where=where, field="entry", recomputed=words[0], given=words[1])
    for item in fields(ours):
        mine, other = getattr(ours, item.name), getattr(theirs, item.name)
        if mine != other:
            return Difference(where=where, field=item.name, recomputed=_shown(mine), given=_shown(other))
    return None


def _shown(value: object) -> str:
    return to_hex(value) if isinstance(value, bytes) else str(value)
