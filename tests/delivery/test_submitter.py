"""A report comes to a chain once, whoever brings it (V-01, V-02, V-05)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from oracle.delivery.loans import BORROWED_TOPIC, OpenLoans
from oracle.delivery.policy import DeliveryPolicy
from oracle.delivery.ports import Log
from oracle.delivery.submitter import Destination, Submitter
from oracle.delivery.transactions import FeePolicy, TransactionSender
from oracle.domain.ids import Address, Hash32, address_word, keccak256
from oracle.domain.merkle import MerkleTree
from oracle.domain.units import BlockNumber, NodeId, Ppm
from oracle.errors import ConflictingReportError, TransactionRevertedError, UnreadableAnswerError
from oracle.signing.signer import LocalSigner
from tests.delivery.conftest import Agreed, account, borrower_score, collateral_score
from tests.delivery.fake_chain import MARKET, ORACLE, FakeChain, FakeGuard, FakeTimer

POLICY = DeliveryPolicy(heartbeat_s=1, deviation_ppm=Ppm(1), posted_borrowers_count=2)
ATTESTATIONS = {NodeId(n): bytes(64) + b"\x1b" for n in range(3)}
pytestmark = pytest.mark.anyio


def make_submitter(chain: FakeChain, markets: list[tuple[Address, BlockNumber]] | None = None) -> Submitter:
    sender = TransactionSender(chain, LocalSigner(b"\x46" * 32), FakeGuard(), FakeTimer(), FeePolicy())
    destination = Destination(
        oracle=ORACLE,
        collaterals=frozenset([collateral_score().subject]),
        epoch_seconds=12,
        validity_seconds=120,
    )
    return Submitter(chain, sender, OpenLoans(chain, markets or []), destination, POLICY)


async def submit(chain: FakeChain, agreed: Agreed, **options: Any) -> Any:
    submitter = make_submitter(chain, **options)
    return await submitter.submit(agreed.report, ATTESTATIONS, 3, agreed.scores)


def posted_scores(chain: FakeChain) -> list[Any]:
    return [score for name, arguments in chain.calls_made if name == "post" for score in arguments[1]]  # type: ignore[attr-defined]


async def test_submit__empty_chain__publishes_then_posts_the_collateral(agreed: Agreed) -> None:
    chain = FakeChain()

    result = await submit(chain, agreed)

    assert [name for name, _ in chain.calls_made] == ["publish", "post"]
    assert result.publish is not None
    assert result.head.scores_root == agreed.report.scores_root
    assert posted_scores(chain) == [collateral_score()]


async def test_submit__twice__second_time_sends_nothing(agreed: Agreed) -> None:
    chain = FakeChain()
    await submit(chain, agreed)
    chain.collaterals = {collateral_score().subject: agreed.report.epoch}

    result = await submit(chain, agreed)

    assert len(chain.calls_made) == 2
    assert (result.publish, result.post) == (None, None)


async def test_is_posted__published_only_then_posted__is_told_apart(agreed: Agreed) -> None:
    chain = FakeChain()
    chain.head = (agreed.report.epoch, 0, 0, chain.now_s, 0, agreed.report.scores_root)
    submitter = make_submitter(chain)
    assert not await submitter.is_posted(agreed.report.epoch, agreed.scores)

    await submitter.submit(agreed.report, ATTESTATIONS, 3, agreed.scores)
    assert [name for name, _ in chain.calls_made] == ["post"]

    chain.collaterals = {collateral_score().subject: agreed.report.epoch}
    assert await submitter.is_posted(agreed.report.epoch, agreed.scores)


async def test_submit__other_node_faster_than_our_simulation__is_a_success(agreed: Agreed) -> None:
    chain = FakeChain()
    report = agreed.report

    def other_node_lands() -> None:
        chain.head = (report.epoch, 0, 0, chain.now_s, 0, report.scores_root)
        chain.collaterals = {collateral_score().subject: report.epoch}

    chain.before_simulation = other_node_lands

    result = await submit(chain, agreed)

    assert chain.calls_made == []
    assert result.publish is None
    assert result.head.epoch == report.epoch


async def test_submit__newer_report_on_chain__is_left_alone(agreed: Agreed) -> None:
    chain = FakeChain()
    chain.head = (agreed.report.epoch + 1, 0, 0, chain.now_s, 0, keccak256(b"newer"))

    result = await submit(chain, agreed)

    assert chain.calls_made == []
    assert result.head.epoch == agreed.report.epoch + 1


async def test_submit__other_root_of_this_epoch__is_an_error_with_both(agreed: Agreed) -> None:
    chain = FakeChain()
    other = keccak256(b"equivocation")
    chain.head = (agreed.report.epoch, 0, 0, chain.now_s, 0, other)

    with pytest.raises(ConflictingReportError, match=other.hex()) as caught:
        await submit(chain, agreed)

    assert caught.value.agreed == agreed.report.scores_root


async def test_submit__contract_refuses__raises_its_reason(agreed: Agreed) -> None:
    chain = FakeChain()
    chain.reverts = ["publish"]

    with pytest.raises(TransactionRevertedError, match="WrongSigner"):
        await submit(chain, agreed)


async def test_submit__open_loans__posts_the_two_largest_that_moved(agreed: Agreed) -> None:
    chain = FakeChain(now_s=100 * 12 + 5)
    for number, debt in ((1, 10), (2, 400), (3, 300), (4, 200), (8, 900)):
        chain.debts[account(number)] = debt
        chain.borrowed_logs.append(
            Log(
                block_number=BlockNumber(6_000 + number),
                transaction_hash=Hash32(bytes(32)),
                topics=(BORROWED_TOPIC, Hash32(address_word(account(number))), Hash32(bytes(32))),
                data=b"",
            )
        )
    chain.borrowers[borrower_score(2).subject] = (95, 100, 3)

    await submit(chain, agreed, markets=[(MARKET, BlockNumber(100))])

    assert set(posted_scores(chain)) == {collateral_score(), borrower_score(3), borrower_score(4)}
    assert chain.log_ranges == [(100, 5_099), (5_100, 10_099), (10_100, 12_000)]


async def test_submit__posted_entries__are_proved_against_the_root(agreed: Agreed) -> None:
    chain = FakeChain()

    await submit(chain, agreed)

    (arguments,) = [a for name, a in chain.calls_made if name == "post"]
    _, entries, proof, flags = arguments
    expected = MerkleTree(s.leaf for s in agreed.scores).multiproof([e.leaf for e in entries])  # type: ignore[attr-defined]
    assert (tuple(proof), tuple(flags)) == (expected.proof, expected.flags)  # type: ignore[arg-type]


async def test_submit__endpoint_shows_the_old_head_after_our_publish__posts_all_the_same(agreed: Agreed) -> None:
    chain = FakeChain()
    chain.stale_heads_count = 2

    result = await submit(chain, agreed)

    assert [name for name, _ in chain.calls_made] == ["publish", "post"]
    assert result.head.epoch == agreed.report.epoch


@pytest.mark.parametrize("answer", [b"", b"\x01" * 31, b"\xff" * 192])
async def test_submit__address_without_the_oracle__says_so(agreed: Agreed, answer: bytes) -> None:
    class Stranger(FakeChain):
        async def call(self, calls: Sequence[tuple[Address, bytes]]) -> list[bytes]:
            return [answer for _ in calls]

    with pytest.raises(UnreadableAnswerError, match="head"):
        await submit(Stranger(), agreed)


async def test_fetch__loan_moved_to_a_later_block_by_a_reorg__is_still_found() -> None:
    chain = FakeChain()
    chain.debts[account(1)] = 10
    loans = OpenLoans(chain, [(MARKET, BlockNumber(100))])
    listed = frozenset([borrower_score(1).subject])
    assert await loans.fetch(listed) == ()

    topics = (BORROWED_TOPIC, Hash32(address_word(account(1))), Hash32(bytes(32)))
    chain.borrowed_logs = [
        Log(block_number=BlockNumber(11_990), transaction_hash=Hash32(bytes(32)), topics=topics, data=b"")
    ]

    assert [loan.debt_amount for loan in await loans.fetch(listed)] == [10]


async def test_fetch__market_that_is_none__says_so() -> None:
    chain = FakeChain()
    topics = (BORROWED_TOPIC, Hash32(address_word(account(1))), Hash32(bytes(32)))
    chain.borrowed_logs = [
        Log(block_number=BlockNumber(200), transaction_hash=Hash32(bytes(32)), topics=topics, data=b"")
    ]

    async def answer_nothing(calls: Sequence[tuple[Address, bytes]]) -> list[bytes]:
        return [b"" for _ in calls]

    chain.call = answer_nothing  # type: ignore[method-assign]
    with pytest.raises(UnreadableAnswerError, match="debtOf"):
        await OpenLoans(chain, [(MARKET, BlockNumber(100))]).fetch(frozenset([borrower_score(1).subject]))
