"""A process killed at any moment: what it said it had written is there, and nothing is there by half (ST-01, CH-02)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from oracle.consensus.bodies import MessageKind
from oracle.consensus.events import Vote
from oracle.domain.ids import Hash32, keccak256
from oracle.domain.units import ChainId, Epoch, View
from oracle.errors import ConflictingVoteError
from oracle.storage.chain_rows import ChainRows
from oracle.storage.engine import open_database
from oracle.storage.votes import VoteStore

CHAIN = ChainId(1)
ROWS_OF_A_RANGE = 50
WRITER = f"""
import sys
from pathlib import Path
from tests.storage.test_kill import CHAIN, ROWS_OF_A_RANGE, make_vote, open_database, ChainRows, VoteStore
database = open_database(Path(sys.argv[1]))
database.hold()
votes, rows = VoteStore(database), ChainRows(database)
for number in range(1, 1_000_000):
    votes.save(make_vote(number), stored_at_ms=0)
    print(number, flush=True)
    found = [(number, bytes(32), 0, index, bytes(20), bytes(32), bytes(100)) for index in range({ROWS_OF_A_RANGE})]
    rows.append(CHAIN, found, mark=(number, bytes(32)), filter_hash=b"")
"""


def make_vote(epoch: int, body: bytes = b"body") -> Vote:
    return Vote(
        config_digest=keccak256(b"config"),
        epoch=Epoch(epoch),
        view=View(0),
        kind=MessageKind.PREPARE,
        cut_hash=keccak256(b"cut"),
        body_hash=Hash32(keccak256(body)),
        note=b"",
    )


@pytest.mark.parametrize("reported_count", [1, 7, 20])
def test_kill__while_it_writes_votes_and_rows__keeps_all_that_was_reported(tmp_path: Path, reported_count: int) -> None:
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path / "node.db")], stdout=subprocess.PIPE)
    assert writer.stdout is not None
    reported = [int(writer.stdout.readline()) for _ in range(reported_count)]
    writer.kill()
    reported += [int(line) for line in writer.communicate()[0].splitlines()]

    database = open_database(tmp_path / "node.db")
    database.hold()
    votes, rows = VoteStore(database), ChainRows(database)

    kept = [vote.epoch for vote in votes.since(Epoch(0))]
    assert kept[: len(reported)] == reported == list(range(1, len(reported) + 1))
    assert len(kept) <= len(reported) + 1
    with pytest.raises(ConflictingVoteError):
        votes.save(make_vote(reported[-1], b"another body"), stored_at_ms=1)
    stored = list(rows.load_rows(CHAIN, 0, 10**9))
    newest = next((number for number, _ in rows.load_marks(CHAIN)), 0)
    assert len(stored) == ROWS_OF_A_RANGE * newest
    database.close()
