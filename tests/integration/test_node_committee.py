"""Four node processes on a sandbox: they agree and land, name a liar, survive a kill, shrug off bad input, and can be verified."""

from __future__ import annotations

import asyncio
import http.client
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from oracle.consensus.messages import encode_batch
from oracle.node.transport import MESSAGES_PATH
from oracle.sandbox.config import TINY_HISTORY, CommitteeSpec, SandboxConfig, find_sandbox_models
from oracle.sandbox.world import start_world
from tests.integration.committee_processes import Committee

LIAR, VICTIM, WITNESS = 3, 2, 0
EPOCH_S = 14
pytestmark = [pytest.mark.enable_socket, pytest.mark.slow]


@pytest.fixture(scope="module")
def committee(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Committee]:
    borrower_model, collateral_model = find_sandbox_models()
    config = SandboxConfig(
        history=TINY_HISTORY,
        committee=CommitteeSpec(epoch_seconds=EPOCH_S, validity_seconds=600),
        borrower_model=borrower_model,
        collateral_model=collateral_model,
        run_directory=tmp_path_factory.mktemp("world"),
    )
    with asyncio.Runner() as runner:
        world = runner.run(start_world(config))
        nodes = None
        try:
            nodes = Committee(world.manifest, tmp_path_factory.mktemp("committee"))
            for node in range(4):
                nodes.start(node, *(("--fault", "lie-score") if node == LIAR else ()))
            yield nodes
        finally:
            if nodes is not None:
                nodes.stop()
            runner.run(world.stop())


def test_committee__one_node_lies__agrees_lands_twice_and_names_it(committee: Committee) -> None:
    committee.wait_for("two landed epochs", lambda: len(committee.landed_epochs(WITNESS)) >= 2 or None)

    blames = committee.wait_for("blame", lambda: committee.blames(WITNESS) or None)

    assert {blame.node for blame in blames} == {LIAR}
    assert all(blame.subject is not None and "behaviour_margin" in blame.difference for blame in blames)


def test_committee__node_killed_and_restarted__goes_on_with_it(committee: Committee) -> None:
    (last,) = committee.wait_for("a landed epoch", lambda: committee.landed_epochs(WITNESS)[-1:] or None)

    committee.kill(VICTIM)
    committee.start(VICTIM)

    def with_victim() -> bool | None:
        reports = committee.read(WITNESS, lambda s: s.reports.latest(5))
        landed = committee.landed_epochs(VICTIM, after=last)
        return any(r.epoch in landed and r.observers >> VICTIM & 1 for r in reports) or None

    committee.wait_for("an epoch that the restarted node observed and saw land", with_victim)
    assert {blame.node for blame in committee.blames(WITNESS)} == {LIAR}


def test_verify__landed_epoch__is_green_and_red_after_one_flipped_byte(committee: Committee, tmp_path: Path) -> None:
    committee.wait_for("a landed epoch", lambda: committee.landed_epochs(WITNESS) or None)
    config = str(committee.members[WITNESS].config_path)
    leaves = tmp_path / "leaves.json"

    green = committee.run_assay("verify", "--config", config, "--write-leaves", str(leaves))
    document = json.loads(leaves.read_text())
    entry = document["entries"][0]
    document["entries"][0] = entry[:-1] + ("0" if entry[-1] != "0" else "1")
    leaves.write_text(json.dumps(document))
    epoch = str(document["epoch"])
    red = committee.run_assay("verify", "--config", config, "--epoch", epoch, "--leaves", str(leaves))

    assert green.returncode == 0, green.stdout + green.stderr
    assert red.returncode == 1
    assert "features_hash" in red.stdout


def post_stated_length(url: str, length_bytes: int) -> int:
    """Announce a body and send none of it; return the status that comes before any of it was read."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=30)
    connection.putrequest("POST", MESSAGES_PATH)
    connection.putheader("content-length", str(length_bytes))
    connection.endheaders()
    status = connection.getresponse().status
    connection.close()
    return status


def test_node__bad_requests__are_refused_counted_and_survived(committee: Committee) -> None:
    committee.wait_for("a landed epoch", lambda: committee.landed_epochs(WITNESS) or None)
    url = committee.members[WITNESS].url

    with httpx.Client(timeout=30) as client:
        foreign = client.post(url + MESSAGES_PATH, content=encode_batch([b"\x01" * 320]))
        garbage = client.post(url + MESSAGES_PATH, content=b"not a batch")
        huge = post_stated_length(url, 1 << 40)
        wrong_method = client.get(url + MESSAGES_PATH)
        metrics = client.get(url + "/metrics").text

    assert [foreign.status_code, garbage.status_code, huge, wrong_method.status_code] == [
        400,
        400,
        413,
        405,
    ]
    assert 'reason="other_committee"' in metrics
    assert 'reason="malformed"' in metrics
    assert 'reason="too_large"' in metrics
    assert committee.is_running(WITNESS)


def test_node_run__database_or_port_in_use__says_so_and_leaves_with_one(committee: Committee) -> None:
    committee.wait_for("a landed epoch", lambda: committee.landed_epochs(WITNESS) or None)
    config = committee.members[WITNESS].config_path
    other_database = config.with_name("other-database.toml")
    other_database.write_text(config.read_text().replace('"node.db"', '"other.db"'))

    same = committee.run_assay("node", "run", "--config", str(config))
    other = committee.run_assay("node", "run", "--config", str(other_database))

    assert (same.returncode, other.returncode) == (1, 1)
    assert "is another node running on it?" in same.stderr
    assert "is in use: stop what listens there" in other.stderr
    assert committee.is_running(WITNESS)
