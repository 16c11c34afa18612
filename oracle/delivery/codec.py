"""Calls and answers of the RiskOracle contract, as bytes.

Attestations are packed in 65 bytes each: member id ‖ r ‖ yParityAndS, ids ascending. Source: EIP-2098; `contracts/src/interfaces/IScoreOracle.sol`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError

from oracle.domain.ids import Hash32, SubjectId, keccak256
from oracle.domain.merkle import MultiProof
from oracle.domain.report import Report
from oracle.domain.score import Score
from oracle.domain.units import Epoch, Margin, NodeId, TimestampS
from oracle.errors import UnreadableAnswerError

REPORT_TYPE = "(bytes32,uint64,bytes32,bytes32,uint32,uint32,uint32,uint32)"
_HEAD_TYPES = ("uint64", "uint64", "uint64", "uint64", "uint64", "bytes32")
_BORROWER_TYPES = ("uint64", "int32", "int32", "uint32", "uint32", "uint16", "uint8", "bytes4")
COLLATERAL_TYPES = ("uint64", "int32", "uint32", "uint32", "uint32", "uint16", "uint16", "uint16", "uint8")
POST = "post(uint64,bytes[],bytes32[],bool[])"
POST_TYPES = ("uint64", "bytes[]", "bytes32[]", "bool[]")
_TOP_BIT = 1 << 255

REPORT_PUBLISHED_TOPIC = keccak256(
    b"ReportPublished(uint64,bytes32,bytes32,bytes32,uint32,uint32,uint32,uint32,uint32)"
)
_ERROR_SIGNATURES = (
    "InvalidCommittee(uint256,uint8,uint8)",
    "InvalidPeriod(string,uint256,uint256)",
    "InvalidMember(uint256,address)",
    "WrongDigest(bytes32,bytes32)",
    "SupersededDigest(uint256,uint256)",
    "ExpiredDigest(uint256,uint256)",
    "VoidedReport(uint64,bytes32)",
    "StaleReport(uint64,uint64)",
    "FutureReport(uint256,uint256)",
    "ExpiredReport(uint256,uint256)",
    "MalformedAttestations(uint256)",
    "TooFewAttestations(uint256,uint256)",
    "UnsortedAttestations(uint8,uint8)",
    "UnknownMember(uint8,uint256)",
    "WrongSigner(uint8,address,address)",
    "MalleableSignature(uint8,bytes32)",
    "UnusableEpoch(uint64,uint64)",
    "InvalidProof(uint64,bytes32)",
    "WrongKind(uint256,uint256)",
    "MalformedEntry(uint256,uint256)",
    "NothingToPost()",
    "DifferentDigests(bytes32,bytes32)",
    "DifferentEpochs(uint64,uint64)",
    "SameReport(bytes32)",
    "NoCommonSigner(uint32,uint32)",
    "NotInReport(bytes32,bytes32)",
    "EntryLength(uint256)",
    "SameLeaf(bytes32)",
    "DifferentSubjects(bytes32,bytes32)",
    "WrongVector(bytes32,bytes32)",
    "UnrecordedConfiguration(bytes32)",
    "RightScore(bytes32)",
    "NotExecutable(bytes32,uint8,uint256)",
    "UnknownModel(bytes32)",
    "LateEvidence(uint256,uint256)",
    "NoDemands()",
    "WrongBond(uint256,uint256)",
    "UnusableLeaf(uint64,bytes32)",
    "AlreadyDemanded(uint64,bytes32,uint8)",
    "NotOpen(uint64,bytes32,uint8)",
    "LateAnswer(uint256,uint256)",
    "EarlyVoid(uint256,uint256)",
    "NothingOwed(address)",
    "NothingPending(uint256)",
    "EarlySettlement(uint256,uint256)",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The newest report on a chain; epoch 0 before the first."""

    epoch: Epoch
    observed_at_s: TimestampS
    valid_until_s: TimestampS
    landed_at_s: TimestampS
    previous_epoch: Epoch
    scores_root: Hash32


