"""`python -m tests.contracts.mutants`: make one line of the contracts wrong at a time, and see that a test notices.

Each wrong line (`seeds.toml`) is compiled in a folder of its own with nothing but the test that must fail and what that imports, without
the optimizer, which takes seconds where the whole tree takes minutes. The same test has to pass there first, on the right line. What does not
compile, or runs no such test, is not judged: that is a fault of the seed, and no kill.
"""

from __future__ import annotations

import argparse
import json
import os
import posixpath
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from pathlib import Path

from tests.contracts.seeds import ROOT, Seed, read_seeds

WORKSPACE = ROOT / "build" / "mutants"
FORGE = ROOT / "node_modules" / ".bin" / "forge"
IMPORT = re.compile(r"""(?:from|import)\s+"(\.[^"]+)";""")
COPIED = ("foundry.toml", "contracts/tools/solc", "tests/scoring/model_runs.json")
# What tests read: forge lets none of it be a link.
COPIED_FOLDERS = ("tests/vectors", "build/model_runs", "build/morpho")
RUN_S = 300
DAY_S = 86_400


class Verdict(StrEnum):
    """What became of a seed; `UNJUDGED` says that nothing was learned."""

    KILLED = "killed"
    SURVIVED = "SURVIVED"
    UNJUDGED = "not judged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A seed's verdict, why, and how long it took."""

    seed: Seed
    verdict: Verdict
    reason: str
    taken_s: float


class CompileError(Exception):
    """Forge ran no test, because the sources do not compile."""


def compute_closure(test: str, read: Callable[[str], str]) -> frozenset[str]:
    """Return the path `test` and all that it imports by relative paths, directly or not."""
    closure: set[str] = set()
    waiting = [test]
    while waiting:
        path = waiting.pop()
        if path not in closure:
            closure.add(path)
            folder = posixpath.dirname(path)
            waiting += [posixpath.normpath(posixpath.join(folder, target)) for target in IMPORT.findall(read(path))]
    return frozenset(closure)


def judge(results: dict[str, bool], case: str) -> tuple[Verdict, str]:
    """Return the verdict on a wrong line from each test's result, True if it passed; `case` matches the names that must notice."""
    failed = sorted(name for name, passed in results.items() if not passed and re.match(case, name))
    if failed:
        return Verdict.KILLED, failed[0]
    # A contract that cannot even be set up fails every test that needs it.
    if not results.get("setUp", True):
        return Verdict.KILLED, "setUp"
    if not any(re.match(case, name) for name in results):
        return Verdict.UNJUDGED, f"no test matches {case}"
    return Verdict.SURVIVED, f"{case} still passes"


def read_results(output: str) -> dict[str, bool]:
    """Return whether each test passed, by its name without arguments, from what `forge test --json` wrote."""
    suites = json.loads(output)
    return {
        name.split("(")[0]: result["status"] == "Success"
        for suite in suites.values()
        for name, result in suite["test_results"].items()
    }


def build_workspace(folder: Path, test: Path) -> None:
    """Make `folder` a checkout with nothing but `test` and what it needs."""
    shutil.rmtree(folder, ignore_errors=True)
    closure = compute_closure(test.as_posix(), lambda path: (ROOT / path).read_text(encoding="utf-8"))
    for path in (*COPIED, *sorted(closure)):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, folder / path)
    for path in COPIED_FOLDERS:
        shutil.copytree(ROOT / path, folder / path)
    (folder / "node_modules").symlink_to(ROOT / "node_modules")


