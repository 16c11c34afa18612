"""Evidence from a chain: signatures from calldata, entries from posts, vectors from logs; and from files, which must fit the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import orjson
import pytest
from eth_abi.abi import encode

from oracle.delivery import codec, dispute_codec
from oracle.delivery.dispute_codec import SignedReport
from oracle.delivery.ports import BlockTip, Log
from oracle.domain.ids import Address, Hash32, keccak256, to_hex, uint_word
from oracle.domain.merkle import MerkleTree, verify_proof
from oracle.domain.report import Report
from oracle.domain.score import Score
from oracle.domain.units import BlockNumber, ChainId, Epoch, NodeId, TimestampS
from oracle.errors import ConfigurationError, EvidenceError
from oracle.node.dispute.evidence import ChainEvidence, Publication
from oracle.node.dispute.inquiry import Inquiry
from oracle.node.dispute.sources import NodeSources, read_entries, read_signed
from tests.delivery.conftest import Agreed, make_agreed

pytestmark = pytest.mark.anyio
ORACLE, STRANGER, COURT = (Address(bytes([i]) * 20) for i in (0x0C, 0x0D, 0x0E))
CHAIN = ChainId(31_337)
ATTESTATIONS = codec.pack_attestations({NodeId(i): bytes([i]) * 64 + b"\x1b" for i in (1, 2)}, 2)
BLOCK = BlockNumber(700)


@pytest.fixture
def agreed() -> Agreed:
    return make_agreed()


@dataclass
class FakeGateway:
    """A chain of a thousand blocks with these transactions and logs."""

    transactions: dict[Hash32, tuple[Address, bytes]] = field(default_factory=dict)
    found: dict[Hash32, list[Log]] = field(default_factory=dict)
    court: Address = COURT
    chain_id: ChainId = CHAIN

    async def tip(self) -> BlockTip:
        return BlockTip(number=BlockNumber(1_000), time_s=TimestampS(0), base_fee_wei=0)

    async def calldata(self, transaction_hash: Hash32) -> tuple[Address, bytes]:
        return self.transactions[transaction_hash]

    async def logs(
        self, address: Address, topic: Hash32, first: BlockNumber, last: BlockNumber, indexed: Hash32 | None = None
    ) -> list[Log]:
        logs = [log for log in self.found.get(topic, []) if first <= log.block_number <= last]
        return logs if indexed is None else [log for log in logs if log.topics[1] == indexed]

    async def call(self, calls: Sequence[tuple[Address, bytes]]) -> list[bytes]:
        return [bytes(12) + self.court for _ in calls]

    def publish(self, report: Report, *, by: Address = ORACLE) -> None:
        self.transactions[report.hash] = (by, codec.encode_publish(report, ATTESTATIONS))
        values = (report.scores_root, report.cut_hash, report.observers, report.borrowers, report.collaterals, 0, 6)
        data = encode(("bytes32", "bytes32", "uint32", "uint32", "uint32", "uint32", "uint32"), values)
        self._log(codec.REPORT_PUBLISHED_TOPIC, report.hash, (uint_word(report.epoch), report.config_digest), data)

    def post(self, report: Report, scores: Sequence[Score], posted: Sequence[Score], *, by: Address = ORACLE) -> None:
        multi = MerkleTree(score.leaf for score in scores).multiproof([score.leaf for score in posted])
        data = codec.encode_post(report.epoch, posted, multi)
        self.transactions[keccak256(data)] = (by, data)
        for score in posted:
            topics = (score.subject, uint_word(report.epoch))
            self._log(dispute_codec.BORROWER_POSTED_TOPIC, keccak256(data), topics, b"")

    def show(self, report: Report, vector: bytes) -> None:
        topics = (uint_word(report.epoch), bytes(32), bytes(32))
        self._log(dispute_codec.VECTOR_SHOWN_TOPIC, bytes(32), topics, encode(("bytes",), (vector,)))

    def _log(self, topic: Hash32, transaction: bytes, topics: Sequence[bytes], data: bytes) -> None:
        all_topics = (topic, *(Hash32(word) for word in topics))
        log = Log(block_number=BLOCK, transaction_hash=Hash32(transaction), topics=all_topics, data=data)
        self.found.setdefault(topic, []).append(log)


def evidence_of(gateway: FakeGateway) -> ChainEvidence:
    return ChainEvidence(cast("Any", gateway), ORACLE)


async def publication_of(gateway: FakeGateway, report: Report) -> Publication:
    found = await evidence_of(gateway).fetch_publication(report.epoch, BlockNumber(1))
    assert found is not None
    return found


async def test_fetch_publication__published_directly__has_the_signatures(agreed: Agreed) -> None:
    gateway = FakeGateway()
    gateway.publish(agreed.report)

    found = await publication_of(gateway, agreed.report)

    assert (found.report, found.signers, found.block_number) == (agreed.report, 6, BLOCK)
    assert found.signed == SignedReport(report=agreed.report, attestations=ATTESTATIONS)


async def test_fetch_publication__by_another_contract_or_not_at_all__has_none(agreed: Agreed) -> None:
    gateway = FakeGateway()
    assert await evidence_of(gateway).fetch_publication(agreed.report.epoch, BlockNumber(1)) is None

    gateway.publish(agreed.report, by=STRANGER)

    assert (await publication_of(gateway, agreed.report)).signed is None


async def test_fetch_posted__several_posts__gives_each_entry_its_own_proof(agreed: Agreed) -> None:
    gateway = FakeGateway()
    gateway.publish(agreed.report)
    gateway.post(agreed.report, agreed.scores, agreed.scores[:3])
    gateway.post(agreed.report, agreed.scores, agreed.scores[2:5])

    entries = await evidence_of(gateway).fetch_posted(await publication_of(gateway, agreed.report))

    assert [e.encoded for e in entries] == [s.encoded for s in sorted(agreed.scores[:5], key=lambda s: s.leaf)]
    assert all(verify_proof(agreed.report.scores_root, entry.leaf, entry.proof) for entry in entries)


async def test_fetch_posted__of_another_report_or_by_another_contract__is_left_out(agreed: Agreed) -> None:
    gateway = FakeGateway()
    gateway.publish(agreed.report)
    gateway.post(agreed.report, agreed.scores[:4], agreed.scores[:1])
    gateway.post(agreed.report, agreed.scores, agreed.scores[1:2], by=STRANGER)

    assert await evidence_of(gateway).fetch_posted(await publication_of(gateway, agreed.report)) == []


async def test_fetch_shown__vectors_of_the_epoch__are_read(agreed: Agreed) -> None:
    gateway = FakeGateway()
    gateway.publish(agreed.report)
    gateway.show(agreed.report, b"\0\1")
    gateway.show(replace(agreed.report, epoch=Epoch(agreed.report.epoch + 1)), b"\0\2")

    found = await evidence_of(gateway).fetch_shown(COURT, await publication_of(gateway, agreed.report))

    assert found == [b"\0\1"]


async def test_fetch_dispute__oracle_names_nobody__is_none() -> None:
    assert await evidence_of(FakeGateway()).fetch_dispute() == COURT
    assert await evidence_of(FakeGateway(court=Address(bytes(20)))).fetch_dispute() is None


async def test_equivocations__two_reports_of_one_member_on_two_chains__are_found(agreed: Agreed) -> None:
    gateways = {CHAIN: FakeGateway(), ChainId(31_338): FakeGateway()}
    other = replace(agreed.report, cut_hash=keccak256(b"another cut"))
    for gateway, report in zip(gateways.values(), (agreed.report, other), strict=True):
        gateway.publish(report)
    evidence = {chain_id: evidence_of(gateway) for chain_id, gateway in gateways.items()}
    inquiry = Inquiry(evidence, NodeSources([]), leaves=None, score_vector=lambda _entry, _vector: None)

    publications = await inquiry.publications(agreed.report.epoch, dict.fromkeys(gateways, BlockNumber(1)))
    (found,) = inquiry.equivocations(publications)

    assert {found.first.report, found.second.report} == {agreed.report, other}
    assert inquiry.equivocations({CHAIN: publications[CHAIN]}) == []


def write_leaves(path: Path, scores: Sequence[Score]) -> str:
    path.write_bytes(orjson.dumps({"epoch": 100, "entries": [to_hex(score.encoded) for score in scores]}))
    return str(path)


def test_read_entries__leaves_of_the_report__are_proved_and_others_refused(agreed: Agreed, tmp_path: Path) -> None:
    entries = read_entries(write_leaves(tmp_path / "all", agreed.scores), agreed.report)

    assert all(verify_proof(agreed.report.scores_root, entry.leaf, entry.proof) for entry in entries)
    with pytest.raises(EvidenceError, match="they prove nothing"):
        read_entries(write_leaves(tmp_path / "some", agreed.scores[1:]), agreed.report)
    with pytest.raises(ConfigurationError, match="there is no entry"):
        read_entries(write_leaves(tmp_path / "none", []), agreed.report)


def document_of(report: Report, packed: bytes) -> bytes:
    names = ("config_digest", "epoch", "cut_hash", "scores_root", "observers", "borrowers", "collaterals")
    struct = {name: getattr(report, name) for name in names} | {"stalled_chains": 0}
    shown = {name: to_hex(value) if isinstance(value, bytes) else value for name, value in struct.items()}
    return orjson.dumps({"struct": shown, "attestations_packed": to_hex(packed), "quorum": 2})


def test_read_signed__answer_of_the_api__is_read_and_broken_ones_named(agreed: Agreed, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_bytes(document_of(agreed.report, ATTESTATIONS))

    assert read_signed(str(path)) == SignedReport(report=agreed.report, attestations=ATTESTATIONS)
    path.write_bytes(document_of(agreed.report, ATTESTATIONS[:-1]))
    with pytest.raises(ConfigurationError, match="records of 65 bytes"):
        read_signed(str(path))
    path.write_bytes(b"{}")
    with pytest.raises(ConfigurationError, match="attestations_packed"):
        read_signed(str(path))


def test_node_sources__nodes_that_do_not_answer__are_named_and_give_nothing(agreed: Agreed) -> None:
    nodes = NodeSources(["file-that-is-none"])

    assert nodes.entries(agreed.report) == []
    assert nodes.signed(agreed.report) is None
    assert len(nodes.failures) == 2
