"""When a report is due, and which scores go with it."""

from __future__ import annotations

import pytest

from oracle.delivery.codec import PostedBorrower, PostedCollateral
from oracle.delivery.policy import DeliveryPolicy, OpenLoan, is_due, select_borrowers, select_collaterals
from oracle.domain.ids import borrower_subject
from oracle.domain.score import Binding
from oracle.domain.units import Epoch, Margin, Ppm
from tests.delivery.conftest import account, borrower_score, collateral_score

POLICY = DeliveryPolicy(heartbeat_s=3_600, deviation_ppm=Ppm(2_000), posted_borrowers_count=2)
EPOCH = Epoch(100)


@pytest.mark.parametrize(("pd", "due"), [(4_000, False), (5_999, False), (6_000, True), (2_001, False), (2_000, True)])
def test_is_due__pd_moved__from_the_absolute_deviation_on(pd: int, due: bool) -> None:
    assert is_due(POLICY, scores=[borrower_score(1, pd=pd)], landed=[borrower_score(1)], age_s=1) is due


@pytest.mark.parametrize(("age_s", "due"), [(3_599, False), (3_600, True)])
def test_is_due__nothing_moved__at_the_heartbeat(age_s: int, due: bool) -> None:
    assert is_due(POLICY, scores=[borrower_score(1)], landed=[borrower_score(1)], age_s=age_s) is due


def test_is_due__listed_borrowers_changed__is_true() -> None:
    landed = [borrower_score(1), borrower_score(2)]

    assert is_due(POLICY, scores=[borrower_score(1)], landed=landed, age_s=1)
    assert is_due(POLICY, scores=[borrower_score(1), borrower_score(3)], landed=landed, age_s=1)


def test_is_due__unknown_landing_or_request__is_true() -> None:
    assert is_due(POLICY, scores=[], landed=None, age_s=0)
    assert is_due(POLICY, scores=[], landed=[], age_s=0, is_requested=True)


def test_is_due__became_unrated__is_true() -> None:
    assert is_due(POLICY, scores=[borrower_score(1, grade=0)], landed=[borrower_score(1)], age_s=1)
    assert is_due(POLICY, scores=[collateral_score(binding=Binding.UNRATED)], landed=[collateral_score()], age_s=1)


def test_is_due__collateral_threshold_moved_by_20_bps__is_2000_ppm() -> None:
    assert is_due(POLICY, scores=[collateral_score(threshold=7_980)], landed=[collateral_score()], age_s=1)
    assert not is_due(POLICY, scores=[collateral_score(threshold=7_981)], landed=[collateral_score()], age_s=1)


def test_select_collaterals__stored_epoch__only_older_ones_are_replaced() -> None:
    score = collateral_score()
    subjects = frozenset([score.subject])

    def select(posted: dict[bytes, PostedCollateral]) -> object:
        return select_collaterals([score, borrower_score(1)], subjects=subjects, posted=posted, epoch=EPOCH)  # type: ignore[arg-type]

    def stored(epoch: int) -> PostedCollateral:
        return PostedCollateral(epoch=Epoch(epoch), margin=Margin(0), gap_ppm=0, binding=1)

    assert select({}) == (score,)
    assert select({score.subject: stored(99)}) == (score,)
    assert select({score.subject: stored(100)}) == ()
    assert select_collaterals([score], subjects=frozenset(), posted={}, epoch=EPOCH) == ()


def loan(number: int, debt: int) -> OpenLoan:
    return OpenLoan(subject=borrower_subject(account(number)), debt_amount=debt)


def test_select_borrowers__more_than_k__takes_the_largest_debts() -> None:
    scores = [borrower_score(n) for n in range(1, 6)]

    selected = select_borrowers(
        scores,
        loans=[loan(1, 10), loan(3, 30), loan(2, 20), loan(9, 99)],
        posted={},
        epoch=EPOCH,
        oldest_valid_epoch=Epoch(90),
        count=2,
    )

    assert selected == (scores[2], scores[1])


@pytest.mark.parametrize(
    ("stored_epoch", "stored_margin", "stored_grade", "now_margin", "now_grade", "taken"),
    [
        (95, 100, 3, 100, 3, False),
        (95, 100, 3, 101, 3, True),
        (95, 100, 3, 99, 3, False),
        (89, 100, 3, 99, 3, True),
        (95, 100, 3, 99, 0, True),
        (95, 100, 0, 500, 3, False),
        (101, 100, 3, 101, 3, False),
    ],
)
def test_select_borrowers__stored_score__gives_way_to_riskier_or_after_expiry(
    stored_epoch: int, stored_margin: int, stored_grade: int, now_margin: int, now_grade: int, taken: bool
) -> None:
    score = borrower_score(1, behaviour=now_margin, grade=now_grade)
    stored = PostedBorrower(
        epoch=Epoch(stored_epoch), behaviour_margin=Margin(stored_margin), pd_upper_ppm=0, grade=stored_grade
    )

    selected = select_borrowers(
        [score],
        loans=[loan(1, 10)],
        posted={score.subject: stored},
        epoch=EPOCH,
        oldest_valid_epoch=Epoch(90),
        count=5,
    )

    assert bool(selected) is taken
