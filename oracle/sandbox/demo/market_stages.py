"""Stages about loans: four asks, a crash under two kinds of terms, old scores."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from oracle.errors import DemoFailedError
from oracle.sandbox.chains import AnvilChain
from oracle.sandbox.demo.committee_stages import HONEST, require
from oracle.sandbox.demo.crash import CrashOutcome, compare, copy_of
from oracle.sandbox.demo.expiry import ExpiryOutcome, let_scores_expire
from oracle.sandbox.demo.loans import Ask, ask_for_the_same_loan, fetch_proof
from oracle.sandbox.demo.market import MarketSession, ScoreProof
from oracle.sandbox.demo.session import Demo
from oracle.sandbox.manifest import ChainEntry

SCORED, STATIC = "WETH-USDC-scored", "WETH-USDC-static"
CRASH_BORROWERS = 24


async def show_loans(demo: Demo) -> None:
    """Ask for the same loan four times and compare quote and execution."""
    await demo.rank(HONEST)
    market = demo.market(SCORED)
    with demo.view.waiting("collateral goes in, quotes are taken, loans are asked for"):
        amount, asks = await ask_for_the_same_loan(
            demo.committee, HONEST, market, demo.second_chain.chain_id, demo.ranked
        )
    rows = [_row(ask) for ask in asks]
    columns = ("borrower", "proof", "grade", "PD at most", "most LTV", "quote", "transaction", "equal")
    title = f"{amount / market.unit:,.0f} USDC against 10 WETH, on {market.name}"
    demo.view.table(columns, rows, title=title)
    demo.view.say(
        "[dim]Without a score only the floor is lent; over budget: the loss to expect at that LTV exceeds what the market allows.[/]"
    )
    if not _has_conduct(demo):
        demo.view.say(
            "[dim]Conduct tells these borrowers apart nowhere (trees in shadow): with a proof both get what the position after the loan allows.[/]"
        )
    require(demo, all(ask.is_equal for ask in asks), "the transaction did what the quote said, four times")
    demo.record["loans"] = {
        "chain_id": demo.second_chain.chain_id,
        "market": market.address,
        "amount": str(amount),
        "asks": [ask.as_record() for ask in asks],
    }


async def show_crash(demo: Demo) -> None:
    """Replay a crash on a copy of the second chain, under static and under scored terms."""
    entry = demo.second_chain
    accounts = demo.world.manifest
    with demo.view.waiting(f"{CRASH_BORROWERS} borrowers take all they can get in both markets, then the price falls"):
        async with copy_of(demo.world.chain(entry.chain_id), demo.world.directory) as chain:
            proofs = await _spread_of_proofs(demo, await fetch_head_epoch(chain, entry))
            outcomes = await compare(
                chain,
                scored=_on(chain, demo, SCORED),
                static=_on(chain, demo, STATIC),
                proofs=proofs,
                liquidator=accounts.account("liquidator").address,
                feed_owner=accounts.account("deployer", str(entry.chain_id)).address,
            )
    columns = ("price falls 30 %", "terms", "capacity", "mean LTV", "liquidated", "bad debt", "of capacity")
    demo.view.table(columns, [_crash_row(outcome) for outcome in outcomes])
    by_key = {(outcome.path, outcome.terms): outcome for outcome in outcomes}
    for path in dict.fromkeys(outcome.path for outcome in outcomes):
        static, scored = by_key[path, "static"], by_key[path, "scored"]
        words = f"{path}: scored terms lose {scored.bad_debt_bps / 100:.2f} % of what they lent, static ones {static.bad_debt_bps / 100:.2f} %"
        if _has_conduct(demo):
            require(demo, scored.bad_debt_bps <= static.bad_debt_bps, words)
        else:
            demo.view.say(f"{words}; where conduct does not count, scored terms choose nobody")
    demo.view.say(
        "[dim]Part of the difference is the lower mean LTV, not the choice of borrowers; in steps, liquidators act in time.[/]"
    )
    demo.view.say(
        "[dim]One market, one crash, on a copy of the chain: an illustration, not evidence about real borrowers.[/]"
    )
    demo.record["crash"] = [asdict(outcome) | {"bad_debt_bps": outcome.bad_debt_bps} for outcome in outcomes]


async def show_expiry(demo: Demo) -> None:
    """Let scores grow old on a copy of the second chain."""
    entry = demo.second_chain
    if demo.old_proof is None:
        raise DemoFailedError("no proof was kept from the first report")
    validity_s = demo.world.config.committee.validity_seconds
    # Not the one who just borrowed on the live market.
    borrower = demo.ranked[1].address
    with demo.view.waiting("asking with a valid proof, with one past its grace, and after everything has expired"):
        async with copy_of(demo.world.chain(entry.chain_id), demo.world.directory) as chain:
            valid = await fetch_proof(demo.committee, HONEST, borrower, await fetch_head_epoch(chain, entry))
            outcome = await let_scores_expire(
                _on(chain, demo, "wstETH-USDC-scored"),
                borrower,
                valid=valid,
                old=demo.old_proof,
                validity_s=validity_s,
                feed_owner=demo.world.manifest.account("deployer", str(entry.chain_id)).address,
            )
    _print_expiry(demo, outcome)
    require(demo, outcome.old_proof_is_floor, "a proof past its grace is worth no more than none: floor terms")
    require(
        demo,
        not outcome.expired.allowed,
        f"after a jump of {validity_s + 60} s every score has expired: new loans are refused ({outcome.expired.refusal.name.lower()})",
    )
    require(
        demo,
        outcome.debt_left_amount == 0,
        f"repayment still works: {outcome.repaid_amount / 1e6:,.2f} USDC repaid, nothing left",
    )
    demo.record["expiry"] = _expiry_record(outcome)


def _has_conduct(demo: Demo) -> bool:
    """Return whether behaviour tells borrowers apart: with trees in shadow every margin is 0."""
    return len({borrower.score.behaviour_margin for borrower in demo.ranked}) > 1


def _print_expiry(demo: Demo, outcome: ExpiryOutcome) -> None:
    rows = [
        ("proof of the newest report", "rated", f"{outcome.valid_proof_loan_amount / 1e6:,.0f}"),
        ("no proof", "floor", f"{outcome.no_proof_loan_amount / 1e6:,.0f}"),
        (
            f"proof of epoch {outcome.old_proof_epoch}",
            outcome.old_proof.basis.name.lower(),
            f"{outcome.old_proof_loan_amount / 1e6:,.0f}",
        ),
    ]
    demo.view.table(("presented", "counts as", "largest loan, USDC"), rows)


def _expiry_record(outcome: ExpiryOutcome) -> dict[str, Any]:
    record = asdict(outcome)
    for name in ("old_proof", "expired"):
        record[name] |= {"basis": record[name]["basis"].name.lower(), "refusal": record[name]["refusal"].name.lower()}
    return record


def _on(chain: AnvilChain, demo: Demo, name: str) -> MarketSession:
    """Return a market of the second chain on a copy of it."""
    entry = demo.second_chain
    markets = entry.assay.markets if entry.assay else ()
    return MarketSession(chain, entry, next(market for market in markets if market.name == name))


async def fetch_head_epoch(chain: AnvilChain, entry: ChainEntry) -> int:
    """Return the epoch of the newest report on a chain."""
    if entry.assay is None:
        raise DemoFailedError(f"chain {entry.chain_id} has no oracle")
    head = await chain.read(entry.assay.risk_oracle, "head()", returns=("uint64",))
    return int(head[0])


async def _spread_of_proofs(demo: Demo, epoch: int) -> dict[str, ScoreProof]:
    """Return proofs of borrowers spread evenly from safest to riskiest, who have not borrowed here yet."""
    ranked = demo.ranked[1:-1]
    step = max(1, len(ranked) // CRASH_BORROWERS)
    chosen = ranked[::step][:CRASH_BORROWERS]
    return {borrower.address: await fetch_proof(demo.committee, HONEST, borrower.address, epoch) for borrower in chosen}


def _row(ask: Ask) -> tuple[str, ...]:
    quoted, done = ask.quoted, ask.executed
    return (
        f"{ask.who} {ask.address[:8]}",
        "yes" if ask.with_proof else "no",
        str(ask.grade) if ask.grade and ask.with_proof else "-",
        f"{ask.pd_upper_ppm / 1e4:.2f} %" if ask.pd_upper_ppm and ask.with_proof else "-",
        f"{ask.max_ltv_bps / 100:.1f} %",
        _words(quoted.allowed, quoted.ltv_bps, quoted.premium_bps, quoted.refusal.name),
        _words(done.allowed, done.ltv_bps, done.premium_bps, done.refusal.name),
        "✓" if ask.is_equal else "✗",
    )


def _words(allowed: bool, ltv_bps: int, premium_bps: int, refusal: str) -> str:
    if allowed:
        return f"LTV {ltv_bps / 100:.1f} %, +{premium_bps / 100:.2f} %/y"
    return f"refused: {refusal.lower().replace('_', ' ')}"


def _crash_row(outcome: CrashOutcome) -> tuple[str, ...]:
    return (
        outcome.path,
        outcome.terms,
        f"${outcome.capacity_usd:,}",
        f"{outcome.mean_ltv_bps / 100:.1f} %",
        f"{outcome.liquidated_borrowers} of {outcome.borrowers} ({outcome.liquidations} calls)",
        f"${outcome.bad_debt_usd:,}",
        f"{outcome.bad_debt_bps / 100:.2f} %",
    )
