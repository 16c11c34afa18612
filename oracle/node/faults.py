"""Faults that a node commits on purpose, so that a sandbox can show that the committee stands them. Refused outside the sandbox.

A faulty node follows the protocol in everything but its one fault.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import replace
from enum import StrEnum

from oracle.consensus.bodies import ProposalBody
from oracle.consensus.messages import Message
from oracle.domain.ids import keccak256
from oracle.domain.score import BorrowerScore, Score
from oracle.domain.units import Margin, NodeId
from oracle.errors import FaultRefusedError

REPLAYED_MESSAGES = 50
LIE_MARGIN_UNITS = 6_000


class FaultKind(StrEnum):
    """What a faulty node does."""

    LIE_SCORE = "lie-score"
    LIE_FEATURES = "lie-features"
    EQUIVOCATE = "equivocate"
    SILENT = "silent"
    REPLAY = "replay"


class Behaviour:
    """An honest node: says what it found, to whom the protocol says."""

    def change_scores(self, scores: tuple[Score, ...]) -> tuple[Score, ...]:
        """Return the scores that this node claims to have computed."""
        return scores

    def change_send(self, message: Message, to: Sequence[NodeId]) -> Iterable[tuple[Message, Sequence[NodeId]]]:
        """Yield what this node sends in place of a message."""
        yield message, to

    def extra_wires(self, wire: bytes) -> Iterable[bytes]:
        """Yield old wire forms that this node sends besides a new one."""
        return ()


class ScoreLiar(Behaviour):
    """Makes its first rated borrower look safer than it is."""

    def change_scores(self, scores: tuple[Score, ...]) -> tuple[Score, ...]:
        """Return the scores with one lie."""
        target = _first_borrower(scores)
        if target is None:
            return scores
        lie = replace(target, behaviour_margin=Margin(target.behaviour_margin - LIE_MARGIN_UNITS))
        return tuple(lie if score is target else score for score in scores)


class FeatureLiar(Behaviour):
    """Claims another feature vector for its first rated borrower."""

    def change_scores(self, scores: tuple[Score, ...]) -> tuple[Score, ...]:
        """Return the scores with one lie."""
        target = _first_borrower(scores)
        if target is None:
            return scores
        lie = replace(target, features_hash=keccak256(b"another history" + target.features_hash))
        return tuple(lie if score is target else score for score in scores)


class Equivocator(Behaviour):
    """As leader, sends a second, different proposal beside the true one."""

    def change_send(self, message: Message, to: Sequence[NodeId]) -> Iterable[tuple[Message, Sequence[NodeId]]]:
        """Yield the false proposal to every other node first."""
        if isinstance(message.body, ProposalBody):
            report = replace(message.body.report, scores_root=keccak256(b"another outcome"))
            others = [node for node in to if node != message.sender]
            yield replace(message, body=replace(message.body, report=report)), others
        yield message, to


class Mute(Behaviour):
    """Listens and says nothing."""

    def change_send(self, message: Message, to: Sequence[NodeId]) -> Iterable[tuple[Message, Sequence[NodeId]]]:
        """Yield only what goes to itself."""
        own = [node for node in to if node == message.sender]
        if own:
            yield message, own


class Replayer(Behaviour):
    """Repeats its own old messages with each new one."""

    def __init__(self) -> None:
        self._old: deque[bytes] = deque(maxlen=REPLAYED_MESSAGES)

    def extra_wires(self, wire: bytes) -> Iterable[bytes]:
        """Yield some old messages, then remember this one."""
        yield from list(self._old)[::10]
        self._old.append(wire)


_BEHAVIOURS: dict[FaultKind, type[Behaviour]] = {
    FaultKind.LIE_SCORE: ScoreLiar,
    FaultKind.LIE_FEATURES: FeatureLiar,
    FaultKind.EQUIVOCATE: Equivocator,
    FaultKind.SILENT: Mute,
    FaultKind.REPLAY: Replayer,
}


def make_behaviour(fault: FaultKind | None, *, is_sandbox: bool) -> Behaviour:
    """Return how the node behaves.

    Raises:
        FaultRefusedError: if a fault is asked for outside the sandbox.
    """
    if fault is None:
        return Behaviour()
    if not is_sandbox:
        raise FaultRefusedError('the config does not say profile = "sandbox"')
    return _BEHAVIOURS[fault]()


def _first_borrower(scores: tuple[Score, ...]) -> BorrowerScore | None:
    rated = (score for score in scores if isinstance(score, BorrowerScore) and score.grade != 0)
    return next(rated, next((score for score in scores if isinstance(score, BorrowerScore)), None))
