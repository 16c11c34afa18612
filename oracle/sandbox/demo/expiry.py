"""What is left when scores are old: first one proof past the grace, then every report past its validity.

An old proof is worth no more than none. With no valid report nobody gets a new loan, and repayment works as ever.
"""

from __future__ import annotations

from dataclasses import dataclass

from oracle.errors import DemoFailedError, SandboxRpcError
from oracle.sandbox.chains import AnvilChain
from oracle.sandbox.demo.crash import COLLATERAL_UNITS, find_largest_loan
from oracle.sandbox.demo.market import LoanAnswer, MarketSession, ScoreProof
from oracle.sandbox.deploy import update_feed


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpiryOutcome:
    """Loans before and after expiry, in the loan token's smallest unit, and what was repaid afterwards."""

    borrower: str
    valid_proof_loan_amount: int
    no_proof_loan_amount: int
    old_proof_epoch: int
    old_proof: LoanAnswer
    old_proof_loan_amount: int
    expired: LoanAnswer
    repaid_amount: int
    debt_left_amount: int

    @property
    def old_proof_is_floor(self) -> bool:
        """Return whether an old proof gives exactly what no proof gives."""
        return self.old_proof_loan_amount == self.no_proof_loan_amount


async def let_scores_expire(
    market: MarketSession, borrower: str, *, valid: ScoreProof, old: ScoreProof, validity_s: int, feed_owner: str
) -> ExpiryOutcome:
    """Ask with a valid and an old proof, take a loan, let time pass on this copy of the chain, ask again, repay.

    Raises: DemoFailedError if the first loan is refused.
    """
    await market.open_position(borrower, COLLATERAL_UNITS)
    with_valid = await find_largest_loan(market, borrower, valid)
    without = await find_largest_loan(market, borrower, None)
    with_old = await find_largest_loan(market, borrower, old)
    old_answer = await market.quote(borrower, without, old)
    if not (await market.borrow(borrower, without, None)).allowed:
        raise DemoFailedError(f"{market.name} refused a loan at the floor")
    await pass_time(market, validity_s + 60, feed_owner)
    expired = await market.quote(borrower, market.unit, valid)
    try:
        repaid = await market.repay_all(borrower, 2 * without)
    except SandboxRpcError as cause:
        raise DemoFailedError(f"repaying after expiry failed, which must never happen: {cause}") from cause
    return ExpiryOutcome(
        borrower=borrower,
        valid_proof_loan_amount=with_valid,
        no_proof_loan_amount=without,
        old_proof_epoch=old.epoch,
        old_proof=old_answer,
        old_proof_loan_amount=with_old,
        expired=expired,
        repaid_amount=repaid,
        debt_left_amount=await market.debt_of(borrower),
    )


async def pass_time(market: MarketSession, seconds: int, feed_owner: str) -> None:
    """Let time pass and write the prices again, so that only the scores are old."""
    chain: AnvilChain = market.chain
    _, now_s = await chain.fetch_head()
    updates = []
    for feed in (market.collateral.feed, market.loan.feed):
        (answer,) = await chain.read(feed, "latestAnswer()", returns=("int256",))
        updates.append(update_feed(feed_owner, feed, int(answer)))
    chain.forget_nonces()
    await chain.execute(updates, now_s + seconds)
