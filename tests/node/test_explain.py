"""`assay score` in words: encoded and decoded value apart, the unit beside the decoded one, reasons by name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from oracle.api.explanation import decode_features
from oracle.domain.history import PositionRisk
from oracle.domain.ids import Address
from oracle.domain.score import Reasons
from oracle.domain.units import ChainId, Ppm, UsdE8, Wad
from oracle.features.registry import BORROWER_SCHEMA
from oracle.node.explain import show_position, show_reasons, show_value
from oracle.scoring.bundle import load_bundle
from tests.delivery.conftest import borrower_score

# One of each encoding: z is offset by 32,768 at liquidation, counts and ratios by 1, signed by 32,768; 0 is missing.
VECTOR = (33_792, 31, 1, 0, 1, 3, 0, 1, 10_001, 32_768, 1, 1, 1)


def position(volatility_ppm: int) -> PositionRisk:
    return PositionRisk(
        chain_id=ChainId(1),
        market=Address(bytes(20)),
        health_factor_wad=Wad(15 * 10**17),
        debt_usd_e8=UsdE8(123_450_000_000),
        volatility_ppm=Ppm(volatility_ppm),
    )


@pytest.mark.parametrize(
    ("slot", "words"),
    [
        (1, "= 30 days at the largest debt of a year"),
        (3, "missing"),
        (5, "= 2 episodes"),
        (8, "= 10000 bps of the largest debt of a year"),
        (9, "= 0 × 1/1024 octaves of health factor"),
    ],
)
def test_show_value__slot_of_a_vector__is_decoded_with_its_unit(slot: int, words: str) -> None:
    values = decode_features(load_bundle("borrower-1", allow_sandbox=False), VECTOR)

    assert show_value(values[slot]) == words


def test_show_position__known_volatility__is_a_percentage() -> None:
    assert show_position(position(805_000)) == (
        "  position on chain 1: debt $1,234.50, health factor 1.5000, volatility 80.5 % a year"
    )


def test_show_position__unknown_volatility__says_what_is_taken() -> None:
    assert show_position(position(0)).endswith("volatility not known yet: taken as 300 %")


def test_show_reasons__codes_of_a_leaf__are_slots_plus_one_by_name() -> None:
    score = replace(borrower_score(1), reasons=Reasons(bytes((6, 1, 0, 0))))

    lines = list(show_reasons(BORROWER_SCHEMA, score))

    assert lines[1] == "     6 liquidation_episodes: The account has been liquidated in the past."
    assert lines[2].startswith("     1 z: ")
    assert len(lines) == 3


def test_show_reasons__no_adverse_feature__says_so() -> None:
    assert list(show_reasons(BORROWER_SCHEMA, borrower_score(1))) == ["  reasons: none raises the risk"]
