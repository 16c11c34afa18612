"""One score in words: the blocks it stands on, each feature with what it does to the margin, and the leaf with its proof."""

from __future__ import annotations

from collections.abc import Iterator

from oracle.api.explanation import FeatureValue, decode_features
from oracle.api.reason_texts import text_of
from oracle.domain.history import PositionRisk
from oracle.domain.ids import to_hex
from oracle.domain.merkle import verify_proof
from oracle.domain.score import BorrowerScore, Score
from oracle.features.borrower import UNKNOWN_VOLATILITY_PPM
from oracle.features.registry import Schema
from oracle.node.observe import Scorers
from oracle.node.verification import Verification

NO_REASON = 0


def explain_score(result: Verification, score: Score, scorers: Scorers) -> Iterator[str]:
    """Yield the lines that explain a borrower's score."""
    if not isinstance(score, BorrowerScore):
        return
    vector = result.observed.vectors[score.subject]
    places = result.observed.accounts.get(score.subject, ())
    yield f"subject {to_hex(score.subject)} on chains {', '.join(str(chain) for chain, _ in places)}"
    history = next(h for h in result.observed.histories.borrowers if h.subject == score.subject)
    for position in history.positions:
        yield show_position(position)
    yield f"  history: {len(history.events)} events, {len(history.samples)} daily samples with debt"
    explanation = scorers.borrower.explain(vector)
    values = decode_features(scorers.borrower.bundle, vector)
    yield f"  features (hash {to_hex(score.features_hash)}), largest risk first, margin from {explanation.bias}"
    for part in explanation.contributions:
        yield f"    {part.name:<24} {part.margin:>+8}   uint16 {part.slot_value:>5}   {show_value(values[part.slot])}"
    yield (
        f"  margin {score.margin} = state offset {score.state_offset} + behaviour {score.behaviour_margin} "
        "(a rank, not a probability: the model's table turns it into the PD)"
    )
    if not scorers.borrower.bundle.trees_active:
        yield f"  behaviour trees run in shadow: they would add {int(scorers.borrower.trees_margins([vector])[0])}"
    rating = f"grade {score.grade}" if score.grade else "unrated"
    yield (
        f"  PD in 30 days {score.pd_ppm / 10**4:.4f} %, upper bound {score.pd_upper_ppm / 10**4:.4f} %, "
        f"{score.points} points, {rating}"
    )
    yield from show_reasons(scorers.borrower.bundle.schema, score)
    proof = result.tree.proof(score.leaf)
    held = "leads to" if verify_proof(result.tree.root, score.leaf, proof) else "does not lead to"
    yield f"  leaf {to_hex(score.leaf)}; a proof of {len(proof)} hashes {held} root {to_hex(result.tree.root)}"


def show_position(position: PositionRisk) -> str:
    """Return one position in words; a volatility of 0 is one that is not known."""
    volatility = f"volatility {position.volatility_ppm / 10**4:.1f} % a year"
    if not position.volatility_ppm:
        volatility = f"volatility not known yet: taken as {UNKNOWN_VOLATILITY_PPM // 10**4} %"
    return (
        f"  position on chain {position.chain_id}: debt ${position.debt_usd_e8 / 10**8:,.2f}, "
        f"health factor {position.health_factor_wad / 10**18:.4f}, {volatility}"
    )


def show_value(value: FeatureValue) -> str:
    """Return a slot's value in its unit; a unit that is itself a fraction is multiplied."""
    if value.value_number is None:
        return "missing"
    unit = value.feature.unit
    return f"= {value.value_number} {'× ' if unit[0].isdigit() else ''}{unit}"


def show_reasons(schema: Schema, score: BorrowerScore) -> Iterator[str]:
    """Yield the leaf's reason codes, strongest first, each with its feature in words."""
    codes = [code for code in score.reasons if code != NO_REASON]
    yield "  reasons, strongest first:" if codes else "  reasons: none raises the risk"
    for code in codes:
        name = schema[code - 1].name
        yield f"    {code:>2} {name}: {text_of(name, is_adverse=True)}"
