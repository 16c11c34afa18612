"""Calls and answers of the ScoreDispute contract and the stake behind it, as bytes; and what `publish` and `post` were called with.

Source: `contracts/src/interfaces/{IScoreDispute,IVectorDemand,IStaking}.sol`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from eth_abi.abi import encode

from oracle.delivery.codec import POST, POST_TYPES, REPORT_TYPE, decode_answer, report_fields, selector
from oracle.domain.ids import Address, Hash32, address_word, keccak256
from oracle.domain.merkle import MultiProof
from oracle.domain.report import Report
from oracle.domain.units import Epoch, TimestampS
from oracle.errors import UnreadableAnswerError

_ROTATION = "(bytes32,uint8,address,uint64,uint64)"
_SIGNATURE = "(bytes32,bytes32)"
_EVIDENCE = f"({REPORT_TYPE},bytes,({_ROTATION},{_SIGNATURE})[])"
_WRONG_SCORE = (_EVIDENCE, "bytes", "bytes32[]", "bytes")
_TWO_LEAVES = (_EVIDENCE, "bytes", "bytes32[]", "bytes", "bytes32[]")
_EQUIVOCATION = (_EVIDENCE, _EVIDENCE)
_DEMAND = ("uint64", "bytes", "bytes32[]")
_SHOW = ("uint64", "bytes", "bytes")
_VOID = ("uint64", "bytes")
_PUBLISH = (REPORT_TYPE, "bytes")

VECTOR_DEMANDED_TOPIC = keccak256(b"VectorDemanded(uint64,bytes32,address,uint256)")
VECTOR_SHOWN_TOPIC = keccak256(b"VectorShown(uint64,bytes32,address,bytes)")
BORROWER_POSTED_TOPIC = keccak256(
    b"BorrowerPosted(bytes32,uint64,(uint64,int32,int32,uint32,uint32,uint16,uint8,bytes4))"
)
COLLATERAL_POSTED_TOPIC = keccak256(
    b"CollateralPosted(bytes32,uint64,(uint64,int32,uint32,uint32,uint32,uint16,uint16,uint16,uint8))"
)


class Standing(IntEnum):
    """How far a demand has come."""

    NONE = 0
    OPEN = 1
    ANSWERED = 2
    UNANSWERED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedReport:
    """A report and signatures over it, in records of 65 bytes as in `publish`: what the contract calls evidence."""

    report: Report
    attestations: bytes

    @property
    def signers(self) -> tuple[int, ...]:
        """Return the ids of the members that signed, as the records say."""
        return tuple(self.attestations[::RECORD_BYTES])


RECORD_BYTES = 65


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """A demand for the vector behind a leaf; `answer_by_s` is the last second in which an answer is taken."""

    demander: Address
    answer_by_s: TimestampS
    standing: Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What one piece of evidence took from all the members that it names; `pending_amount` is taken and not paid, in the stake token's smallest unit."""

    challenger: Address
    payable_at_s: TimestampS
    pending_amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Demanded:
    """A VectorDemanded event."""

    epoch: Epoch
    leaf: Hash32
    answer_by_s: TimestampS


def encode_wrong_score(signed: SignedReport, entry: bytes, proof: Sequence[Hash32], vector: bytes) -> bytes:
    """Return the calldata of `proveWrongScore`."""
    return _call("proveWrongScore", _WRONG_SCORE, (_evidence(signed), entry, list(proof), vector))


def encode_two_leaves(
    signed: SignedReport, first: bytes, first_proof: Sequence[Hash32], second: bytes, second_proof: Sequence[Hash32]
) -> bytes:
    """Return the calldata of `proveTwoLeaves`."""
    values = (_evidence(signed), first, list(first_proof), second, list(second_proof))
    return _call("proveTwoLeaves", _TWO_LEAVES, values)


def encode_equivocation(first: SignedReport, second: SignedReport) -> bytes:
    """Return the calldata of `proveEquivocation`."""
    return _call("proveEquivocation", _EQUIVOCATION, (_evidence(first), _evidence(second)))


def encode_demand(epoch: Epoch, entry: bytes, proof: Sequence[Hash32]) -> bytes:
    """Return the calldata of `demandVector`; it carries the bond."""
    return _call("demandVector", _DEMAND, (epoch, entry, list(proof)))


def encode_show(epoch: Epoch, entry: bytes, vector: bytes) -> bytes:
    """Return the calldata of `showVector`."""
    return _call("showVector", _SHOW, (epoch, entry, vector))


