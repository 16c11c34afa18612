"""Whole nodes without sockets: they agree, keep what they promised across a restart, and stop rather than vote unrecorded (N-01, N-02)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from oracle.consensus.bodies import MessageKind, PrepareBody
from oracle.consensus.messages import Message, SignedMessage, encode_batch
from oracle.domain.ids import keccak256
from oracle.domain.merkle import MerkleTree
from oracle.domain.report import Cut
from oracle.domain.units import Epoch, NodeId, View
from oracle.errors import DatabaseWriteError, PastFinalityReorgError
from oracle.node.authentication import DropReason
from oracle.node.faults import FaultKind, make_behaviour
from oracle.node.observe import Observed
from tests.node.committee import SIGNERS
from tests.node.quick_committee import SCORES, FakeObserver, FakeReader, QuickCommittee

pytestmark = pytest.mark.anyio
LIAR = 3


@pytest.fixture
async def committee(tmp_path: Path) -> AsyncIterator[QuickCommittee]:
    running = QuickCommittee(tmp_path)
    yield running
    await running.stop_all()


def start_all(committee: QuickCommittee) -> None:
    for number in range(4):
        committee.start(number)


async def test_runtime__four_honest_nodes__agree_on_the_tree_of_their_scores(committee: QuickCommittee) -> None:
    start_all(committee)

    report = await committee.wait_for_landing(0)
    await committee.wait_for_agreement(0, after=report.epoch)

    landed = {effect.report.hash for effect in committee.landed if effect.report.epoch == report.epoch}
    assert landed == {report.hash}
    assert report.scores_root == MerkleTree(score.leaf for score in SCORES).root


async def test_runtime__a_node_lies__report_unchanged_and_the_liar_named(tmp_path: Path) -> None:
    committee = QuickCommittee(tmp_path, {LIAR: make_behaviour(FaultKind.LIE_SCORE, is_sandbox=True)})
    start_all(committee)

    epoch = await committee.wait_for_agreement(0)
    await committee.wait_for_agreement(0, after=epoch)
    await committee.wait_for_blame(0)
    witness = committee.nodes[NodeId(0)]
    await asyncio.to_thread(witness.bookkeeper.close)

    report = witness.stores.reports.report(epoch)
    blames = witness.stores.records.blames()
    await committee.stop_all()
    assert report is not None
    assert report.scores_root == MerkleTree(score.leaf for score in SCORES).root
    assert {blame.node for blame in blames} == {LIAR}
    assert all("behaviour_margin" in blame.difference and blame.evidence for blame in blames)


async def test_runtime__node_restarted_in_mid_epoch__never_contradicts_its_votes(committee: QuickCommittee) -> None:
    start_all(committee)
    await committee.wait_for_agreement(2)

    for _ in range(3):
        await asyncio.sleep(0.35)
        await committee.stop(2)
        committee.start(2)
    last = committee.nodes[NodeId(0)].status.agreed_epoch or Epoch(0)
    epoch = await committee.wait_for_agreement(2, after=last)
    await committee.wait_for_agreement(2, after=epoch)

    evidence = [blame for node in committee.nodes.values() for blame in node.stores.records.blames()]
    assert evidence == []
    assert committee.nodes[NodeId(2)].status.halted == ""


async def test_runtime__disk_full_at_a_vote__stops_and_sends_nothing_of_it(committee: QuickCommittee) -> None:
    start_all(committee)
    await committee.wait_for_agreement(1)
    victim = committee.nodes[NodeId(1)]
    assert victim.task is not None

    with victim.stores.database.connection() as connection:
        connection.exec_driver_sql("CREATE TRIGGER full BEFORE INSERT ON vote BEGIN SELECT RAISE(FAIL, 'disk'); END")
    async with asyncio.timeout(20):
        await asyncio.wait([victim.task])

    assert isinstance(victim.task.exception(), DatabaseWriteError)
    assert victim.status.halted != ""
    stored = {(vote.epoch, vote.kind, vote.view) for vote in victim.stores.votes.since(Epoch(0))}
    seen = {
        (m.epoch, m.kind, m.view)
        for node in committee.nodes.values()
        for state in node.runtime.protocol_state.epochs.values()
        for m in state.inbox.values()
        if m.sender == 1 and m.kind in (MessageKind.PREPARE, MessageKind.COMMIT, MessageKind.REVEAL)
    }
    assert seen <= stored


class BreakingReader(FakeReader):
    """A chain whose first read fails in a way that has no name."""

    syncs_count = 0

    async def sync(self) -> Any:
        type(self).syncs_count += 1
        if type(self).syncs_count == 1:
            raise ZeroDivisionError
        return await super().sync()


async def test_runtime__syncing_breaks_unexpectedly__is_shown_and_begun_anew(tmp_path: Path) -> None:
    """The loop between the boundaries of long epochs is begun once; nothing else would notice its end for hours."""
    committee = QuickCommittee(tmp_path, epoch_seconds=3_600)
    committee.make_reader = BreakingReader
    node = committee.start(0)

    async with asyncio.timeout(20):
        while True:
            await asyncio.sleep(0.02)
            if BreakingReader.syncs_count > len(committee.chain_ids):
                break

    assert node.status.unexpected_error == "ZeroDivisionError in CutFinder.keep_synced"
    await committee.stop_all()


class ReorgObserver(FakeObserver):
    """Finds, while it reads the blocks of a cut, that a finalised one was replaced."""

    async def observe(self, cut: Cut) -> Observed:
        raise PastFinalityReorgError(cut.chains[0].chain_id, 9, 5)


async def test_runtime__reorg_found_while_observing__halts_the_node_and_no_other(committee: QuickCommittee) -> None:
    committee.observers[1] = ReorgObserver()
    start_all(committee)

    epoch = await committee.wait_for_agreement(0)

    assert "stop signing" in committee.nodes[NodeId(1)].status.halted
    assert {committee.nodes[NodeId(number)].status.halted for number in (0, 2, 3)} == {""}
    stored = committee.nodes[NodeId(1)].stores.votes.since(Epoch(0))
    assert MessageKind.ATTESTATION not in {vote.kind for vote in stored if vote.epoch == epoch}


async def test_runtime__bad_messages__are_counted_and_change_nothing(committee: QuickCommittee) -> None:
    start_all(committee)
    await committee.wait_for_agreement(0)
    node = committee.nodes[NodeId(0)]
    epoch = node.status.newest_epoch or Epoch(0)
    message = Message(
        config_digest=committee.config.digest,
        epoch=epoch,
        view=View(0),
        cut_hash=keccak256(b"cut"),
        sender=NodeId(1),
        body=PrepareBody(report_hash=keccak256(b"report")),
    )
    forged = SignedMessage(message=message, signature=SIGNERS[2].sign_digest(message.digest))

    accepted = [node.runtime.on_batch(encode_batch([forged.wire])), node.runtime.on_batch(b"garbage")]
    node.runtime.on_too_large()
    after = await committee.wait_for_agreement(0, after=epoch)

    assert accepted == [False, False]
    assert node.drops.of(None) == {
        DropReason.WRONG_SIGNATURE: 1,
        DropReason.MALFORMED: 1,
        DropReason.TOO_LARGE: 1,
    }
    assert after > epoch
