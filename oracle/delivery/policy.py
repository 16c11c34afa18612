"""What is worth a transaction: when a report is published, and which scores are posted with it. Pure.

Publish on heartbeat, on a deviation in absolute ppm, on a change of who is listed, or on request. Post every collateral of the chain, and at most k
borrowers with open loans whose score moved, largest debt first. What `post` would skip is not sent.
Source: DESIGN.md, sections 6 and 11.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from oracle.delivery.codec import PostedBorrower, PostedCollateral
from oracle.domain.ids import SubjectId
from oracle.domain.score import BorrowerScore, CollateralScore, Score
from oracle.domain.units import Epoch, Ppm


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryPolicy:
    """An operator's thresholds; all members of a committee should use the same."""

    heartbeat_s: int
    deviation_ppm: Ppm
    posted_borrowers_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenLoan:
    """A borrower's debt in the markets of a chain, in their loan tokens' smallest units."""

    subject: SubjectId
    debt_amount: int


def is_due(
    policy: DeliveryPolicy,
    *,
    scores: Sequence[Score],
    landed: Sequence[Score] | None,
    age_s: int,
    is_requested: bool = False,
) -> bool:
    """Return whether a report with `scores` should be published, given the scores of the last landed report and its age.

    `landed` None means that they are not known: then it is due.
    """
    if is_requested or landed is None or age_s >= policy.heartbeat_s:
        return True
    before = {score.subject: score for score in landed}
    if len(before) != len(scores):
        return True
    return any(_deviation_ppm(score, before.get(score.subject)) >= policy.deviation_ppm for score in scores)


def _deviation_ppm(now: Score, before: Score | None) -> int:
    match now, before:
        case BorrowerScore(), BorrowerScore() if (now.grade == 0) == (before.grade == 0):
            return abs(now.pd_ppm - before.pd_ppm)
        case CollateralScore(), CollateralScore() if now.binding == before.binding:
            threshold_bps = abs(now.liquidation_threshold_bps - before.liquidation_threshold_bps)
            return max(abs(now.gap_ppm - before.gap_ppm), 100 * threshold_bps)
        case _:
            return 10**6


def select_collaterals(
    scores: Sequence[Score],
    *,
    subjects: frozenset[SubjectId],
    posted: Mapping[SubjectId, PostedCollateral],
    epoch: Epoch,
) -> tuple[CollateralScore, ...]:
    """Return the collateral scores of the chain that are newer than the stored ones, in the order given."""
    return tuple(
        score
        for score in scores
        if isinstance(score, CollateralScore)
        and score.subject in subjects
        and (score.subject not in posted or posted[score.subject].epoch < epoch)
    )


def select_borrowers(
    scores: Sequence[Score],
    *,
    loans: Sequence[OpenLoan],
    posted: Mapping[SubjectId, PostedBorrower],
    epoch: Epoch,
    oldest_valid_epoch: Epoch,
    count: int,
) -> tuple[BorrowerScore, ...]:
    """Return the scores of at most `count` open loans that would replace the stored ones, largest debt first."""
    by_subject = {score.subject: score for score in scores if isinstance(score, BorrowerScore)}
    selected: list[BorrowerScore] = []
    for loan in sorted(loans, key=lambda loan: (-loan.debt_amount, loan.subject)):
        score = by_subject.get(loan.subject)
        if len(selected) == count:
            break
        if score is not None and _replaces(score, posted.get(loan.subject), epoch, oldest_valid_epoch):
            selected.append(score)
    return tuple(selected)


def _replaces(score: BorrowerScore, stored: PostedBorrower | None, epoch: Epoch, oldest_valid_epoch: Epoch) -> bool:
    """A stored score gives way to a riskier one of the same or a newer epoch, or once it expired; unrated is riskiest."""
    if stored is None or stored.epoch < oldest_valid_epoch:
        return True
    if epoch < stored.epoch or stored.grade == 0:
        return False
    return score.grade == 0 or score.behaviour_margin > stored.behaviour_margin