def encode_void(epoch: Epoch, entry: bytes) -> bytes:
    """Return the calldata of `voidHidden`."""
    return _call("voidHidden", _VOID, (epoch, entry))


def encode_settle(case_number: int) -> bytes:
    """Return the calldata of the stake's `settle`."""
    return _call("settle", ("uint256",), (case_number,))


def encode_case_of(case_number: int) -> bytes:
    """Return the calldata of the stake's `caseOf`; cases are numbered from 1 on."""
    return _call("caseOf", ("uint256",), (case_number,))


def decode_case(answer: bytes) -> Case | None:
    """Return the case of an answer of `caseOf`, None if there is none of this number yet."""
    challenger, payable_at, pending = decode_answer("caseOf", ("bytes32", "uint40", "uint104"), answer)
    found = Case(challenger=Address(challenger[12:]), payable_at_s=TimestampS(payable_at), pending_amount=pending)
    return found if any(found.challenger) else None


def encode_demand_of(epoch: Epoch, leaf: Hash32) -> bytes:
    """Return the calldata of `demandOf`."""
    return _call("demandOf", ("uint64", "bytes32"), (epoch, leaf))


def encode_owed(account: Address) -> bytes:
    """Return the calldata of `owedWei`."""
    return selector("owedWei(address)") + address_word(account)


def decode_demand(answer: bytes) -> Demand:
    """Return the demand of an answer of `demandOf`."""
    demander, answer_by, standing = decode_answer("demandOf", ("bytes32", "uint40", "uint8"), answer)
    return Demand(demander=Address(demander[12:]), answer_by_s=TimestampS(answer_by), standing=Standing(standing))


def decode_uint(call: str, answer: bytes) -> int:
    """Return the one number of an answer."""
    (value,) = decode_answer(call, ("uint256",), answer)
    return int(value)


def decode_address(call: str, answer: bytes) -> Address:
    """Return the one address of an answer."""
    return Address(decode_uint(call, answer).to_bytes(32, "big")[12:])


def decode_demanded(topics: Sequence[bytes], data: bytes) -> Demanded:
    """Return the demand of a VectorDemanded log.

    Raises:
        UnreadableAnswerError: if the log is none.
    """
    if len(topics) != 4:
        raise UnreadableAnswerError("VectorDemanded", b"".join(topics))
    answer_by_s = TimestampS(decode_uint("VectorDemanded", data))
    return Demanded(epoch=Epoch(int.from_bytes(topics[1], "big")), leaf=Hash32(topics[2]), answer_by_s=answer_by_s)


def decode_shown(data: bytes) -> bytes:
    """Return the vector of a VectorShown log."""
    (vector,) = decode_answer("VectorShown", ("bytes",), data)
    return bytes(vector)


def decode_publish(calldata: bytes) -> SignedReport | None:
    """Return what `publish` was called with, None if something else was called."""
    if calldata[:4] != selector(f"publish({','.join(_PUBLISH)})"):
        return None
    fields, attestations = decode_answer("publish", _PUBLISH, calldata[4:])
    digest, epoch, cut_hash, root, observers, borrowers, collaterals, stalled = fields
    report = Report(
        config_digest=Hash32(digest), epoch=Epoch(epoch), cut_hash=Hash32(cut_hash), scores_root=Hash32(root),
        observers=observers, borrowers=borrowers, collaterals=collaterals, stalled_chains=stalled,
    )  # fmt: skip
    return SignedReport(report=report, attestations=bytes(attestations))


def decode_post(calldata: bytes) -> tuple[Epoch, tuple[bytes, ...], MultiProof] | None:
    """Return epoch, entries and their proof of a call of `post`, None if something else was called."""
    if calldata[:4] != selector(POST):
        return None
    epoch, entries, proof, flags = decode_answer("post", POST_TYPES, calldata[4:])
    leaves = tuple(keccak256(keccak256(entry)) for entry in entries)
    multi = MultiProof(leaves=leaves, proof=tuple(Hash32(word) for word in proof), flags=tuple(flags))
    return Epoch(epoch), tuple(bytes(entry) for entry in entries), multi


def _evidence(signed: SignedReport) -> tuple[object, ...]:
    """Rotations are left out: only a key that no chain was told of needs one."""
    return report_fields(signed.report), signed.attestations, []


def _call(name: str, types: Sequence[str], values: Sequence[object]) -> bytes:
    return selector(f"{name}({','.join(types)})") + encode(types, values)
