"""The same loan asked for by four borrowers, and what is left of a score when it is old.

For each ask the API's quote is taken first, then the transaction is sent; the two must agree in every field that both have.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from oracle.domain.ids import SubjectId, to_checksum
from oracle.domain.loan import Basis, Refusal
from oracle.domain.score import BorrowerScore, Score, decode_score
from oracle.domain.units import BPS
from oracle.errors import DemoFailedError
from oracle.sandbox.demo.committee import Committee
from oracle.sandbox.demo.crash import COLLATERAL_UNITS
from oracle.sandbox.demo.market import LoanAnswer, MarketSession, ScoreProof
from oracle.sandbox.manifest import WorldManifest

BELOW_STEP_BPS = 10
GOOD_GRADE = 3
UNKNOWN_BORROWER = "0x00000000000000000000000000000000A55A1234"
PROBE_UNITS = 10**6


@dataclass(frozen=True, slots=True, kw_only=True)
class RatedBorrower:
    """A real borrower of the history, by address, with the score of one report."""

    address: str
    behaviour: str
    score: BorrowerScore


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One borrower's ask: what the API quoted, what the contract did."""

    who: str
    address: str
    with_proof: bool
    grade: int | None
    pd_upper_ppm: int | None
    max_ltv_bps: int
    quoted: LoanAnswer
    executed: LoanAnswer

    @property
    def is_equal(self) -> bool:
        """Return whether quote and execution agree; a refusal shows its reason and basis only."""
        if not self.executed.allowed:
            pairs = [(self.quoted.refusal, self.executed.refusal), (self.quoted.basis, self.executed.basis)]
            return not self.quoted.allowed and all(a == b for a, b in pairs)
        return self.quoted == self.executed

    def as_record(self) -> dict[str, Any]:
        """Return the JSON form."""
        record = asdict(self)
        for name in ("quoted", "executed"):
            answer: LoanAnswer = getattr(self, name)
            record[name] = asdict(answer) | {
                "basis": answer.basis.name.lower(),
                "refusal": answer.refusal.name.lower(),
            }
        return record | {"quote_equals_execution": self.is_equal}


async def fetch_scores(committee: Committee, node: int, epoch: int) -> tuple[Score, ...]:
    """Return all scores of a report from a member's API."""
    answer = await committee.get(node, f"/v1/reports/{epoch}/leaves")
    return tuple(decode_score(bytes.fromhex(entry[2:])) for entry in answer["entries"])


def rank_borrowers(scores: tuple[Score, ...], manifest: WorldManifest) -> list[RatedBorrower]:
    """Return the rated borrowers without code, safest behaviour first; where conduct does not tell them apart, by probability.

    In a replayed world vaults alone: no repayment is recorded of Morpho's borrowers there, so their debts are upper bounds.
    """
    behaviours = {
        bytes.fromhex(b.address[2:].lower()): b.behaviour
        for b in manifest.borrowers
        if not b.has_code and (manifest.replay is None or b.vault_id is not None)
    }
    rated = [
        RatedBorrower(address=to_checksum(score.subject[12:]), behaviour=behaviours[score.subject[12:]], score=score)
        for score in scores
        if isinstance(score, BorrowerScore) and score.grade and _is_known_account(score.subject, behaviours)
    ]
    return sorted(rated, key=lambda b: (b.score.behaviour_margin, b.score.pd_ppm, b.score.subject))


def find_safe(ranked: list[RatedBorrower]) -> RatedBorrower:
    """Return the borrower with the best conduct among those whose position is far from liquidation too, else the first."""
    return next((borrower for borrower in ranked if borrower.score.grade <= GOOD_GRADE), ranked[0])


