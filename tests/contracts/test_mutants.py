"""The mutants' script: a seed lands once or not at all, every seed fits the sources of today, and only a failing test is a kill."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.contracts.mutants import Judgement, Verdict, compute_closure, group_by_test, judge, read_results, report
from tests.contracts.seeds import ROOT, PatternError, Seed, read_seeds

SEED = Seed(
    name="staking-early",
    law="S-02",
    file="Staking.sol",
    find="a <= b",
    put="a < b",
    test="unit/Staking.t.sol",
    case="test_Unbond_|test_Slash_",
)
CONTRACTS = (
    "Committee.sol RiskOracle.sol ScoreStore.sol Staking.sol ScoreDispute.sol VectorDemand.sol RewardPot.sol ModelRegistry.sol RiskGate.sol "
    "LendingMarket.sol MarketBase.sol adapters/AaveSteward.sol adapters/MorphoScoreOracle.sol libraries/TreeEnsemble.sol libraries/ScoreMath.sol "
    "libraries/TermsLib.sol libraries/GateLib.sol libraries/HeadLib.sol libraries/AttestationLib.sol libraries/DebtLib.sol"
).split()


def judgement(verdict: Verdict) -> Judgement:
    return Judgement(seed=SEED, verdict=verdict, reason="", taken_s=1.0)


@pytest.mark.parametrize("seed", read_seeds(), ids=lambda seed: seed.name)
def test_seed__against_the_present_sources__lands_once_and_names_its_test(seed: Seed) -> None:
    source = (ROOT / seed.source).read_text(encoding="utf-8")
    tests = re.findall(r"\bfunction ((?:test|invariant)\w+)", (ROOT / seed.judge_path).read_text(encoding="utf-8"))
    laws = (ROOT / "contracts" / "INVARIANTS.md").read_text(encoding="utf-8")

    lines, wrong = source.split("\n"), seed.apply(source).split("\n")

    assert len(wrong) == len(lines)
    assert sum(a != b for a, b in zip(lines, wrong, strict=True)) == 1
    assert any(re.match(seed.case, name) for name in tests)
    assert f"**{seed.law}**" in laws


def test_read_seeds__all_of_them__have_names_of_their_own_and_reach_every_contract() -> None:
    seeds = read_seeds()

    assert len({seed.name for seed in seeds}) == len(seeds)
    assert set(CONTRACTS) <= {seed.file for seed in seeds}


def test_read_seeds__a_missing_field__is_named(tmp_path: Path) -> None:
    path = tmp_path / "seeds.toml"
    path.write_text('[[seed]]\nname = "half"\n', encoding="utf-8")

    with pytest.raises(ValueError, match="half"):
        read_seeds(path)


@pytest.mark.parametrize(("text", "found"), [("a >= b", 0), ("a <= b; a <= b", 2)])
def test_apply__text_not_there_once__is_refused(text: str, found: int) -> None:
    with pytest.raises(PatternError) as caught:
        SEED.apply(text)

    assert (caught.value.seed, caught.value.found) == ("staking-early", found)


def test_apply__text_there_once__is_replaced() -> None:
    assert SEED.apply("if (a <= b) x(a, b);") == "if (a < b) x(a, b);"


@pytest.mark.parametrize(
    ("results", "verdict"),
    [
        ({"test_Unbond_Early": False, "test_Bond": True}, Verdict.KILLED),
        ({"test_Slash_Late": False, "test_Unbond_Early": True}, Verdict.KILLED),
        ({"setUp": False}, Verdict.KILLED),
        ({"test_Unbond_Early": True}, Verdict.SURVIVED),
        # Another test noticed, but not one that the seed names.
        ({"test_Unbond_Early": True, "test_Bond": False}, Verdict.SURVIVED),
        ({"test_Bond": False}, Verdict.UNJUDGED),
        ({}, Verdict.UNJUDGED),
    ],
)
def test_judge__results_of_the_wrong_line__only_the_named_tests_kill(
    results: dict[str, bool], verdict: Verdict
) -> None:
    assert judge(results, SEED.case)[0] is verdict


def test_read_results__forge_output__is_one_result_a_test() -> None:
    suite = {"test_results": {"test_A(uint256)": {"status": "Success"}, "test_B()": {"status": "Failure"}}}

    results = read_results(json.dumps({"contracts/test/unit/X.t.sol:XTest": suite}))

    assert results == {"test_A": True, "test_B": False}


def test_read_results__compiler_errors__are_no_results() -> None:
    with pytest.raises(json.JSONDecodeError):
        read_results("Error: Compiler run failed:")


def test_compute_closure__relative_imports__are_followed_once() -> None:
    files = {
        "t/unit/A.t.sol": 'import { B } from "../../src/B.sol";\nimport { Test } from "forge-std/Test.sol";',
        "src/B.sol": 'import { C } from "./lib/C.sol";',
        "src/lib/C.sol": 'import { B } from "../B.sol";',
    }

    assert compute_closure("t/unit/A.t.sol", files.__getitem__) == frozenset(files)


def test_group_by_test__a_later_start__turns_the_order_and_loses_none() -> None:
    seeds = [replace(SEED, name=name, test=test) for name, test in (("1", "b"), ("2", "a"), ("3", "b"), ("4", "c"))]

    groups = group_by_test(seeds, first=4)

    assert [[seed.name for seed in group] for group in groups] == [["1", "3"], ["4"], ["2"]]


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        ([Verdict.KILLED, Verdict.KILLED], 0),
        ([Verdict.KILLED, Verdict.SURVIVED], 1),
        ([Verdict.KILLED, Verdict.UNJUDGED], 1),
        ([], 1),
    ],
)
def test_report__any_seed_not_killed__fails(
    verdicts: list[Verdict], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report([judgement(verdict) for verdict in verdicts], 5, 12.0) == code

    assert f"{5 - len(verdicts)} of 5 not reached in 12 s" in capsys.readouterr().out
