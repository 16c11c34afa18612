"""What `LendingMarket.quote` answers, worked out from the market's state by the Python terms policy.

The steps and their order are those of `MarketBase._evaluate` and `LendingMarket._decide`, because a loan refused for two reasons is refused for the
first; an integration test compares every field with the contract's. Nothing here reads anything.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from oracle.api.markets import BorrowerBooks, MarketState, PostedBorrower, PostedCollateral
from oracle.domain.ids import ZERO_HASH, SubjectId
from oracle.domain.loan import Basis, Refusal
from oracle.domain.score import Binding, BorrowerScore, CollateralScore
from oracle.domain.units import BPS, Bps, Epoch, Margin, Ppm, mul_div_down, mul_div_up
from oracle.terms.expected_loss import BorrowerTables, MarketPolicy
from oracle.terms.policy import STEP_BPS, Decision, compute_terms

MAX_AMOUNT = 2**128 - 1
"""Books of a market are uint128."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a borrower's score is worth in a market; the margin counts only if the basis is RATED."""

    basis: Basis
    behaviour_margin: Margin = Margin(0)

    @property
    def rated_margin(self) -> Margin | None:
        """Return the margin that terms use, None without a rated proof."""
        return self.behaviour_margin if self.basis is Basis.RATED else None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoanQuote:
    """`ILendingMarket.Quote`, field by field; amounts are loan tokens. `ask_bps` is 0 where no price was needed yet."""

    basis: Basis
    refusal: Refusal
    debt_after_amount: int
    ask_bps: Bps = Bps(0)
    ltv_bps: Bps = Bps(0)
    premium_bps: Bps = Bps(0)
    el_ppm: Ppm = Ppm(0)
    exposure_after_amount: int = 0
    given_amount: int = 0
    limit_amount: int = 0

    @property
    def is_allowed(self) -> bool:
        """Return whether `borrow` would grant it."""
        return self.refusal is Refusal.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuStep:
    """One step of the menu: what the whole position costs there; `debt_amount` is the most debt that stays on it."""

    ltv_bps: Bps
    el_ppm: Ppm
    premium_bps: Bps
    debt_amount: int
    is_allowed: bool


def compute_standing(state: MarketState, epoch: Epoch, score: BorrowerScore | None) -> Standing:
    """Return what a score presented with a proof of `epoch` is worth. Source: `LendingMarket._scoredStanding`, `_weigh`."""
    if score is None or not state.counts_scores:
        return Standing(basis=Basis.NO_PROOF)
    if not state.head.is_usable(epoch, state.block_time_s):
        return Standing(basis=Basis.EXPIRED)
    if score.grade == 0:
        return Standing(basis=Basis.UNRATED)
    standing = _weigh(
        state, Standing(basis=Basis.RATED, behaviour_margin=score.behaviour_margin), epoch, as_contract=False
    )
    return _weigh(state, standing, epoch, as_contract=True) if state.borrower.has_code else standing


def compute_quote(state: MarketState, standing: Standing, amount: int, tables: BorrowerTables) -> LoanQuote:
    """Return what `borrow(amount)` would grant at the block of `state`.

    Raises:
        ValueError: if the market has cash for the amount and refuses its price; the caller says so to the user.
    """
    books, constants = state.borrower, state.constants
    debt = books.debt_amount + amount
    if amount > state.cash_amount:
        return _refused(standing, Refusal.NOT_ENOUGH_CASH, debt, amount, state.cash_amount)
    value = books.collateral_value_amount
    if value is None:
        raise ValueError(books.price_refusal)
    if value == 0:
        return _refused(standing, Refusal.NO_COLLATERAL, debt, debt, 0)
    decided = _decide(state, standing, Bps(mul_div_up(debt, BPS, value)), debt, tables)
    if not decided.is_allowed:
        return decided
    exposure = max(0, debt - mul_div_down(value, state.collateral.ltv_floor_bps, BPS))
    total = state.total_exposure_amount - books.exposure_amount + exposure
    if exposure > constants.borrower_limit_amount:
        return _limited(decided, Refusal.OVER_BORROWER_LIMIT, exposure, exposure, constants.borrower_limit_amount)
    if exposure > 0 and total > state.exposure_cap_amount:
        return _limited(decided, Refusal.OVER_EXPOSURE_CAP, exposure, total, state.exposure_cap_amount)
    return _limited(decided, Refusal.NONE, exposure, 0, 0)


