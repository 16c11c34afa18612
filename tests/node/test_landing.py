"""A chain's delivery desk: what is due is brought, what landed is kept, what conflicts halts the node (N-06)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from oracle.consensus.events import Attested, Event, LandedOnChain, Transmit
from oracle.delivery.codec import Head
from oracle.delivery.policy import DeliveryPolicy
from oracle.delivery.ports import BlockTip, Log, Receipt
from oracle.delivery.submitter import Submission
from oracle.domain.ids import Address, Hash32, keccak256, uint_word
from oracle.domain.report import Report
from oracle.domain.score import Score
from oracle.domain.units import BlockNumber, ChainId, Epoch, NodeId, Ppm, TimestampS
from oracle.errors import ConflictingReportError, EndpointDisagreementError, SpendingCapError, TooFewEndpointsError
from oracle.node.bookkeeping import Bookkeeper
from oracle.node.clock import SystemClock
from oracle.node.health import Health
from oracle.node.landing import DeliveryDesk
from oracle.node.status import NodeStatus
from oracle.node.stores import Stores
from tests.delivery.conftest import borrower_score, collateral_score
from tests.node.committee import quick_config

pytestmark = pytest.mark.anyio
CHAIN = ChainId(31_337)
SCORES: tuple[Score, ...] = (borrower_score(1), collateral_score())
REPORT = Report(
    config_digest=quick_config().digest,
    epoch=Epoch(100),
    cut_hash=keccak256(b"cut"),
    scores_root=keccak256(b"root"),
    observers=15,
    borrowers=1,
    collaterals=1,
    stalled_chains=0,
)
RECEIPT = Receipt(
    transaction_hash=keccak256(b"tx"),
    block_number=BlockNumber(7),
    is_success=True,
    gas_used=60_000,
    is_confirmed=True,
    fee_wei=1,
)
NO_HEAD = Head(
    epoch=Epoch(0),
    observed_at_s=TimestampS(0),
    valid_until_s=TimestampS(0),
    landed_at_s=TimestampS(0),
    previous_epoch=Epoch(0),
    scores_root=Hash32(bytes(32)),
)


class FakeChain:
    """Submitter and gateway of one chain."""

    chain_id = CHAIN

    def __init__(self) -> None:
        self.heads = [NO_HEAD]
        self.submitted: list[Report] = []
        self.failure: Exception | None = None
        self.agreed_head: Head | None = None
        """What two endpoints share; None that they do not agree."""
        self.unposted_looks = 0
        """How many more looks find collaterals without their score."""

    async def call_agreed(self, to: Address, data: bytes) -> bytes:
        head = self.agreed_head
        if head is None:
            raise EndpointDisagreementError(CHAIN, "a call", {})
        times = (head.epoch, head.observed_at_s, head.valid_until_s, head.landed_at_s, head.previous_epoch)
        return b"".join(uint_word(time) for time in times) + head.scores_root

    async def is_posted(self, epoch: Epoch, scores: Sequence[Score]) -> bool:
        self.unposted_looks -= 1
        return self.unposted_looks < 0

    async def fetch_head(self) -> Head:
        return self.heads.pop(0) if len(self.heads) > 1 else self.heads[0]

    async def submit(
        self, report: Report, attestations: Mapping[NodeId, bytes], quorum: int, scores: Sequence[Score]
    ) -> Submission:
        if self.failure is not None:
            raise self.failure
        self.submitted.append(report)
        head = replace(NO_HEAD, epoch=report.epoch, scores_root=report.scores_root)
        return Submission(head=head, publish=RECEIPT, post=None, posted=())

    async def tip(self) -> BlockTip:
        return BlockTip(number=BlockNumber(9), time_s=TimestampS(0), base_fee_wei=0)

    async def logs(self, *_: object, **__: object) -> list[Log]:
        return [Log(block_number=BlockNumber(8), transaction_hash=keccak256(b"theirs"), topics=(), data=b"")]


class Desk:
    """A desk over fakes, its status and what it told the protocol."""

    def __init__(self, folder: Path, **policy: Any) -> None:
        self.stores = Stores.open(folder / "node.db", hold=False)
        self.status = NodeStatus((CHAIN,))
        self.status.begin(REPORT.epoch)
        self.books = Bookkeeper(self.stores, SystemClock(), self.status, kept_epochs=4)
        self.events: list[Event] = []
        self.chain = FakeChain()
        thresholds = {"heartbeat_s": 1, "deviation_ppm": Ppm(1), "posted_borrowers_count": 1} | policy
        self.desk = DeliveryDesk(
            gateway=cast("Any", self.chain),
            submitter=cast("Any", self.chain),
            oracle=Address(bytes(20)),
            config=quick_config(),
            policy=DeliveryPolicy(**thresholds),
            poll_ms=1,
            bookkeeper=self.books,
            scores=self.stores.scores,
            status=self.status,
            post=self.events.append,
        )

    async def deliver(self) -> None:
        await self.desk.deliver(Transmit(chain_id=CHAIN, report=REPORT, attestations={}))

    async def watch(self) -> None:
        await self.desk.watch(Attested(report=REPORT, attestations={}))

    def close(self) -> None:
        self.books.close()
        self.stores.database.close()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    made.books.on_agreed(REPORT, SCORES)
    yield made
    made.close()


SETTLED = LandedOnChain(chain_id=CHAIN, epoch=REPORT.epoch)


async def test_deliver__due__is_submitted_kept_and_settled(desk: Desk) -> None:
    await desk.deliver()
    desk.books.close()

    (landing,) = desk.stores.reports.landings(REPORT.epoch)
    assert desk.chain.submitted == [REPORT]
    assert (landing.transaction_hash, landing.gas_used) == (RECEIPT.transaction_hash, 60_000)
    assert desk.events == [SETTLED]


async def test_deliver__nothing_moved_before_the_heartbeat__is_settled_unsent(tmp_path: Path) -> None:
    desk = Desk(tmp_path, heartbeat_s=3_600, deviation_ppm=Ppm(2_000))
    before = replace(REPORT, epoch=Epoch(99))
    desk.books.on_agreed(before, SCORES)
    desk.books.on_agreed(REPORT, SCORES)
    desk.chain.heads = [replace(NO_HEAD, epoch=before.epoch, scores_root=before.scores_root)]

    await desk.deliver()
    desk.close()

    assert desk.chain.submitted == []
    assert desk.events == [SETTLED]


async def test_deliver__endpoints_down__is_noted_and_left_to_the_next(desk: Desk) -> None:
    desk.chain.failure = TooFewEndpointsError(CHAIN, "a transaction", ())

    await desk.deliver()

    assert desk.events == []
    assert "fewer than two endpoints" in desk.status.chains[CHAIN].error


async def test_watch__brought_by_another_node__is_kept_with_its_block(desk: Desk) -> None:
    landed = replace(NO_HEAD, epoch=REPORT.epoch, scores_root=REPORT.scores_root, landed_at_s=TimestampS(55))
    desk.chain.heads = [NO_HEAD, NO_HEAD, landed]

    await desk.watch()
    desk.books.close()

    (landing,) = desk.stores.reports.landings(REPORT.epoch)
    assert (landing.block_number, landing.landed_at_s, landing.transaction_hash) == (8, 55, None)
    assert desk.events == [SETTLED]


async def test_watch__newer_report_landed__counts_as_landed(desk: Desk) -> None:
    desk.chain.heads = [replace(NO_HEAD, epoch=Epoch(101), scores_root=keccak256(b"newer"))]

    await desk.watch()

    assert desk.events == [LandedOnChain(chain_id=CHAIN, epoch=Epoch(101))]


ANOTHER = replace(NO_HEAD, epoch=REPORT.epoch, scores_root=keccak256(b"another"))
OURS = replace(NO_HEAD, epoch=REPORT.epoch, scores_root=REPORT.scores_root)


async def test_watch__another_root_for_the_epoch__halts_the_node(desk: Desk) -> None:
    desk.chain.heads = [ANOTHER]
    desk.chain.agreed_head = ANOTHER

    await desk.watch()

    assert "evidence of equivocation" in desk.status.halted
    assert desk.events == []


@pytest.mark.parametrize("agreed", [None, NO_HEAD, OURS])
async def test_watch__another_root_on_the_word_of_one_endpoint__halts_nobody(desk: Desk, agreed: Head | None) -> None:
    desk.chain.heads = [ANOTHER, OURS]
    desk.chain.agreed_head = agreed

    await desk.watch()

    assert not desk.status.halted
    assert desk.events == [SETTLED]


@pytest.mark.parametrize("agreed", [None, OURS, ANOTHER])
async def test_deliver__conflict__halts_only_if_two_endpoints_show_it(desk: Desk, agreed: Head | None) -> None:
    desk.chain.failure = ConflictingReportError(CHAIN, REPORT.epoch, REPORT.scores_root, ANOTHER.scores_root)
    desk.chain.agreed_head = agreed

    await desk.deliver()

    assert bool(desk.status.halted) == (agreed is ANOTHER)
    assert desk.events == []


async def test_watch__published_without_its_scores__is_settled_when_they_are_posted(desk: Desk) -> None:
    desk.chain.heads = [OURS]
    desk.chain.unposted_looks = 3

    await desk.watch()

    assert desk.chain.unposted_looks == -1
    assert desk.events == [SETTLED]


async def test_deliver__landed_already__still_posts_what_was_left_out(tmp_path: Path) -> None:
    desk = Desk(tmp_path, heartbeat_s=3_600, deviation_ppm=Ppm(2_000))
    desk.books.on_agreed(REPORT, SCORES)
    desk.chain.heads = [OURS]

    await desk.deliver()
    desk.close()

    assert desk.chain.submitted == [REPORT]


async def test_watch__epoch_long_over__gives_up(desk: Desk) -> None:
    desk.status.begin(Epoch(102))

    await desk.watch()

    assert desk.events == []


async def test_deliver__daily_cap_reached__health_says_so_until_the_next_delivery(desk: Desk, tmp_path: Path) -> None:
    health = Health(quick_config(), desk.status, SystemClock(), tmp_path / "node.db")
    desk.chain.failure = SpendingCapError(CHAIN, 990, 20, 1_000, 1_700_000_000)

    await desk.deliver()
    (trouble,) = [t for t in health.troubles() if t.code == "gas_cap"]
    desk.chain.failure = None
    await desk.deliver()

    assert "14 Nov 22:13 UTC" in trouble.detail
    assert "daily_cap_wei" in trouble.detail
    assert [t for t in health.troubles() if t.code == "gas_cap"] == []
    assert desk.chain.submitted == [REPORT]