@dataclass(frozen=True, slots=True, kw_only=True)
class PostedBorrower:
    """A borrower's stored score; epoch 0 if there is none."""

    epoch: Epoch
    behaviour_margin: Margin
    pd_upper_ppm: int
    grade: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PostedCollateral:
    """A collateral's stored score; epoch 0 if there is none."""

    epoch: Epoch
    margin: Margin
    gap_ppm: int
    binding: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A ReportPublished event; `signers` is the bitmap of members whose attestation was checked."""

    report: Report
    signers: int


def decode_answer(call: str, types: Sequence[str], answer: bytes) -> tuple[Any, ...]:
    """Return the values of a view call's answer.

    Raises:
        UnreadableAnswerError: if the answer does not have these types.
    """
    try:
        return decode(types, answer)
    except DecodingError as error:
        raise UnreadableAnswerError(call, answer) from error


def selector(signature: str) -> bytes:
    """Return the first four bytes of the hash of a function's or error's signature."""
    return keccak256(signature.encode())[:4]


ERROR_NAMES: Mapping[bytes, str] = {selector(s): s for s in _ERROR_SIGNATURES}


def pack_attestations(attestations: Mapping[NodeId, bytes], quorum: int) -> bytes:
    """Return the records of the `quorum` lowest member ids; more would only cost gas.

    Raises:
        ValueError: if there are fewer than `quorum`.
    """
    if len(attestations) < quorum:
        raise ValueError(f"{len(attestations)} attestations, {quorum} are needed")
    return b"".join(_pack(node, attestations[node]) for node in sorted(attestations)[:quorum])


def _pack(node: NodeId, signature: bytes) -> bytes:
    parity = signature[64] - 27
    s = int.from_bytes(signature[32:64], "big") | (_TOP_BIT if parity else 0)
    return bytes((node,)) + signature[:32] + s.to_bytes(32, "big")


def encode_publish(report: Report, attestations: bytes) -> bytes:
    """Return the calldata of `publish`."""
    return selector(f"publish({REPORT_TYPE},bytes)") + encode(
        (REPORT_TYPE, "bytes"), (report_fields(report), attestations)
    )


def report_fields(report: Report) -> tuple[Any, ...]:
    """Return the fields of the struct `Report`, in its order."""
    return (
        report.config_digest,
        report.epoch,
        report.cut_hash,
        report.scores_root,
        report.observers,
        report.borrowers,
        report.collaterals,
        report.stalled_chains,
    )


def encode_post(epoch: Epoch, scores: Sequence[Score], proof: MultiProof) -> bytes:
    """Return the calldata of `post`; entries stand in the order in which the multiproof hashes them."""
    by_leaf = {score.leaf: score.encoded for score in scores}
    entries = [by_leaf[leaf] for leaf in proof.leaves]
    return selector(POST) + encode(POST_TYPES, (epoch, entries, proof.proof, proof.flags))


def encode_head() -> bytes:
    """Return the calldata of `head`."""
    return selector("head()")


def decode_head(answer: bytes) -> Head:
    """Return the head of an answer."""
    epoch, observed, valid, landed, previous, root = decode_answer("head", _HEAD_TYPES, answer)
    return Head(
        epoch=Epoch(epoch),
        observed_at_s=TimestampS(observed),
        valid_until_s=TimestampS(valid),
        landed_at_s=TimestampS(landed),
        previous_epoch=Epoch(previous),
        scores_root=Hash32(root),
    )


def encode_config_digest() -> bytes:
    """Return the calldata of `configDigest`."""
    return selector("configDigest()")


def encode_borrower_score(subject: SubjectId) -> bytes:
    """Return the calldata of `borrowerScore`."""
    return selector("borrowerScore(bytes32)") + subject


def encode_collateral_score(subject: SubjectId) -> bytes:
    """Return the calldata of `collateralScore`."""
    return selector("collateralScore(bytes32)") + subject


def decode_posted_borrower(answer: bytes) -> PostedBorrower:
    """Return the stored score of an answer."""
    epoch, _, behaviour, _, pd_upper, _, grade, _ = decode_answer("borrowerScore", _BORROWER_TYPES, answer)
    return PostedBorrower(epoch=Epoch(epoch), behaviour_margin=Margin(behaviour), pd_upper_ppm=pd_upper, grade=grade)


def decode_posted_collateral(answer: bytes) -> PostedCollateral:
    """Return the stored score of an answer."""
    epoch, margin, _, _, gap, _, _, _, binding = decode_answer("collateralScore", COLLATERAL_TYPES, answer)
    return PostedCollateral(epoch=Epoch(epoch), margin=Margin(margin), gap_ppm=gap, binding=binding)


def decode_published(topics: Sequence[bytes], data: bytes) -> Published:
    """Return the report of a ReportPublished log.

    Raises:
        UnreadableAnswerError: if the log is none.
    """
    types = ("bytes32", "bytes32", "uint32", "uint32", "uint32", "uint32", "uint32")
    if len(topics) != 3:
        raise UnreadableAnswerError("ReportPublished", b"".join(topics))
    root, cut_hash, observers, borrowers, collaterals, stalled, signers = decode_answer("ReportPublished", types, data)
    report = Report(
        config_digest=Hash32(bytes(topics[2])),
        epoch=Epoch(int.from_bytes(topics[1], "big")),
        cut_hash=Hash32(cut_hash),
        scores_root=Hash32(root),
        observers=observers,
        borrowers=borrowers,
        collaterals=collaterals,
        stalled_chains=stalled,
    )
    return Published(report=report, signers=signers)


def explain_revert(data: bytes) -> str:
    """Return the name of a custom error with its arguments, or the raw bytes if it is none of ours."""
    signature = ERROR_NAMES.get(data[:4])
    if signature is None:
        return f"0x{data.hex()}" if data else "without a reason"
    name, _, arguments = signature.removesuffix(")").partition("(")
    try:
        values = decode(arguments.split(","), data[4:]) if arguments else ()
    except DecodingError:  # endpoints shorten long messages
        return name
    return f"{name}({', '.join(_shown(value) for value in values)})"


def _shown(value: object) -> str:
    return f"0x{value.hex()}" if isinstance(value, bytes) else str(value)
