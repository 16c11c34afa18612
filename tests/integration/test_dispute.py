"""`assay dispute` on real chains: more members than may be faulty sign a wrong score, and a stranger who recomputes it has them slashed."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from oracle.delivery.codec import pack_attestations
from oracle.delivery.dispute_codec import Standing
from oracle.domain.ids import keccak256, to_hex
from oracle.domain.report import Report
from oracle.domain.score import CollateralScore, Score
from oracle.domain.units import Bps, Epoch, NodeId
from oracle.node.leaves import write_leaves
from oracle.node.observe import Observed
from oracle.node.settings import load_settings
from oracle.node.stores import Stores
from tests.integration.committee_processes import run_assay
from tests.integration.dispute_world import (
    CHALLENGE_S,
    CHALLENGER,
    DEMAND_S,
    PASSWORD,
    STAKE,
    WRONG_SCORE_BPS,
    DisputeWorld,
    dispute_world,
    observe,
    running_node,
)

pytestmark = [pytest.mark.anyio, pytest.mark.enable_socket, pytest.mark.slow]


@pytest.fixture
async def court(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[DisputeWorld]:
    monkeypatch.setenv("ASSAY_KEYSTORE_PASSWORD", PASSWORD)
    async with dispute_world(tmp_path) as made:
        yield made


def lie(scores: tuple[Score, ...]) -> tuple[CollateralScore, tuple[Score, ...]]:
    """Let one pair carry a higher LTV than its vector gives."""
    true = next(score for score in scores if isinstance(score, CollateralScore))
    false = replace(true, ltv_ceiling_bps=Bps(true.ltv_ceiling_bps + 500))
    return false, tuple(false if score is true else score for score in scores)


async def run(*arguments: str) -> tuple[int, str]:
    done = await asyncio.to_thread(run_assay, arguments)
    return done.returncode, done.stdout + done.stderr


async def test_dispute__wrong_score_posted__says_the_reward_then_slashes_and_voids(court: DisputeWorld) -> None:
    """Everything comes from the chains: the report and its signatures from `publish`, the entry and its proof from `post`."""
    observed = await observe(court)
    false, scores = lie(observed.scores)
    report = court.report_of(observed, scores)
    await court.publish(report, scores, [false])
    options = ("dispute", "--config", str(court.member.config_path), "--epoch", str(report.epoch))

    looked, outlook = await run(*options)
    assert looked == 1, outlook
    assert not await court.is_voided(report)
    sent, said = await run(*options, "--send", "--keystore", str(court.keystore_path))
    taken_then = await court.pending()
    again, nothing = await run(*options)
    await court.world.mine(2, timestamp_s=court.deployer.clock_s + CHALLENGE_S + 60)
    settled, paid = await run("dispute", "settle", *options[1:3], "--send", "--keystore", str(court.keystore_path))

    taken = STAKE * WRONG_SCORE_BPS // 10_000
    assert f"wrong score of {to_hex(false.subject)}" in outlook
    assert f"takes {3 * taken} of" in outlook
    assert f"{3 * taken // 2} are the challenger's" in outlook
    assert sent == 0, said
    assert await court.is_voided(report)
    assert await court.offences(report.epoch) == [1, 1, 1, 0]
    assert taken_then == 3 * taken
    assert settled == 0, paid
    assert await court.pending() == 0
    assert await court.balance(CHALLENGER.address) == 3 * taken // 2
    assert again == 0, nothing
    assert "void already" in nothing
    assert os.environ["ASSAY_KEYSTORE_PASSWORD"] not in said


async def test_dispute__true_report__has_nothing_to_send(court: DisputeWorld) -> None:
    observed = await observe(court)
    report = court.report_of(observed, observed.scores)
    posted = next(score for score in observed.scores if isinstance(score, CollateralScore))
    await court.publish(report, observed.scores, [posted])
    options = ("dispute", "--config", str(court.member.config_path), "--epoch", str(report.epoch))

    code, said = await run(*options, "--send", "--keystore", str(court.keystore_path))

    assert code == 0, said
    assert "nothing to dispute" in said
    assert await court.offences(report.epoch) == [0, 0, 0, 0]
    assert int(await court.chain.rpc("eth_getTransactionCount", CHALLENGER.address, "latest"), 16) == 0


async def test_demand__vector_in_a_database_or_nowhere__is_answered_or_voids_the_leaf(court: DisputeWorld) -> None:
    """Three leaves are demanded: one is answered by hand, one by a running node as soon as it has the vector, one by nobody."""
    observed = await observe(court)
    report = court.report_of(observed, observed.scores)
    known, kept_late, hidden = [score for score in observed.scores if isinstance(score, CollateralScore)][:3]
    await court.publish(report, observed.scores, [known, kept_late, hidden])
    save(court, observed, known)
    config = ("--config", str(court.member.config_path))
    sending = (*config, "--send", "--keystore", str(court.keystore_path))

    demanded = [await run("dispute", "demand", to_hex(s.subject), *sending) for s in (known, kept_late, hidden)]
    answered = await run("dispute", "answer", *sending)
    collected = await run("dispute", "collect", *sending)
    save(court, observed, kept_late)
    await court.world.mine(2, timestamp_s=court.deployer.clock_s + DEMAND_S // 2)  # every member's turn has come
    by_node = await standing_with_a_node(court, report.epoch, kept_late)
    named = ("dispute", "void", to_hex(hidden.subject), "--epoch", str(report.epoch))
    early = await run(*named, *sending)
    await court.world.mine(2, timestamp_s=court.deployer.clock_s + DEMAND_S + 120)
    voided = await run(*named, *sending)

    assert [code for code, _ in demanded] == [0, 0, 0], demanded
    assert answered[0] == 1, answered
    assert f"leaf {to_hex(hidden.leaf)} of epoch {report.epoch} is not kept here" in answered[1]
    assert await court.standing(report.epoch, known) is Standing.ANSWERED
    assert collected[0] == 0, collected
    assert by_node is Standing.ANSWERED
    assert "EarlyVoid" in early[1]
    assert voided[0] == 0, voided
    assert await court.standing(report.epoch, hidden) is Standing.UNANSWERED
    assert not await court.is_voided(report)


def save(court: DisputeWorld, observed: Observed, score: Score) -> None:
    """Let the member's database hold a leaf and its vector, as a node that agreed on it has them."""
    stores = Stores.open(load_settings(court.member.config_path).database, hold=False)
    vectors = {score.subject: observed.packed_vectors()[score.subject]}
    stores.scores.save(observed.cut.epoch, [score], vectors=vectors, accounts={})
    stores.database.close()


