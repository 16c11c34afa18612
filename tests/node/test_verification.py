"""Verification: the first difference by subject and field, between any two of blocks, chains and given leaves."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from eth_abi.abi import encode

from oracle.delivery.codec import REPORT_PUBLISHED_TOPIC
from oracle.delivery.ports import BlockTip, Log
from oracle.domain.ids import Address, Hash32, keccak256, to_hex, uint_word
from oracle.domain.merkle import MerkleTree
from oracle.domain.report import Cut, Report
from oracle.domain.score import BorrowerScore, Score
from oracle.domain.units import BlockNumber, Epoch, Margin, TimestampS
from oracle.errors import (
    ConfigurationError,
    EpochInFutureError,
    EpochNotFinalError,
    EpochTooEarlyError,
    NothingLandedError,
)
from oracle.node.leaves import read_leaves, write_leaves
from oracle.node.verification import Verification, Verifier, find_difference
from oracle.node.verify_commands import name_nodes
from tests.delivery.conftest import borrower_score, collateral_score
from tests.node.committee import quick_config
from tests.node.quick_committee import SCORES, FakeObserver, FakeReader

CONFIG = quick_config()
CHAINS = tuple(chain.chain_id for chain in CONFIG.params.chains)
ORACLE = Address(b"\x0c" * 20)
EPOCH = Epoch(1_000)


class FakeGateway:
    """A chain that holds one report."""

    def __init__(self, report: Report | None) -> None:
        self.report = report

    async def tip(self) -> BlockTip:
        return BlockTip(number=BlockNumber(20_000), time_s=TimestampS(0), base_fee_wei=0)

    async def logs(
        self, address: Address, topic: Hash32, first: BlockNumber, last: BlockNumber, indexed: Hash32
    ) -> list[Log]:
        r = self.report
        if r is None or not first <= 12_345 <= last or indexed != uint_word(r.epoch) or topic != REPORT_PUBLISHED_TOPIC:
            return []
        values = (r.scores_root, r.cut_hash, r.observers, r.borrowers, r.collaterals, r.stalled_chains, 7)
        data = encode(("bytes32", "bytes32", "uint32", "uint32", "uint32", "uint32", "uint32"), values)
        topics = (topic, Hash32(uint_word(r.epoch)), r.config_digest)
        return [Log(block_number=BlockNumber(12_345), transaction_hash=Hash32(bytes(32)), topics=topics, data=data)]


async def true_report() -> Report:
    cuts = [await FakeReader(chain).derive_cut(TimestampS(EPOCH)) for chain in CHAINS]
    return Report(
        config_digest=CONFIG.digest,
        epoch=EPOCH,
        cut_hash=Cut(epoch=EPOCH, chains=tuple(cuts)).hash,
        scores_root=MerkleTree(score.leaf for score in SCORES).root,
        observers=15,
        borrowers=8,
        collaterals=1,
        stalled_chains=0,
    )


async def verify(reports: list[Report | None], leaves: list[Score] | None = None) -> Verification:
    readers: Any = {chain: FakeReader(chain) for chain in CHAINS}
    gateways: Any = {chain: FakeGateway(report) for chain, report in zip(CHAINS, reports, strict=True)}
    observer: Any = FakeObserver()
    verifier = Verifier(CONFIG, readers, observer, gateways, dict.fromkeys(CHAINS, ORACLE))
    return await verifier.verify(EPOCH, leaves)


@pytest.mark.anyio
async def test_verify__true_report_on_all_chains__is_green() -> None:
    report = await true_report()

    result = await verify([report] * len(CHAINS), list(SCORES))

    assert result.is_green
    assert [chain.published.signers for chain in result.chains if chain.published] == [7] * len(CHAINS)


@pytest.mark.anyio
@pytest.mark.parametrize("field", ["scores_root", "cut_hash", "borrowers", "config_digest"])
async def test_verify__one_field_differs_on_one_chain__is_red_and_named(field: str) -> None:
    report = await true_report()
    wrong: dict[str, Any] = {field: 9 if field == "borrowers" else keccak256(b"wrong")}

    result = await verify([*[report] * (len(CHAINS) - 1), replace(report, **wrong)])

    assert not result.is_green
    difference = result.chains[-1].difference
    assert difference is not None
    assert difference.field == field


@pytest.mark.anyio
async def test_verify__nothing_landed__is_red() -> None:
    report = await true_report()

    result = await verify([*[report] * (len(CHAINS) - 1), None])

    assert not result.is_green
    assert result.chains[-1].published is None


@pytest.mark.anyio
async def test_derive_cut__no_block_after_the_boundary_yet__says_try_later() -> None:
    async def none(_: object) -> None:
        return None

    async def sync() -> None:
        return None

    readers: Any = {chain: SimpleNamespace(derive_cut=none, sync=sync) for chain in CHAINS}
    verifier = Verifier(CONFIG, readers, cast("Any", None), {}, {})

    with pytest.raises(EpochNotFinalError, match="try again later"):
        await verifier.derive_cut(EPOCH)


def test_find_difference__one_flipped_field__names_subject_field_and_both_values() -> None:
    target = SCORES[3]
    assert isinstance(target, BorrowerScore)
    given = [replace(target, state_offset=Margin(1)) if score is target else score for score in SCORES]

    difference = find_difference(SCORES, given)

    assert difference is not None
    assert (difference.field, difference.recomputed, difference.given) == ("state_offset", "-9000", "1")
    assert difference.where == f"subject {to_hex(target.subject)}"


def test_find_difference__subject_left_out_or_added__is_named_first_by_subject() -> None:
    missing = find_difference(SCORES, SCORES[1:])
    extra = find_difference(SCORES[1:], SCORES)

    assert missing is not None
    assert (missing.where, missing.given) == (f"subject {to_hex(SCORES[0].subject)}", "not listed")
    assert extra is not None
    assert (extra.where, extra.recomputed) == (f"subject {to_hex(SCORES[0].subject)}", "not listed")


def test_find_difference__same_scores_in_another_order__is_none() -> None:
    assert find_difference(SCORES, SCORES[::-1]) is None


def test_leaves__written_and_read__are_the_same(tmp_path: Path) -> None:
    path = tmp_path / "leaves.json"
    scores = (borrower_score(1), collateral_score())

    write_leaves(path, EPOCH, scores)

    assert read_leaves(str(path), EPOCH) == scores


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("{}", "epoch: Field required"),
        ("junk", "JSON"),
        (json.dumps({"epoch": 999, "entries": []}), "of epoch 999, not 1000"),
        (json.dumps({"epoch": 1_000, "entries": ["0x12"]}), "score"),
        (json.dumps({"epoch": 1_000, "entries": ["zz"]}), "leaves"),
    ],
)
def test_read_leaves__wrong_file__says_what(tmp_path: Path, document: str, words: str) -> None:
    path = tmp_path / "leaves.json"
    path.write_text(document)

    with pytest.raises(ConfigurationError, match=words):
        read_leaves(str(path), EPOCH)


def test_read_leaves__missing_file__says_so() -> None:
    with pytest.raises(ConfigurationError, match="No such file"):
        read_leaves("absent.json", EPOCH)


class FakeHeads(FakeGateway):
    """A chain whose oracle contract answers with one head."""

    def __init__(self, epoch: int) -> None:
        super().__init__(None)
        self.epoch = epoch

    async def call(self, calls: list[tuple[Address, bytes]]) -> list[bytes]:
        return [encode(("uint64",) * 5 + ("bytes32",), (self.epoch, 0, 0, 0, 0, bytes(32))) for _ in calls]


def verifier_of(heads: list[int]) -> Verifier:
    gateways: Any = {chain: FakeHeads(head) for chain, head in zip(CHAINS, heads, strict=True)}
    return Verifier(CONFIG, {}, cast(Any, FakeObserver()), gateways, dict.fromkeys(CHAINS, ORACLE))


@pytest.mark.anyio
async def test_newest_epoch__heads_differ__is_the_one_that_every_chain_has() -> None:
    assert await verifier_of([1_002, *[1_003] * (len(CHAINS) - 1)]).newest_epoch() == 1_002


@pytest.mark.anyio
async def test_newest_epoch__a_chain_without_report__says_so() -> None:
    with pytest.raises(NothingLandedError, match=f"chain {CHAINS[-1]} has no report yet"):
        await verifier_of([*[1_003] * (len(CHAINS) - 1), 0]).newest_epoch()


@pytest.mark.anyio
async def test_verify__epoch_before_the_committee__names_its_first() -> None:
    config = replace(CONFIG, from_epoch=Epoch(EPOCH + 1))
    verifier = Verifier(config, {}, cast(Any, FakeObserver()), {}, {})

    with pytest.raises(EpochTooEarlyError, match="epoch 1000 is before this committee's first, 1001"):
        await verifier.verify(EPOCH)


@pytest.mark.anyio
async def test_derive_cut__epoch_far_ahead__is_not_told_to_wait() -> None:
    verifier = Verifier(CONFIG, {}, cast("Any", None), {}, {})

    with pytest.raises(EpochInFutureError, match="epoch 99999999999 is in the future"):
        await verifier.derive_cut(Epoch(99_999_999_999))


def test_name_nodes__bitmap__is_read_from_the_lowest_bit() -> None:
    assert name_nodes(0b1101) == "nodes 0, 2, 3"
