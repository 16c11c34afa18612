"""`make demo`'s program from start to end: it ends by itself, and what it recorded holds together."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

TIMEOUT_S = 420
pytestmark = [pytest.mark.slow, pytest.mark.enable_socket]


@pytest.fixture(scope="module")
def record(repository_root: Path) -> dict[str, Any]:
    path = repository_root / "build" / "demo.json"
    path.unlink(missing_ok=True)
    environment = {name: value for name, value in os.environ.items() if name != "SERVE"}

    finished = subprocess.run(
        [sys.executable, "-m", "oracle.sandbox.demo"],
        cwd=repository_root,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )

    assert finished.returncode == 0, finished.stdout[-3_000:] + finished.stderr[-3_000:]
    loaded: dict[str, Any] = json.loads(path.read_text())
    return loaded


def test_demo__epochs__have_one_root_on_both_chains_and_verify(record: dict[str, Any]) -> None:
    assert len(record["epochs"]) >= 4
    for epoch in record["epochs"]:
        assert len(epoch["roots"]) == 2
        assert len(set(epoch["roots"].values())) == 1
        assert epoch["verified"]


def test_demo__liar__is_named_with_subject_and_difference(record: dict[str, Any]) -> None:
    liar = record["liar"]

    assert liar["node"] == 3
    assert liar["fault"] == "lie-score"
    assert liar["subject"].startswith("0x")
    assert "behaviour_margin" in liar["difference"]
    assert liar["report_unchanged"]


def test_demo__restarts__epochs_go_on_without_and_with_the_killed_node(record: dict[str, Any]) -> None:
    restarts = record["restarts"]

    assert restarts["epoch_after_restart"] > restarts["epoch_without_it"]


def test_demo__flipped_byte__is_found_and_named(record: dict[str, Any]) -> None:
    assert record["verify"]["green"]["exit_code"] == 0
    assert record["verify"]["flipped"]["exit_code"] == 1
    assert "pd_ppm" in record["verify"]["flipped"]["difference"]


def test_demo__four_asks__quote_equals_execution_and_only_the_safe_one_gets_the_loan(record: dict[str, Any]) -> None:
    asks = record["loans"]["asks"]

    assert [(ask["who"], ask["with_proof"]) for ask in asks] == [
        ("safe", True),
        ("risky", True),
        ("unknown", False),
        ("risky", False),
    ]
    assert all(ask["quote_equals_execution"] for ask in asks)
    assert [ask["executed"]["allowed"] for ask in asks] == [True, False, False, False]


def test_demo__crash__scored_terms_lose_no_larger_share(record: dict[str, Any]) -> None:
    outcomes = {(outcome["path"], outcome["terms"]): outcome for outcome in record["crash"]}

    assert len(outcomes) == 4
    for path in ("at once", "in three steps"):
        assert outcomes[path, "scored"]["bad_debt_bps"] <= outcomes[path, "static"]["bad_debt_bps"]
        assert outcomes[path, "scored"]["capacity_usd"] > 0


def test_demo__expired_scores__floor_then_no_loan_and_repayment_works(record: dict[str, Any]) -> None:
    expiry = record["expiry"]

    assert expiry["old_proof"]["basis"] == "expired"
    assert expiry["old_proof_loan_amount"] == expiry["no_proof_loan_amount"]
    assert expiry["valid_proof_loan_amount"] > expiry["no_proof_loan_amount"]
    assert not expiry["expired"]["allowed"]
    assert expiry["debt_left_amount"] == 0
