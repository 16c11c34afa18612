"""What a feature's contribution means, in a sentence for the person who is scored or who lends.

One pair of sentences per feature: (when it makes the subject riskier, when it makes it safer). A test holds them against the registry.
"""

from __future__ import annotations

BORROWER_TEXTS: dict[str, tuple[str, str]] = {
    "z": (
        "The riskiest position stands closer to liquidation than two standard deviations of a month's price moves.",
        "The riskiest position stands further from liquidation than two standard deviations of a month's price moves.",
    ),
    "debt_age": (
        "Large debt has been held for a short time only.",
        "Large debt has been held for a long time.",
    ),
    "low_health_share": (
        "Much of the time in debt was spent near liquidation.",
        "Little of the time in debt was spent near liquidation.",
    ),
    "unanswered_low_health": (
        "On days near liquidation the account often did nothing.",
        "On days near liquidation the account repaid or added collateral.",
    ),
    "risk_raised_low_health": (
        "The account borrowed more or withdrew collateral while near liquidation.",
        "The account did not raise its risk while near liquidation.",
    ),
    "liquidation_episodes": (
        "The account has been liquidated in the past.",
        "The account has few or no liquidations behind it.",
    ),
    "days_since_liquidation": (
        "The last liquidation is recent.",
        "The last liquidation is long ago, or there was none.",
    ),
    "liquidated_share": (
        "A large share of the debt was liquidated.",
        "Little or none of the debt was ever liquidated.",
    ),
    "repaid_share": (
        "Little of the debt was repaid by the account itself.",
        "Much of the debt was repaid by the account itself.",
    ),
    "lowest_health": (
        "The health factor has been very low in the past year.",
        "The health factor stayed well above liquidation all year.",
    ),
    "low_health_days": (
        "The account spent many days near liquidation within the past year.",
        "The account spent few or no days near liquidation within the past year.",
    ),
    "stress_days": (
        "The account has carried large debt through few days of falling prices.",
        "The account has carried large debt through many days of falling prices.",
    ),
    "borrowed_after_rally": (
        "The debt was taken on after prices had risen strongly.",
        "The debt was not taken on after a rally.",
    ),
}

COLLATERAL_TEXTS: dict[str, tuple[str, str]] = {
    "volatility_365d": ("The price moved a lot over the past year.", "The price was calm over the past year."),
    "volatility_30d": ("The price moved a lot over the past month.", "The price was calm over the past month."),
    "volatility_7d": ("The price moved a lot over the past week.", "The price was calm over the past week."),
    "fall_24h_in_30d": ("There was a deep fall within a day this month.", "No day of this month saw a deep fall."),
    "fall_24h_in_90d": ("There was a deep fall within a day this quarter.", "No day of this quarter saw a deep fall."),
    "fall_24h_in_365d": ("There was a deep fall within a day this year.", "No day of this year saw a deep fall."),
    "hourly_tail_90d": (
        "Single hours saw large falls this quarter.",
        "Even the worst hours of this quarter were mild.",
    ),
    "below_high_90d": (
        "The distance from the quarter's high points to further falls.",
        "The distance from the quarter's high points to no further falls.",
    ),
    "below_base_30d": ("The price stands below its monthly level.", "The price stands at or above its monthly level."),
    "range_volatility_3d": (
        "The price ranged widely over the past three days.",
        "The price kept a narrow range over the past three days.",
    ),
    "issuer_risk": ("The token depends on an issuer.", "The token depends on no issuer, or on a strong one."),
    "bridge_risk": ("The token depends on a bridge.", "The token depends on no bridge."),
    "series_age": ("The price history is short.", "The price history is long."),
}

BINDING_TEXTS: dict[int, str] = {
    1: "The drawdown that the model expects within the liquidation window sets the threshold.",
    2: "The drawdown would allow more; the model's cap on any threshold sets it.",
    3: "The pair is unrated: too little price history, or values outside what the model was trained on. Nothing new is lent on it.",
}

UNKNOWN_TEXT = (
    "This address is not in the report: it has no debt on a configured market and borrowed nothing in the last 365 days. "
    "It borrows on floor terms, as anyone does without a proof."
)
"""Nothing to score is not an error: a lender asks this about every new user."""


def text_of(name: str, *, is_adverse: bool) -> str:
    """Return the sentence of a feature's contribution."""
    adverse, favourable = {**BORROWER_TEXTS, **COLLATERAL_TEXTS}[name]
    return adverse if is_adverse else favourable
