"""Transactions: signed for the right account, replaced when stuck, refused before the cap (V-03, V-04)."""

from __future__ import annotations

import pytest
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from hexbytes import HexBytes

from oracle.delivery import codec
from oracle.delivery.transactions import FeePolicy, TransactionSender
from oracle.domain.ids import keccak256
from oracle.errors import CallRevertedError, NonceUsedError, SpendingCapError, TransactionStuckError
from oracle.signing.signer import LocalSigner
from tests.delivery.conftest import Agreed
from tests.delivery.fake_chain import CHAIN, GAS, ORACLE, FakeChain, FakeGuard, FakeTimer

SIGNER = LocalSigner(b"\x46" * 32)
POLICY = FeePolicy(poll_ms=100, replace_after_ms=1_000, attempts=3)
pytestmark = pytest.mark.anyio


class World:
    def __init__(self) -> None:
        self.chain, self.guard, self.timer = FakeChain(), FakeGuard(), FakeTimer()
        self.sender = TransactionSender(self.chain, SIGNER, self.guard, self.timer, POLICY)


@pytest.fixture
def world() -> World:
    return World()


def publish(agreed: Agreed) -> bytes:
    return codec.encode_publish(agreed.report, b"")


def fee_of(raw: bytes) -> int:
    return int(TypedTransaction.from_bytes(HexBytes(raw)).as_dict()["maxFeePerGas"])


def nonce_of(raw: bytes) -> int:
    return int(TypedTransaction.from_bytes(HexBytes(raw)).as_dict()["nonce"])


async def test_send__mined_at_once__is_signed_by_the_account_and_counted(world: World, agreed: Agreed) -> None:
    receipt = await world.sender.send(ORACLE, publish(agreed), what="publish")

    (raw,) = world.chain.raw_sent
    assert receipt.is_success
    assert world.chain.sender_of(raw) == SIGNER.address
    assert TypedTransaction.from_bytes(HexBytes(raw)).as_dict()["gas"] == GAS * 12 // 10
    assert fee_of(raw) == 2 * 10**9 + 10**8
    assert world.guard.recorded == [receipt.fee_wei]
    assert world.guard.reserved == {}


async def test_send__stuck__is_replaced_with_the_same_nonce_at_a_higher_fee(world: World, agreed: Agreed) -> None:
    world.chain.is_mining = False
    world.timer.on_sleep = lambda now_ms: world.chain.mine() if now_ms > 1_500 else None

    receipt = await world.sender.send(ORACLE, publish(agreed), what="publish")

    first, second = world.chain.raw_sent
    assert receipt.is_success
    assert fee_of(second) * 100 >= fee_of(first) * 125
    assert [TypedTransaction.from_bytes(HexBytes(raw)).as_dict()["nonce"] for raw in (first, second)] == [0, 0]


async def test_send__another_node_lands_while_ours_is_stuck__is_not_bid_up(world: World, agreed: Agreed) -> None:
    world.chain.is_mining = False

    def other_node_lands(now_ms: int) -> None:
        world.chain.head = (agreed.report.epoch, 0, 0, 0, 0, agreed.report.scores_root)

    world.timer.on_sleep = other_node_lands

    with pytest.raises(CallRevertedError, match="StaleReport"):
        await world.sender.send(ORACLE, publish(agreed), what="publish")

    assert len(world.chain.raw_sent) == 1


async def test_send__left_over_of_an_earlier_process__is_outbid(world: World, agreed: Agreed) -> None:
    world.chain.pending[0] = {"fee": 2 * 10**9 + 10**8, "data": publish(agreed), "hash": b"\x01" * 32}

    receipt = await world.sender.send(ORACLE, publish(agreed), what="publish")

    assert receipt.is_success
    assert fee_of(world.chain.raw_sent[-1]) > 2 * 10**9 + 10**8


async def test_send__never_mined__gives_up_loudly(world: World, agreed: Agreed) -> None:
    world.chain.is_mining = False

    with pytest.raises(TransactionStuckError, match="after 3 attempts"):
        await world.sender.send(ORACLE, publish(agreed), what="publish")

    assert world.guard.recorded == []


