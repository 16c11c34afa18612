"""Evidence as it lies on a chain: the report and its signatures in the calldata of `publish`, entries in that of `post`, vectors in logs.

Nothing read here is believed: signatures and proofs are checked against the report's hash and root, vectors against the hash in their entry, and the
contract checks everything again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from oracle.delivery.codec import decode_published, selector
from oracle.delivery.dispute_codec import (
    BORROWER_POSTED_TOPIC,
    COLLATERAL_POSTED_TOPIC,
    VECTOR_SHOWN_TOPIC,
    SignedReport,
    decode_address,
    decode_post,
    decode_publish,
    decode_shown,
)
from oracle.domain.ids import Address, Hash32, uint_word
from oracle.domain.merkle import MultiProof, split_multiproof, verify_proof
from oracle.domain.report import Report
from oracle.domain.units import BlockNumber, Epoch
from oracle.errors import MalformedValueError
from oracle.node.dispute.offences import Entry
from oracle.node.gateway import RpcGateway
from oracle.node.verification import SEARCH_BLOCKS, find_publication

NOBODY = Address(bytes(20))


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """A report on one chain; `signed` is None where another contract called `publish`, so that its calldata is not at hand."""

    report: Report
    signers: int
    block_number: BlockNumber
    signed: SignedReport | None


class ChainEvidence:
    """Reads what one chain holds."""

    def __init__(self, gateway: RpcGateway, oracle: Address) -> None:
        self.gateway = gateway
        self.oracle = oracle

    async def fetch_dispute(self) -> Address | None:
        """Return the contract that takes proofs, None if the oracle names none."""
        (answer,) = await self.gateway.call([(self.oracle, selector("dispute()"))])
        found = decode_address("dispute", answer)
        return None if found == NOBODY else found

    async def fetch_publication(self, epoch: Epoch, first: BlockNumber) -> Publication | None:
        """Return the report of an epoch, None if none landed from block `first` on."""
        log = await find_publication(self.gateway, self.oracle, epoch, first)
        if log is None:
            return None
        published = decode_published(log.topics, log.data)
        to, data = await self.gateway.calldata(log.transaction_hash)
        signed = decode_publish(data) if to == self.oracle else None
        if signed is not None and signed.report.hash != published.report.hash:
            signed = None
        return Publication(
            report=published.report, signers=published.signers, block_number=log.block_number, signed=signed
        )

    async def fetch_recent(self, epoch: Epoch) -> Publication | None:
        """Return the report of an epoch if it landed in the newest blocks."""
        first, _ = await self.recent_blocks()
        return await self.fetch_publication(epoch, first)

    async def recent_blocks(self) -> tuple[BlockNumber, BlockNumber]:
        """Return first and last of the newest blocks that one request can search."""
        last = (await self.gateway.tip()).number
        return BlockNumber(max(0, last - SEARCH_BLOCKS + 1)), last

    async def fetch_posted(self, publication: Publication) -> list[Entry]:
        """Return the entries of a report that were posted soon after it, each with its own proof, ascending by leaf."""
        first, last = await self._range(publication.block_number)
        epoch = uint_word(publication.report.epoch)
        hashes: dict[Hash32, None] = {}
        for topic in (COLLATERAL_POSTED_TOPIC, BORROWER_POSTED_TOPIC):
            for log in await self.gateway.logs(self.oracle, topic, first, last):
                if len(log.topics) == 3 and log.topics[2] == epoch:
                    hashes[log.transaction_hash] = None
        found: dict[Hash32, Entry] = {}
        for transaction_hash in hashes:
            to, data = await self.gateway.calldata(transaction_hash)
            posted = decode_post(data) if to == self.oracle else None
            if posted is not None and posted[0] == publication.report.epoch:
                found |= {entry.leaf: entry for entry in prove_entries(posted[1], posted[2], publication.report)}
        return [found[leaf] for leaf in sorted(found)]

    async def fetch_shown(self, dispute: Address, publication: Publication) -> list[bytes]:
        """Return the vectors that were shown for leaves of a report."""
        first, last = await self._range(publication.block_number)
        topic = Hash32(uint_word(publication.report.epoch))
        logs = await self.gateway.logs(dispute, VECTOR_SHOWN_TOPIC, first, last, indexed=topic)
        return [decode_shown(log.data) for log in logs]

    async def _range(self, first: BlockNumber) -> tuple[BlockNumber, BlockNumber]:
        last = (await self.gateway.tip()).number
        return first, BlockNumber(min(last, first + SEARCH_BLOCKS - 1))


def prove_entries(entries: Sequence[bytes], multi: MultiProof, report: Report) -> Iterator[Entry]:
    """Yield the entries of one `post` that are in the report."""
    try:
        proofs = split_multiproof(multi)
    except MalformedValueError:
        return
    for encoded, leaf in zip(entries, multi.leaves, strict=True):
        if verify_proof(report.scores_root, leaf, proofs[leaf]):
            yield Entry(encoded=encoded, proof=proofs[leaf])
