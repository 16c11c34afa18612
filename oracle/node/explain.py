"""One score in words: the blocks it stands on, each feature with what it does to the margin, and the leaf with its proof."""

from __future__ import annotations

from collections.abc import Iterator

from oracle.domain.ids import to_hex
from oracle.domain.merkle import verify_proof
from oracle.domain.score import BorrowerScore, Score
from oracle.node.observe import Scorers
from oracle.node.verification import Verification

UNITS_PER_LOG_ODDS = 4_096


def explain_score(result: Verification, score: Score, scorers: Scorers) -> Iterator[str]:
    """Yield the lines that explain a borrower's score."""
    if not isinstance(score, BorrowerScore):
        return
    vector = result.observed.vectors[score.subject]
    places = result.observed.accounts.get(score.subject, ())
    yield f"subject {to_hex(score.subject)} on chains {', '.join(str(chain) for chain, _ in places)}"
    history = next(h for h in result.observed.histories.borrowers if h.subject == score.subject)
    for position in history.positions:
        yield (
            f"  position on chain {position.chain_id}: debt ${position.debt_usd_e8 / 10**8:,.2f}, "
            f"health factor {position.health_factor_wad / 10**18:.4f}, volatility {position.volatility_ppm / 10**4:.1f} % a year"
        )
    yield f"  history: {len(history.events)} events, {len(history.samples)} daily samples with debt"
    explanation = scorers.borrower.explain(vector)
    units = {feature.slot: feature.unit for feature in scorers.borrower.bundle.schema}
    yield f"  features (hash {to_hex(score.features_hash)}), largest risk first; bias {explanation.bias}"
    for part in explanation.contributions:
        value = "missing" if part.slot_value == 0 else str(part.slot_value)
        yield f"    {part.name:<24} {value:>8}  {part.margin:>+8}   {units[part.slot]}"
    yield (
        f"  margin {score.margin} = state offset {score.state_offset} + behaviour {score.behaviour_margin} "
        f"({score.margin / UNITS_PER_LOG_ODDS:+.3f} log-odds)"
    )
    if not scorers.borrower.bundle.trees_active:
        yield f"  behaviour trees run in shadow: they would add {int(scorers.borrower.trees_margins([vector])[0])}"
    rating = f"grade {score.grade}" if score.grade else "unrated"
    yield (
        f"  PD in 30 days {score.pd_ppm / 10**4:.4f} %, upper bound {score.pd_upper_ppm / 10**4:.4f} %, "
        f"{score.points} points, {rating}, reason codes {list(score.reasons)}"
    )
    proof = result.tree.proof(score.leaf)
    held = "leads to" if verify_proof(result.tree.root, score.leaf, proof) else "does not lead to"
    yield f"  leaf {to_hex(score.leaf)}; a proof of {len(proof)} hashes {held} root {to_hex(result.tree.root)}"