def run_tests(folder: Path) -> dict[str, bool]:
    """Compile what is in `folder` and return whether each test there passed.

    Raises:
        CompileError: nothing ran.
    """
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("FOUNDRY_", "FORGE_"))}
    # Half a minute of optimizer for each line would prove nothing more.
    environment |= {"FOUNDRY_OPTIMIZER": "false", "FOUNDRY_INVARIANT_RUNS": "16"}
    done = subprocess.run(
        [FORGE, "test", "--json"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=RUN_S,
        check=False,
    )
    try:
        return read_results(done.stdout)
    except json.JSONDecodeError as error:
        text = (done.stderr + done.stdout).strip()
        first = re.search(r"^Error.*(?:\n.*){0,3}", text, re.MULTILINE)
        raise CompileError(first.group() if first else text[-300:]) from error


def judge_group(seeds: Sequence[Seed], deadline_s: float, clock: Callable[[], float]) -> Iterator[Judgement]:
    """Judge seeds of one test file until the deadline, after the right lines passed it."""
    folder = WORKSPACE / seeds[0].judge_path.name
    build_workspace(folder, seeds[0].judge_path)
    right = run_tests(folder)
    for seed in seeds:
        started_s = clock()
        if started_s > deadline_s:
            return
        broken = sorted(
            name for name, passed in right.items() if not passed and re.match(f"(?:{seed.case})|setUp", name)
        )
        if broken:
            verdict, reason = Verdict.UNJUDGED, f"{broken[0]} fails on the right line too"
        else:
            source = folder / seed.source
            text = (ROOT / seed.source).read_text(encoding="utf-8")
            source.write_text(seed.apply(text), encoding="utf-8")
            try:
                verdict, reason = judge(run_tests(folder), seed.case)
            except (CompileError, subprocess.TimeoutExpired) as error:
                verdict, reason = Verdict.UNJUDGED, str(error)
            source.write_text(text, encoding="utf-8")
        yield Judgement(seed=seed, verdict=verdict, reason=reason, taken_s=clock() - started_s)
    shutil.rmtree(folder)


def group_by_test(seeds: Iterable[Seed], first: int) -> list[list[Seed]]:
    """Return the seeds of each test file, starting with the group `first` modulo their number."""
    ordered = sorted(seeds, key=lambda seed: seed.test)
    groups = [list(group) for _, group in groupby(ordered, key=lambda seed: seed.test)]
    start = first % len(groups) if groups else 0
    return groups[start:] + groups[:start]


def judge_all(groups: Sequence[Sequence[Seed]], *, budget_s: float, jobs: int) -> list[Judgement]:
    """Judge in order, `jobs` files at a time, print each verdict, and return all that were reached inside the budget."""
    deadline_s = time.monotonic() + budget_s
    judged: list[Judgement] = []

    def run(group: Sequence[Seed]) -> None:
        if time.monotonic() > deadline_s:
            return
        for item in judge_group(group, deadline_s, time.monotonic):
            judged.append(item)
            print(
                f"{item.verdict:10}  {item.taken_s:4.0f} s  {item.seed.law}  {item.seed.name}: {item.reason}",
                flush=True,
            )

    with ThreadPoolExecutor(jobs) as pool:
        # The results are read, so that what went wrong in a thread is raised here.
        list(pool.map(run, groups))
    return judged


def report(judged: Sequence[Judgement], total: int, taken_s: float) -> int:
    """Print the sums; return the exit code: 0 if every seed that was reached was killed."""
    count = {verdict: sum(item.verdict is verdict for item in judged) for verdict in Verdict}
    print(
        f"mutants: {count[Verdict.KILLED]} killed, {count[Verdict.SURVIVED]} survived, {count[Verdict.UNJUDGED]} not judged, "
        f"{total - len(judged)} of {total} not reached in {taken_s:.0f} s"
    )
    return 0 if judged and count[Verdict.KILLED] == len(judged) else 1


def main() -> int:
    """Judge the seeds that the arguments name."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.contracts.mutants", description="Seed wrong lines; tests must notice."
    )
    parser.add_argument("--budget-s", type=float, default=3600.0, help="no line is begun after this many seconds")
    parser.add_argument("--only", help="a regular expression over names of seeds")
    parser.add_argument(
        "--first", type=int, default=int(time.time()) // DAY_S, help="test file to begin with; the day, if not given"
    )
    parser.add_argument("--jobs", type=int, default=1, help="test files at a time")
    arguments = parser.parse_args()
    seeds = [seed for seed in read_seeds() if re.search(arguments.only or "", seed.name)]
    started_s = time.monotonic()
    groups = group_by_test(seeds, arguments.first)
    judged = judge_all(groups, budget_s=arguments.budget_s, jobs=arguments.jobs)
    return report(judged, len(seeds), time.monotonic() - started_s)


if __name__ == "__main__":
    sys.exit(main())
