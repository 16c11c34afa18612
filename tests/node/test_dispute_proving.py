"""What is taken to a chain: the first offence that its contract accepts, once, and only where something is left to void or to take."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from oracle.delivery.dispute_codec import SignedReport
from oracle.delivery.ports import Receipt
from oracle.domain.ids import Address, Hash32, keccak256
from oracle.domain.merkle import MerkleTree
from oracle.domain.report import Report
from oracle.domain.units import BlockNumber, ChainId, Epoch
from oracle.node.dispute.court import Court, Prospect, Stake
from oracle.node.dispute.inquiry import Charge, Equivocation
from oracle.node.dispute.offences import Entry, FalseFeatures, HiddenVector, Judgement, WrongScore
from oracle.node.dispute.proving import prove_charge, prove_equivocation
from tests.delivery.conftest import borrower_score

pytestmark = pytest.mark.anyio
CHAIN = ChainId(31_337)
COURT = Address(b"\x0e" * 20)
SCORES = tuple(borrower_score(n) for n in range(2))
REPORT = Report(
    config_digest=keccak256(b"config"),
    epoch=Epoch(100),
    cut_hash=keccak256(b"cut"),
    scores_root=MerkleTree(score.leaf for score in SCORES).root,
    observers=7,
    borrowers=2,
    collaterals=0,
    stalled_chains=0,
)
SIGNED = SignedReport(report=REPORT, attestations=bytes(65))
ENTRIES = tuple(Entry(encoded=score.encoded, proof=()) for score in SCORES)
OFFENCES = tuple(WrongScore(entry=entry, vector=b"\0\1") for entry in ENTRIES)
CALLS = [offence.calldata(SIGNED) for offence in OFFENCES]
ACCEPTED = Prospect(taken_amount=300, gas=330_000, fee_wei=10**12, refusal="")
REFUSED = Prospect(taken_amount=0, gas=0, fee_wei=0, refusal="RightScore(0x00)")


@dataclass
class FakeCourt:
    """A dispute contract that voids what is sent to it."""

    prospects: dict[bytes, Prospect] = field(default_factory=dict)
    voided: set[Hash32] = field(default_factory=set)
    sent: list[bytes] = field(default_factory=list)
    contract: Address = COURT

    async def is_voided(self, report_hash: Hash32) -> bool:
        return report_hash in self.voided

    async def try_out(self, data: bytes) -> Prospect:
        return self.prospects.get(data, ACCEPTED)

    async def fetch_stake(self) -> Stake | None:
        return Stake(contract=Address(b"\x0f" * 20), token=Address(b"\x10" * 20))

    async def send(self, data: bytes, *, what: str) -> Receipt:
        self.sent.append(data)
        self.voided.add(REPORT.hash)
        return Receipt(
            transaction_hash=keccak256(data), block_number=BlockNumber(1), is_success=True, gas_used=1, is_confirmed=True,
            fee_wei=1,
        )  # fmt: skip


def charge(judgement: Judgement | None = None, signed: SignedReport | None = SIGNED) -> Charge:
    found = judgement or Judgement(offences=OFFENCES, hidden=(), false_features=())
    return Charge(report=REPORT, signed=signed, chains=(CHAIN,), entries_count=2, is_whole=True, judgement=found)


def courts(court: FakeCourt) -> dict[ChainId, Court]:
    return {CHAIN: cast("Any", court)}


async def test_prove_charge__not_told_to_send__says_what_it_brings_and_costs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    court = FakeCourt()

    assert not await prove_charge(charge(), courts(court), is_sending=False)

    said = capsys.readouterr().out
    assert court.sent == []
    assert "takes 300 of" in said
    assert "150 are the challenger's" in said
    assert "330,000 gas" in said


async def test_prove_charge__several_offences__sends_the_first_that_is_taken() -> None:
    court = FakeCourt(prospects={CALLS[0]: REFUSED})

    assert await prove_charge(charge(), courts(court), is_sending=True)

    assert court.sent == [CALLS[1]]


async def test_prove_charge__every_offence_refused__is_not_proved(capsys: pytest.CaptureFixture[str]) -> None:
    court = FakeCourt(prospects=dict.fromkeys(CALLS, REFUSED))

    assert not await prove_charge(charge(), courts(court), is_sending=True)

    assert court.sent == []
    assert "RightScore" in capsys.readouterr().out


async def test_prove_charge__void_and_nothing_left_to_take__sends_nothing_and_is_well() -> None:
    nothing = replace(ACCEPTED, taken_amount=0)
    court = FakeCourt(prospects=dict.fromkeys(CALLS, nothing), voided={REPORT.hash})

    assert await prove_charge(charge(), courts(court), is_sending=True)

    assert court.sent == []


async def test_prove_charge__void_but_stake_left_to_take__is_sent() -> None:
    court = FakeCourt(voided={REPORT.hash})

    assert await prove_charge(charge(), courts(court), is_sending=True)

    assert court.sent == [CALLS[0]]


@pytest.mark.parametrize("signed", [SIGNED, None])
async def test_prove_charge__hidden_and_false_features__says_what_no_chain_can_check(
    signed: SignedReport | None, capsys: pytest.CaptureFixture[str]
) -> None:
    judgement = Judgement(
        offences=(), hidden=(HiddenVector(entry=ENTRIES[0]),), false_features=(FalseFeatures(entry=ENTRIES[1]),)
    )
    court = FakeCourt()

    assert not await prove_charge(charge(judgement, signed), courts(court), is_sending=True)

    said = capsys.readouterr().out
    assert court.sent == []
    assert "assay dispute demand" in said
    assert "no chain can check that" in said


async def test_prove_charge__no_signatures_or_no_contract__proves_nothing() -> None:
    assert not await prove_charge(charge(signed=None), courts(FakeCourt()), is_sending=True)
    assert not await prove_charge(charge(), {}, is_sending=True)


async def test_prove_equivocation__one_of_two_reports_void__is_sent() -> None:
    other = SignedReport(report=replace(REPORT, cut_hash=keccak256(b"other")), attestations=bytes(65))
    case = Equivocation(first=SIGNED, second=other)
    court = FakeCourt(voided={other.report.hash})

    assert await prove_equivocation(case, courts(court), is_sending=True)

    assert court.sent == [case.calldata()]