async def fetch_proof(committee: Committee, node: int, address: str, epoch: int | None = None) -> ScoreProof:
    """Return a borrower's proof from a member's API."""
    query: dict[str, int] = {} if epoch is None else {"epoch": epoch}
    proof = (await committee.get(node, f"/v1/borrowers/{address}/proof", **query))["proof"]
    score = proof["score"]
    fields = (
        score["kind"], _bytes(score["subject"]), score["stateOffset"], score["behaviourMargin"], score["pdPpm"],
        score["pdUpperPpm"], score["points"], score["grade"], _bytes(score["reasons"]), _bytes(score["featuresHash"]),
    )  # fmt: skip
    return ScoreProof(epoch=proof["epoch"], fields=fields, siblings=tuple(_bytes(s) for s in proof["proof"]))


async def ask_for_the_same_loan(
    committee: Committee, node: int, market: MarketSession, chain_id: int, ranked: list[RatedBorrower]
) -> tuple[int, list[Ask]]:
    """Let a safe, a risky and an unknown borrower, and the risky one without proof, ask for one amount; returns (amount, asks)."""
    if len(ranked) < 2:
        raise DemoFailedError("fewer than two rated borrowers: the world is too small to compare")
    safe, risky = find_safe(ranked), ranked[-1]
    for address in (safe.address, risky.address, UNKNOWN_BORROWER):
        await market.open_position(address, COLLATERAL_UNITS)
    best = await quote(committee, node, market, chain_id, safe.address, PROBE_UNITS, with_proof=True)
    worst = await quote(committee, node, market, chain_id, risky.address, PROBE_UNITS, with_proof=True)
    # As much as the safe one can have, if that tells the two apart.
    ask_bps = max(int(best["max_ltv_bps"]), int(worst["max_ltv_bps"])) - BELOW_STEP_BPS
    amount = await market.collateral_value_of(safe.address) * ask_bps // BPS
    asks = [
        await _ask(committee, node, market, chain_id, "safe", safe.address, safe.score, amount, with_proof=True),
        await _ask(committee, node, market, chain_id, "risky", risky.address, risky.score, amount, with_proof=True),
        await _ask(committee, node, market, chain_id, "unknown", UNKNOWN_BORROWER, None, amount, with_proof=False),
        await _ask(committee, node, market, chain_id, "risky", risky.address, risky.score, amount, with_proof=False),
    ]
    return amount, asks


async def quote(
    committee: Committee,
    node: int,
    market: MarketSession,
    chain_id: int,
    borrower: str,
    amount: int,
    *,
    with_proof: bool,
) -> dict[str, Any]:
    """Return the API's answer to an ask."""
    answer: dict[str, Any] = await committee.get(
        node,
        "/v1/quote",
        borrower=borrower,
        market=market.address,
        collateral=market.collateral.address,
        chain_id=chain_id,
        amount=str(amount),
        proof="true" if with_proof else "false",
    )
    return answer


async def _ask(
    committee: Committee, node: int, market: MarketSession, chain_id: int, who: str, address: str,
    score: BorrowerScore | None, amount: int, *, with_proof: bool,
) -> Ask:  # fmt: skip
    answer = await quote(committee, node, market, chain_id, address, amount, with_proof=with_proof)
    proof = None
    if with_proof and answer["proof_epoch"] is not None:
        proof = await fetch_proof(committee, node, address, int(answer["proof_epoch"]))
    executed = await market.borrow(address, amount, proof)
    return Ask(
        who=who,
        address=address,
        with_proof=with_proof,
        grade=score.grade if score else None,
        pd_upper_ppm=score.pd_upper_ppm if score else None,
        max_ltv_bps=int(answer["max_ltv_bps"]),
        quoted=_answer_of(answer["quote"]),
        executed=executed,
    )


def _answer_of(quoted: Mapping[str, Any]) -> LoanAnswer:
    return LoanAnswer(
        allowed=quoted["allowed"],
        refusal=Refusal[str(quoted["refusal"]).upper()],
        basis=Basis[str(quoted["basis"]).upper()],
        ltv_bps=int(quoted["ltv_bps"]),
        premium_bps=int(quoted["premium_bps"]),
        el_ppm=int(quoted["el_ppm"]),
    )


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def _is_known_account(subject: SubjectId, known: Mapping[bytes, str]) -> bool:
    return subject[:12] == bytes(12) and subject[12:] in known