async def standing_with_a_node(court: DisputeWorld, epoch: Epoch, score: Score) -> Standing:
    """Run the member's node until a demand has ended, and return how."""
    async with running_node(court) as node:

        async def look() -> Standing | None:
            found = await court.standing(epoch, score)
            return None if found is Standing.OPEN else found

        return await node.wait_for(look)


async def test_equivocation__two_reports_in_files__costs_who_signed_both_everything(court: DisputeWorld) -> None:
    """Neither was published: evidence is the reports themselves."""
    observed = await observe(court)
    report = court.report_of(observed, observed.scores)
    other = replace(report, cut_hash=keccak256(b"another cut"))
    folder = court.keystore_path.parent
    files = [str(write_signed(court, folder / f"{name}.json", r)) for name, r in (("one", report), ("two", other))]

    code, said = await run(
        "dispute", "equivocation", *files, "--config", str(court.member.config_path), "--send", "--keystore",
        str(court.keystore_path),
    )  # fmt: skip

    assert code == 0, said
    assert f"takes {3 * STAKE} of" in said
    assert await court.offences(report.epoch) == [2, 2, 2, 0]
    assert await court.is_voided(report)
    assert await court.is_voided(other)


async def test_dispute__two_leaves_of_one_subject__are_proved_from_a_leaves_file(court: DisputeWorld) -> None:
    observed = await observe(court)
    false, _ = lie(observed.scores)
    scores = (*observed.scores, false)
    report = court.report_of(observed, scores)
    await court.publish(report, scores, [next(s for s in observed.scores if s.subject != false.subject)])
    leaves = court.keystore_path.parent / "leaves.json"
    write_leaves(leaves, report.epoch, scores)
    options = ("dispute", "--config", str(court.member.config_path), "--epoch", str(report.epoch))

    code, said = await run(*options, "--leaves", str(leaves), "--send", "--keystore", str(court.keystore_path))

    assert code == 0, said
    assert f"two leaves of {to_hex(false.subject)}" in said
    assert await court.offences(report.epoch) == [1, 1, 1, 0]
    assert await court.is_voided(report)


def write_signed(court: DisputeWorld, path: Path, report: Report) -> Path:
    """Write a report with its quorum's signatures as the API answers it."""
    signed = {NodeId(i): signer.sign_digest(report.hash) for i, signer in enumerate(court.signers)}
    struct = {
        "config_digest": to_hex(report.config_digest), "epoch": report.epoch, "cut_hash": to_hex(report.cut_hash),
        "scores_root": to_hex(report.scores_root), "observers": report.observers, "borrowers": report.borrowers,
        "collaterals": report.collaterals, "stalled_chains": report.stalled_chains,
    }  # fmt: skip
    packed = to_hex(pack_attestations(signed, court.config.q))
    path.write_text(json.dumps({"struct": struct, "attestations_packed": packed}))
    return path