async def test_send__simulation_reverts__sends_nothing(world: World, agreed: Agreed) -> None:
    world.chain.reverts = ["publish"]

    with pytest.raises(CallRevertedError, match="WrongSigner"):
        await world.sender.send(ORACLE, publish(agreed), what="publish")

    assert world.chain.raw_sent == []


async def test_send__cap_reached__sends_nothing(world: World, agreed: Agreed) -> None:
    world.guard.refusal = SpendingCapError(CHAIN, 10, 5, 12, None)

    with pytest.raises(SpendingCapError, match="daily_cap_wei"):
        await world.sender.send(ORACLE, publish(agreed), what="publish")

    assert world.chain.raw_sent == []


async def test_send__endpoint_lags_behind_by_a_transaction__takes_the_next_nonce_at_once(
    world: World, agreed: Agreed
) -> None:
    world.chain.mined_nonce = 4
    world.chain.nonces_read = [3]

    receipt = await world.sender.send(ORACLE, publish(agreed), what="publish")

    assert receipt.is_success
    assert nonce_of(world.chain.raw_sent[-1]) == 4
    assert world.timer.time_ms < POLICY.replace_after_ms


async def test_send__left_over_mined_between_nonce_and_sending__is_simulated_again(
    world: World, agreed: Agreed
) -> None:
    world.chain.pending[0] = {"fee": 1, "data": publish(agreed), "hash": b"\x01" * 32}
    world.chain.nonces_read = [0]
    world.chain.before_send = world.chain.mine

    with pytest.raises(CallRevertedError, match="StaleReport"):
        await world.sender.send(ORACLE, publish(agreed), what="publish")

    assert world.timer.time_ms < POLICY.replace_after_ms


async def test_send__nonce_too_low_after_relaying__what_was_handed_in_stays_set_aside(
    world: World, agreed: Agreed
) -> None:
    """V-04: a hostile endpoint relays a transaction and says that its nonce was used."""
    raws: list[bytes] = []
    honest_send = world.chain.send

    async def relay_and_deny(raw: bytes) -> None:
        raws.append(raw)
        await honest_send(raw)
        raise NonceUsedError(CHAIN)

    world.chain.is_mining = False
    world.chain.send = relay_and_deny  # type: ignore[method-assign]
    with pytest.raises(TransactionStuckError):
        await world.sender.send(ORACLE, publish(agreed), what="publish")

    assert keccak256(raws[0]) in world.guard.reserved
    world.chain.mine()
    (receipt,) = world.chain.receipts.values()
    with pytest.raises(CallRevertedError, match="StaleReport"):
        await world.sender.send(ORACLE, publish(agreed), what="publish")
    assert world.guard.recorded == [receipt.fee_wei]


async def test_send__lagging_endpoint_names_a_nonce_that_was_settled__nothing_stays_set_aside(
    world: World, agreed: Agreed
) -> None:
    await world.sender.send(ORACLE, publish(agreed), what="publish")
    world.chain.head = (0, 0, 0, 0, 0, bytes(32))
    world.chain.nonces_read = [0]

    await world.sender.send(ORACLE, publish(agreed), what="publish")

    assert world.guard.reserved == {}
    assert len(world.guard.recorded) == 2


async def test_send__receipt_from_one_endpoint_only__stays_set_aside_until_two_have_it(
    world: World, agreed: Agreed
) -> None:
    world.chain.is_confirming = False

    receipt = await world.sender.send(ORACLE, publish(agreed), what="publish")

    assert receipt.is_success
    assert world.guard.recorded == []
    assert set(world.guard.reserved) == {receipt.transaction_hash}


async def test_send__given_up_and_mined_later__is_counted_with_the_next(world: World, agreed: Agreed) -> None:
    world.chain.is_mining = False
    with pytest.raises(TransactionStuckError):
        await world.sender.send(ORACLE, publish(agreed), what="publish")
    world.chain.mine()
    (late,) = world.chain.receipts.values()

    with pytest.raises(CallRevertedError, match="StaleReport"):
        await world.sender.send(ORACLE, publish(agreed), what="publish")

    assert world.guard.recorded == [late.fee_wei]
