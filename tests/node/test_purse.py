"""The purse: within any 24 hours nothing passes the cap, whatever is replaced, given up, mined late or restarted in between (V-04)."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oracle.domain.ids import Hash32, keccak256
from oracle.domain.units import ChainId, TimestampS
from oracle.errors import SpendingCapError
from oracle.node.clock import SystemClock
from oracle.node.purse import WINDOW_S, Purse
from oracle.node.stores import Stores

CHAIN, OTHER = ChainId(1), ChainId(2)
DAY_S, HOUR_S = 86_400, 3_600
FIRST_S = DAY_S * 100 + 7
CAP_WEI = 1_000


class SetClock(SystemClock):
    def __init__(self, now_s: int) -> None:
        super().__init__()
        self.now_s = now_s

    def now_ms(self) -> int:
        return self.now_s * 1_000

    def observe_block(self, time_s: TimestampS) -> None:
        return


@pytest.fixture
def clock() -> SetClock:
    return SetClock(FIRST_S)


def hash_of(number: int) -> Hash32:
    return keccak256(b"%d" % number)


def open_purse(path: Path, clock: SetClock, cap_wei: int = CAP_WEI) -> tuple[Stores, Purse]:
    stores = Stores.open(path, hold=False)
    return stores, Purse(stores.spending, clock, cap_wei)


def test_reserve__up_to_the_cap__passes_and_a_wei_more_does_not(tmp_path: Path, clock: SetClock) -> None:
    stores, purse = open_purse(tmp_path / "node.db", clock)
    purse.reserve(CHAIN, hash_of(1), 0, CAP_WEI)
    purse.settle(CHAIN, 0, 400)
    stores.database.close()

    stores, purse = open_purse(tmp_path / "node.db", clock)
    with pytest.raises(SpendingCapError, match="daily_cap_wei"):
        purse.reserve(CHAIN, hash_of(2), 1, 601)
    purse.reserve(CHAIN, hash_of(3), 1, 600)
    purse.reserve(OTHER, hash_of(4), 0, CAP_WEI)
    stores.database.close()


def test_reserve__an_hour_before_midnight__does_not_open_again_at_midnight(tmp_path: Path, clock: SetClock) -> None:
    """A sum by calendar days would let twice the cap through within two hours."""
    stores, purse = open_purse(tmp_path / "node.db", clock)
    clock.now_s = DAY_S * 101 - HOUR_S
    purse.reserve(CHAIN, hash_of(1), 0, CAP_WEI)
    purse.settle(CHAIN, 0, CAP_WEI)

    clock.now_s = DAY_S * 101 + 1
    with pytest.raises(SpendingCapError) as caught:
        purse.reserve(CHAIN, hash_of(2), 1, 1)
    assert caught.value.resumes_s is not None
    assert DAY_S <= caught.value.resumes_s - (DAY_S * 101 - HOUR_S) <= DAY_S + HOUR_S
    clock.now_s = caught.value.resumes_s
    purse.reserve(CHAIN, hash_of(2), 1, CAP_WEI)
    stores.database.close()


def test_reserve__handed_in_and_killed__still_counts_after_the_restart(tmp_path: Path, clock: SetClock) -> None:
    stores, purse = open_purse(tmp_path / "node.db", clock)
    purse.reserve(CHAIN, hash_of(1), 5, 700)
    stores.database.close()

    stores, purse = open_purse(tmp_path / "node.db", clock)

    assert purse.outstanding(CHAIN) == ((hash_of(1), 5),)
    with pytest.raises(SpendingCapError):
        purse.reserve(CHAIN, hash_of(2), 6, 301)
    # A replacement has the nonce of what it replaces: one of the two is mined.
    purse.reserve(CHAIN, hash_of(3), 5, 1_000)
    assert purse.balance(CHAIN).reserved_wei == 1_000
    stores.database.close()


def test_release__refused_by_the_chain__is_free_again(tmp_path: Path, clock: SetClock) -> None:
    stores, purse = open_purse(tmp_path / "node.db", clock)
    purse.reserve(CHAIN, hash_of(1), 0, CAP_WEI)
    purse.release(CHAIN, hash_of(1))

    purse.reserve(CHAIN, hash_of(2), 1, CAP_WEI)

    assert purse.outstanding(CHAIN) == ((hash_of(2), 1),)
    stores.database.close()


def test_reserve__more_than_the_whole_cap__says_that_waiting_is_no_help(tmp_path: Path, clock: SetClock) -> None:
    stores, purse = open_purse(tmp_path / "node.db", clock)

    with pytest.raises(SpendingCapError, match="this never fits: raise"):
        purse.reserve(CHAIN, hash_of(1), 0, CAP_WEI + 1)
    stores.database.close()


def test_balance__fees_wider_than_64_bits__are_whole(tmp_path: Path, clock: SetClock) -> None:
    large_wei = 1 << 70
    stores, purse = open_purse(tmp_path / "node.db", clock, 4 * large_wei)
    for nonce in range(2):
        purse.reserve(CHAIN, hash_of(nonce), nonce, large_wei)
        purse.settle(CHAIN, nonce, large_wei + nonce)

    assert purse.balance(CHAIN).spent_wei == 2 * large_wei + 1
    stores.database.close()


def test_settle__lower_nonce_whose_receipt_was_never_seen__counts_in_full(tmp_path: Path, clock: SetClock) -> None:
    """By hand: 500 of nonce 5, mined unseen, and 500 of nonce 6 are the whole cap of 1,000."""
    stores, purse = open_purse(tmp_path / "node.db", clock)
    purse.reserve(CHAIN, hash_of(5), 5, 400)
    purse.reserve(CHAIN, hash_of(55), 5, 500)
    purse.reserve(CHAIN, hash_of(6), 6, 500)

    purse.settle(CHAIN, 6, 500)

    assert purse.balance(CHAIN).spent_wei == CAP_WEI
    assert purse.outstanding(CHAIN) == ()
    with pytest.raises(SpendingCapError):
        purse.reserve(CHAIN, hash_of(7), 7, 1)
    stores.database.close()


def test_settle__no_two_agree_on_the_fee__counts_what_was_set_aside(tmp_path: Path, clock: SetClock) -> None:
    stores, purse = open_purse(tmp_path / "node.db", clock)
    purse.reserve(CHAIN, hash_of(1), 0, 300)
    purse.reserve(CHAIN, hash_of(2), 0, 400)

    purse.settle(CHAIN, 0, None)

    assert purse.balance(CHAIN).spent_wei == 400
    stores.database.close()


def test_settle__negative_fee__takes_nothing_back(tmp_path: Path, clock: SetClock) -> None:
    stores, purse = open_purse(tmp_path / "node.db", clock)
    purse.reserve(CHAIN, hash_of(1), 0, 300)
    purse.settle(CHAIN, 0, 300)

    purse.settle(CHAIN, 1, -300)

    assert purse.balance(CHAIN).spent_wei == 300
    stores.database.close()


@dataclass
class Account:
    """An account on a chain: at most one of the transactions with the next nonce is mined, at any later moment."""

    nonce: int = 0
    pending: list[tuple[Hash32, int]] = field(default_factory=list)
    receipts: dict[Hash32, tuple[int, int]] = field(default_factory=dict)
    """nonce and fee of each mined transaction"""
    paid: list[tuple[int, int]] = field(default_factory=list)
    """time and fee of each mined transaction"""

    def mine(self, choice: int, share: int, now_s: int) -> None:
        if self.pending:
            mined, most_wei = self.pending[choice % len(self.pending)]
            self.receipts[mined] = (self.nonce, most_wei * share // 100)
            self.paid.append((now_s, most_wei * share // 100))
            self.pending, self.nonce = [], self.nonce + 1


STEPS = st.lists(
    st.tuples(
        st.integers(0, 40_000),
        st.integers(1, CAP_WEI),
        st.sampled_from(["mined", "stuck", "killed", "refused"]),
        st.integers(0, 3),
        st.integers(50, 100),
        st.booleans(),
    ),
    max_size=30,
)


@settings(max_examples=15)
@given(steps=STEPS)
def test_purse__any_course_of_replaced_late_and_lost_transactions__stays_under_the_cap(
    steps: list[tuple[int, int, str, int, int, bool]],
) -> None:
    clock, account = SetClock(FIRST_S), Account()
    with tempfile.TemporaryDirectory() as folder:
        stores, purse = open_purse(Path(folder) / "node.db", clock)
        for number, (pause_s, fee_wei, what, choice, share, is_lagging) in enumerate(steps):
            # Whatever is pending may be mined while nobody looks.
            clock.now_s += pause_s // 2
            if choice % 2:
                account.mine(choice, share, clock.now_s)
            clock.now_s += pause_s // 2
            for known, nonce in purse.outstanding(CHAIN):
                # The newest receipt can be there while those before it are not.
                is_hidden = is_lagging and nonce < account.nonce - 1
                if known in account.receipts and not is_hidden:
                    purse.settle(CHAIN, nonce, account.receipts.pop(known)[1])
            try:
                purse.reserve(CHAIN, hash_of(number), account.nonce, fee_wei)
            except SpendingCapError:
                continue
            if what == "refused":
                purse.release(CHAIN, hash_of(number))
                continue
            account.pending.append((hash_of(number), fee_wei))
            if what == "mined":
                account.mine(len(account.pending) - 1, share, clock.now_s)
            elif what == "killed":
                stores.database.close()
                stores, purse = open_purse(Path(folder) / "node.db", clock)
        stores.database.close()

    for begun_s, _ in account.paid:
        within = [fee for paid_s, fee in account.paid if begun_s <= paid_s <= begun_s + WINDOW_S]
        assert sum(within) <= CAP_WEI
