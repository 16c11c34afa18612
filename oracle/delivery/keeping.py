"""What keeps consumers in step with their pair's score: which contracts, how each is called, and when a call is worth its gas. Pure.

A gate's threshold starts to move when somebody calls `refresh`, a steward moves what it may in each call, and both go by posted scores; a steward and a Morpho
price need a *final* one, which posts of newer epochs otherwise keep from ever being stored. Whether a call moves anything is told by the events that it would
emit. Source: `contracts/src/{RiskGate,adapters/AaveSteward,adapters/MorphoScoreOracle}.sol`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from oracle.delivery.codec import COLLATERAL_TYPES, decode_answer, selector
from oracle.delivery.ports import Log
from oracle.domain.ids import Address, Hash32, SubjectId, address_word, keccak256
from oracle.domain.score import CollateralScore, Score
from oracle.domain.units import Bps, Epoch, Ppm

LEVELS_MOVED_TOPIC = keccak256(b"LevelsMoved(uint64,uint256,uint16,uint16,uint32,uint32)")
THRESHOLD_TARGETED_TOPIC = keccak256(b"ThresholdTargeted(uint64,uint256,uint256)")
_TERMS = "(uint256,uint256,uint256,uint256)"
TERMS_MOVED_TOPIC = keccak256(f"TermsMoved(address,uint64,{_TERMS},{_TERMS})".encode())
THRESHOLD_LOWERING_TOPIC = keccak256(b"ThresholdLowering(address,uint64,uint256,uint256)")
MOST_GAS = 1_000_000
"""What no call of a target needs: a steward's is 149k on the real Aave."""


class TargetKind(StrEnum):
    """What is called."""

    GATE = "gate"
    STEWARD = "steward"
    MORPHO = "morpho"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A contract that follows a pair's score; `asset` is the reserve of a steward, nobody's address otherwise."""

    kind: TargetKind
    address: Address
    asset: Address

    @property
    def call(self) -> bytes:
        """Return the calldata that brings it up to date."""
        match self.kind:
            case TargetKind.GATE:
                return selector("refresh()")
            case TargetKind.STEWARD:
                return selector("refresh(address)") + address_word(self.asset)
            case TargetKind.MORPHO:
                return selector("poke()")

    @property
    def pair_call(self) -> bytes:
        """Return the calldata of the view that names its pair."""
        match self.kind:
            case TargetKind.GATE:
                return selector("pairSubject()")
            case TargetKind.STEWARD:
                return selector("policyOf(address)") + address_word(self.asset)
            case TargetKind.MORPHO:
                return selector("pair()")

    def decode_pair(self, answer: bytes) -> SubjectId:
        """Return the pair of an answer. A policy has it in its second word."""
        if self.kind is TargetKind.STEWARD:
            _, pair = decode_answer("policyOf", ("bytes32", "bytes32"), answer[:64])
        else:
            (pair,) = decode_answer("pair", ("bytes32",), answer)
        return SubjectId(pair)

    @property
    def goes_by_final(self) -> bool:
        """Return whether it needs a score of a final report."""
        return self.kind is not TargetKind.GATE


@dataclass(frozen=True, slots=True, kw_only=True)
class PostedPair:
    """What a consumer reads of a collateral's stored score; epoch 0 if there is none."""

    epoch: Epoch
    gap_ppm: Ppm
    ltv_ceiling_bps: Bps
    liquidation_threshold_bps: Bps
    binding: int

    def differs_from(self, score: CollateralScore) -> bool:
        """Return whether a score says something else to a consumer."""
        theirs = (score.gap_ppm, score.ltv_ceiling_bps, score.liquidation_threshold_bps, score.binding)
        return theirs != (self.gap_ppm, self.ltv_ceiling_bps, self.liquidation_threshold_bps, self.binding)


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """What a call would do now; `refusal` is why it would revert, empty if it would not."""

    logs: tuple[Log, ...]
    gas: int
    refusal: str


def is_worth(target: Target, simulated: Simulated, *, heading_e4: int | None) -> bool:
    """Return whether a call moves what nobody's loan would: a gate's threshold, a steward's terms, a Morpho price's threshold.

    `heading_e4` is where a gate's threshold goes already, in 1e-4 bps, None if that is not known. A gate's other levels count for every loan without a call.
    """
    if simulated.refusal:
        return False
    topics = {log.topics[0] for log in simulated.logs if log.topics}
    match target.kind:
        case TargetKind.GATE:
            found = find_heading_e4(simulated.logs)
            return found is not None and found != heading_e4
        case TargetKind.STEWARD:
            return bool(topics & {TERMS_MOVED_TOPIC, THRESHOLD_LOWERING_TOPIC})
        case TargetKind.MORPHO:
            return THRESHOLD_TARGETED_TOPIC in topics


def find_heading_e4(logs: Sequence[Log]) -> int | None:
    """Return where the last of these logs sends a gate's threshold, in 1e-4 bps; None if none of them does."""
    moved = [log for log in logs if log.topics and log.topics[0] == LEVELS_MOVED_TOPIC]
    if not moved:
        return None
    types = ("uint256", "uint16", "uint16", "uint32", "uint32")
    return int(decode_answer("LevelsMoved", types, moved[-1].data)[0])


def encode_finalised() -> bytes:
    """Return the calldata of `finalised`."""
    return selector("finalised()")


def decode_finalised(answer: bytes) -> Epoch:
    """Return the newest final epoch of an answer, 0 if there is none."""
    epoch, *_ = decode_answer("finalised", ("uint64", "uint64", "uint64", "bytes32"), answer)
    return Epoch(epoch)


def encode_final_collateral_score(subject: SubjectId) -> bytes:
    """Return the calldata of `finalisedCollateralScore`."""
    return selector("finalisedCollateralScore(bytes32)") + subject


def decode_posted_pair(answer: bytes) -> PostedPair:
    """Return the stored score of an answer."""
    epoch, _, _, _, gap, ceiling, _, threshold, binding = decode_answer("collateralScore", COLLATERAL_TYPES, answer)
    return PostedPair(
        epoch=Epoch(epoch), gap_ppm=Ppm(gap), ltv_ceiling_bps=Bps(ceiling), liquidation_threshold_bps=Bps(threshold),
        binding=binding,
    )  # fmt: skip


def select_finals(
    scores: Sequence[Score], stored: Mapping[SubjectId, PostedPair], *, final_epoch: Epoch, epochs_valid: int
) -> tuple[CollateralScore, ...]:
    """Return the scores of a final report that its pairs' consumers need posted: those that say something else, or replace one that is half expired.

    `stored` are the final scores that the chain has of those pairs; `epochs_valid` is how many epochs a score lives.
    """
    return tuple(
        score
        for score in scores
        if isinstance(score, CollateralScore)
        and (known := stored.get(score.subject)) is not None
        and known.epoch < final_epoch
        and (known.differs_from(score) or 2 * (final_epoch - known.epoch) >= epochs_valid)
    )


def rank_of(target: Hash32 | Address, period: int, node: int, members_count: int) -> int:
    """Return how many members come before this one in a period, so that one calls and not all."""
    return (int.from_bytes(keccak256(target), "big") + period + node) % members_count
