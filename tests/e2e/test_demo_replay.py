"""`make demo DATA=DIR`'s program on recorded vaults: it ends by itself, and shows probabilities only for what its model has not seen.

All vaults, because the tests of no skew replay all of them too and a history is built once: a limit would build another, hour by hour as long.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from oracle.domain.ids import to_hex
from oracle.scoring.bundle import load_bundle
from tests.integration.data_folder import find_data_folder

TIMEOUT_S = 1_800
"""The demo and, where no other test has replayed the history yet, the replay: a third of this on two idle cores."""
pytestmark = [pytest.mark.slow, pytest.mark.enable_socket]


@pytest.fixture(scope="module")
def record(repository_root: Path) -> dict[str, Any]:
    data = find_data_folder()
    path = repository_root / "build" / "demo.json"
    path.unlink(missing_ok=True)
    environment = {name: value for name, value in os.environ.items() if name != "SERVE"}

    finished = subprocess.run(
        [sys.executable, "-m", "oracle.sandbox.demo", "--data", str(data)],
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


def test_demo_on_vaults__probabilities__are_after_the_training_span_and_of_the_real_bundle(
    record: dict[str, Any],
) -> None:
    shown, bundle = record["out_of_time"], load_bundle("borrower-1", allow_sandbox=False)

    assert shown["observed_at_s"] >= shown["training_until_s"]
    assert (shown["bundle"], shown["model_id"]) == (bundle.name, to_hex(bundle.model_id))
    assert 20 < len(shown["vaults"]) <= shown["listed"]
    assert all(0 < vault["pd_ppm"] <= vault["pd_upper_ppm"] < 10**6 for vault in shown["vaults"])


def test_demo_on_vaults__epochs__have_one_root_on_both_chains_and_verify(record: dict[str, Any]) -> None:
    assert len(record["epochs"]) >= 4
    for epoch in record["epochs"]:
        assert len(epoch["roots"]) == 2
        assert len(set(epoch["roots"].values())) == 1
        assert epoch["verified"]


def test_demo_on_vaults__liar_flip_and_restart__are_found_and_survived(record: dict[str, Any]) -> None:
    assert (record["liar"]["node"], record["liar"]["report_unchanged"]) == (3, True)
    assert record["verify"]["flipped"]["exit_code"] == 1
    assert record["restarts"]["epoch_after_restart"] > record["restarts"]["epoch_without_it"]


def test_demo_on_vaults__loans__are_what_was_quoted_and_a_proof_never_worsens_them(record: dict[str, Any]) -> None:
    asks = {(ask["who"], ask["with_proof"]): ask for ask in record["loans"]["asks"]}

    assert all(ask["quote_equals_execution"] for ask in asks.values())
    assert asks["safe", True]["max_ltv_bps"] >= asks["unknown", False]["max_ltv_bps"]
    assert asks["risky", True]["max_ltv_bps"] >= asks["risky", False]["max_ltv_bps"]