def compute_menu(state: MarketState, standing: Standing, tables: BorrowerTables) -> tuple[MenuStep, ...]:
    """Return every step from floor to ceiling, or the floor alone where there is no rated proof; empty without a score of the pair."""
    if has_no_score(state):
        return ()
    pair, value = pair_of(state.collateral), state.borrower.collateral_value_amount or 0
    floor, ceiling = pair.ltv_floor_bps, pair.ltv_ceiling_bps
    top = ceiling if standing.basis is Basis.RATED else floor
    steps = []
    for ltv in range(floor, top + 1, STEP_BPS):
        terms = compute_terms(pair, tables, standing.rated_margin, Bps(ltv), policy_of(state))
        risk = terms.risk
        premium_bps = terms.premium_bps if terms.is_granted or risk is None else risk.premium_bps
        steps.append(
            MenuStep(
                ltv_bps=Bps(ltv),
                el_ppm=risk.el_ppm if risk else Ppm(0),
                premium_bps=premium_bps,
                debt_amount=mul_div_down(value, ltv, BPS),
                is_allowed=terms.is_granted,
            )
        )
    return tuple(steps)


def has_no_score(state: MarketState) -> bool:
    """Return whether the pair has no unexpired rated score to lend on, by the market's gate: nothing new is lent then."""
    return not state.is_open


def policy_of(state: MarketState) -> MarketPolicy:
    """Return the market's constants as terms take them."""
    constants = state.constants
    return MarketPolicy(
        severity_bps=constants.severity_bps,
        budget_ppm=constants.budget_ppm,
        floor_premium_bps=constants.floor_premium_bps,
    )


def pair_of(posted: PostedCollateral) -> CollateralScore:
    """Return a posted score as terms take it; the chain stores neither subject nor features hash in it, and terms use neither."""
    return CollateralScore(
        subject=SubjectId(ZERO_HASH),
        margin=posted.margin,
        volatility_ppm=posted.volatility_ppm,
        drawdown_bps=posted.drawdown_bps,
        gap_ppm=posted.gap_ppm,
        ltv_ceiling_bps=posted.ltv_ceiling_bps,
        ltv_floor_bps=posted.ltv_floor_bps,
        liquidation_threshold_bps=posted.liquidation_threshold_bps,
        binding=Binding(posted.binding),
        features_hash=ZERO_HASH,
    )


def _weigh(state: MarketState, standing: Standing, epoch: Epoch, *, as_contract: bool) -> Standing:
    stored = _stored(state.borrower, as_contract=as_contract)
    if standing.basis is not Basis.RATED or state.head.is_expired(stored.epoch, state.block_time_s):
        return standing
    if epoch < stored.epoch:
        return Standing(basis=Basis.SUPERSEDED)
    if stored.grade == 0:
        return Standing(basis=Basis.UNRATED)
    return Standing(basis=Basis.RATED, behaviour_margin=max(standing.behaviour_margin, stored.behaviour_margin))


def _stored(books: BorrowerBooks, *, as_contract: bool) -> PostedBorrower:
    return books.as_contract if as_contract else books.as_account


def _decide(state: MarketState, standing: Standing, ask: Bps, debt: int, tables: BorrowerTables) -> LoanQuote:
    posted = state.collateral
    if has_no_score(state):
        epoch_now = state.block_time_s // state.head.epoch_s
        refused = _refused(standing, Refusal.COLLATERAL_UNSCORED, debt, posted.epoch, epoch_now)
        return _with_ask(refused, ask)
    pair, policy = pair_of(posted), policy_of(state)
    floor, ceiling = pair.ltv_floor_bps, pair.ltv_ceiling_bps
    terms = compute_terms(pair, tables, standing.rated_margin, ask, policy)
    el_ppm = terms.risk.el_ppm if terms.risk is not None else Ppm(0)
    refusal, given, limit = {
        Decision.GRANTED: (Refusal.NONE, 0, 0),
        Decision.NO_COLLATERAL_SCORE: (Refusal.COLLATERAL_UNSCORED, 0, 0),
        Decision.ABOVE_CEILING: (Refusal.ABOVE_CEILING, ask, ceiling),
        Decision.NEEDS_PROOF: (Refusal.ABOVE_FLOOR, ask, floor),
        Decision.OVER_BUDGET: (Refusal.OVER_BUDGET, el_ppm, policy.budget_ppm),
    }[terms.decision]
    return LoanQuote(
        basis=standing.basis,
        refusal=refusal,
        debt_after_amount=debt,
        ask_bps=ask,
        ltv_bps=terms.ltv_bps,
        premium_bps=terms.premium_bps,
        el_ppm=el_ppm,
        given_amount=given,
        limit_amount=limit,
    )


def _with_ask(quote: LoanQuote, ask: Bps) -> LoanQuote:
    return replace(quote, ask_bps=ask)


def _refused(standing: Standing, refusal: Refusal, debt: int, given: int, limit: int) -> LoanQuote:
    return LoanQuote(
        basis=standing.basis, refusal=refusal, debt_after_amount=debt, given_amount=given, limit_amount=limit
    )


def _limited(quote: LoanQuote, refusal: Refusal, exposure: int, given: int, limit: int) -> LoanQuote:
    return replace(quote, refusal=refusal, exposure_after_amount=exposure, given_amount=given, limit_amount=limit)
