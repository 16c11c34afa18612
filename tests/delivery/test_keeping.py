"""When a call of a consumer is worth its gas, and which final scores its pair needs."""

from __future__ import annotations

from dataclasses import replace

import pytest
from eth_abi.abi import encode

from oracle.delivery import keeping
from oracle.delivery.codec import selector
from oracle.delivery.keeping import PostedPair, Simulated, Target, TargetKind, is_worth, select_finals
from oracle.delivery.ports import Log
from oracle.domain.ids import Address, Hash32, SubjectId, keccak256
from oracle.domain.units import BlockNumber, Bps, Epoch, Ppm
from tests.delivery.conftest import borrower_score, collateral_score

NOBODY, ASSET = Address(bytes(20)), Address(b"\xaa" * 20)
GATE, MORPHO = (
    Target(kind=kind, address=Address(b"\x0f" * 20), asset=NOBODY) for kind in (TargetKind.GATE, TargetKind.MORPHO)
)
STEWARD = Target(kind=TargetKind.STEWARD, address=Address(b"\x0f" * 20), asset=ASSET)
PAIR = collateral_score()
SAME = PostedPair(
    epoch=Epoch(90),
    gap_ppm=PAIR.gap_ppm,
    ltv_ceiling_bps=PAIR.ltv_ceiling_bps,
    liquidation_threshold_bps=PAIR.liquidation_threshold_bps,
    binding=PAIR.binding,
)


def log(topic: bytes, data: bytes = b"") -> Log:
    return Log(
        block_number=BlockNumber(1), transaction_hash=Hash32(bytes(32)), topics=(Hash32(topic), Hash32(bytes(32))), data=data
    )  # fmt: skip


def levels(threshold_e4: int) -> Log:
    types = ("uint256", "uint16", "uint16", "uint32", "uint32")
    return log(keeping.LEVELS_MOVED_TOPIC, encode(types, (threshold_e4, 7_000, 5_000, 600_000, 300)))


def emitting(*logs: Log, refusal: str = "") -> Simulated:
    return Simulated(logs=logs, gas=60_000, refusal=refusal)


@pytest.mark.parametrize(
    ("simulated", "heading_e4", "expected"),
    [
        (emitting(levels(78_000_000)), 80_000_000, True),
        (
            emitting(levels(80_000_000)),
            80_000_000,
            False,
        ),  # only its other levels move, which every loan takes over by itself
        (emitting(levels(80_000_000)), None, True),
        (emitting(), 80_000_000, False),
        (emitting(levels(78_000_000), refusal="no"), 80_000_000, False),
    ],
)
def test_is_worth__gate__only_if_its_threshold_goes_elsewhere(
    simulated: Simulated, heading_e4: int | None, expected: bool
) -> None:
    assert is_worth(GATE, simulated, heading_e4=heading_e4) is expected


@pytest.mark.parametrize("topic", [keeping.TERMS_MOVED_TOPIC, keeping.THRESHOLD_LOWERING_TOPIC])
def test_is_worth__steward__if_it_moves_terms_or_begins_to(topic: bytes) -> None:
    assert is_worth(STEWARD, emitting(log(topic)), heading_e4=None)
    assert not is_worth(STEWARD, emitting(), heading_e4=None)
    assert not is_worth(STEWARD, emitting(log(keccak256(b"another"))), heading_e4=None)
    assert not is_worth(STEWARD, emitting(log(topic), refusal="ExpiredScore"), heading_e4=None)


def test_is_worth__morpho_price__if_it_takes_another_threshold_as_its_target() -> None:
    assert is_worth(MORPHO, emitting(log(keeping.THRESHOLD_TARGETED_TOPIC)), heading_e4=None)
    assert not is_worth(MORPHO, emitting(), heading_e4=None)


def test_call__of_each_kind__is_its_contracts() -> None:
    assert GATE.call == selector("refresh()")
    assert MORPHO.call == selector("poke()")
    assert STEWARD.call == selector("refresh(address)") + bytes(12) + ASSET


def test_decode_pair__of_each_kind__is_the_subject() -> None:
    pair = SubjectId(keccak256(b"pair"))

    assert GATE.decode_pair(pair) == MORPHO.decode_pair(pair) == pair
    assert STEWARD.decode_pair(bytes(12) + ASSET + pair + bytes(12 * 32)) == pair


@pytest.mark.parametrize(
    ("stored", "is_selected"),
    [
        (SAME, False),
        (replace(SAME, epoch=Epoch(89)), True),  # half of its twenty-two epochs are over
        (replace(SAME, epoch=Epoch(0)), True),
        (replace(SAME, liquidation_threshold_bps=Bps(8_001)), True),
        (replace(SAME, gap_ppm=Ppm(301)), True),
        (replace(SAME, binding=3), True),
        (replace(SAME, epoch=Epoch(100), binding=3), False),  # it is of that report already
    ],
)
def test_select_finals__stored_final_score__is_replaced_where_a_consumer_needs_it(
    stored: PostedPair, is_selected: bool
) -> None:
    found = select_finals([borrower_score(1), PAIR], {PAIR.subject: stored}, final_epoch=Epoch(100), epochs_valid=22)

    assert found == ((PAIR,) if is_selected else ())


def test_select_finals__pair_that_nobody_needs__is_left_out() -> None:
    assert select_finals([PAIR], {}, final_epoch=Epoch(100), epochs_valid=22) == ()


def test_rank_of__every_period__is_another_member_first() -> None:
    ranks = [[keeping.rank_of(GATE.address, period, node, 4) for node in range(4)] for period in range(4)]

    assert all(sorted(row) == [0, 1, 2, 3] for row in ranks)
    assert len({row.index(0) for row in ranks}) == 4
