"""Stages about the committee: reports land, a liar is named, nodes come back, anyone can recompute."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import orjson

from oracle.domain.ids import to_hex
from oracle.domain.merkle import MerkleTree
from oracle.domain.score import BorrowerScore
from oracle.errors import DemoFailedError
from oracle.sandbox.demo.committee import CommandResult, run_assay
from oracle.sandbox.demo.loans import fetch_proof, fetch_scores
from oracle.sandbox.demo.record import fetch_published
from oracle.sandbox.demo.session import Demo

HONEST, LIAR, KILLED = 0, 3, 1
FAULT = "lie-score"
BORROWER_BYTES = 320
PD_LAST_BYTE = 5 * 32 - 1


async def start_committee(demo: Demo) -> None:
    """Start all members, one of them lying, and wait for the first report on both chains."""
    for node in range(demo.committee.size):
        demo.committee.start(node, fault=FAULT if node == LIAR else None)
    with demo.view.waiting(
        f"the nodes read {demo.setting.logs} from two endpoints per chain, then agree on the first report"
    ):
        report = await demo.next_report(HONEST)
        while HONEST not in report["observers"]:
            # It came too late for the first reports: it holds their scores, not the vectors behind them.
            report = await demo.next_report(HONEST)
    rows = [
        (item["node"], item["address"], item["url"], "lies" if item["node"] == LIAR else "honest")
        for item in demo.record["nodes"]
    ]
    demo.view.table(("node", "member", "API", ""), rows)
    demo.view.say(
        f"epoch {demo.epoch}: {report['struct']['borrowers']} borrowers and {report['struct']['collaterals']} collateral pairs, "
        f"signed by nodes {[item['node'] for item in report['attestations']]} "
        f"(outvoted, the liar signs the honest report too)"
    )


async def show_subject(demo: Demo) -> None:
    """Walk one risky borrower from the blocks of the cut to the root on both chains."""
    await demo.rank(HONEST)
    chosen = demo.ranked[-1]
    answer = await demo.committee.get(HONEST, f"/v1/borrowers/{chosen.address}/score", epoch=demo.epoch)
    demo.old_proof = await fetch_proof(demo.committee, HONEST, demo.ranked[1].address, demo.epoch)
    score, report = answer["score"], answer["report"]
    for block in report["cut"]:
        demo.view.say(f"chain {block['chain_id']}: block {block['block_number']} {block['block_hash']}")
    features = [
        (
            item["slot"],
            item["name"],
            item["encoded"] if item["encoded"] is not None else "missing",
            item["value"],
            item["unit"],
        )
        for item in answer["explanation"]["features"]
    ]
    demo.view.table(
        ("slot", "feature", "uint16", "value", "unit"), features, title=f"{chosen.address} ({chosen.behaviour})"
    )
    demo.view.say(
        f"margin {score['margin']} = state offset {score['state_offset']} + behaviour {score['behaviour_margin']}; "
        f"PD {score['pd_ppm'] / 1e4:.2f} % in 30 days, at most {score['pd_upper_ppm'] / 1e4:.2f} %; "
        f"{score['points']} points, grade {score['grade']} (1 is best, 10 worst)"
    )
    caveat = "" if demo.setting.is_replayed else " Generated borrowers are riskier than real ones."
    demo.view.say(f"[dim]The margin ranks; the model's table turns it into the PD.{caveat}[/]")
    for reason in answer["explanation"]["adverse"][:2]:
        demo.view.say(f"[dim]because[/] {reason['text']} ({reason['margin']:+})")
    demo.view.say(f"leaf {score['leaf']}")
    roots = await fetch_roots(demo)
    for chain_id, published in roots.items():
        demo.view.say(f"root on chain {chain_id}: {published[demo.epoch]}")
    require(demo, len({published[demo.epoch] for published in roots.values()}) == 1, "the same root on both chains")
    demo.record["subject"] = answer


async def show_liar(demo: Demo) -> None:
    """Show what the committee says of the lying node, and that the report does not hold its lie."""
    blame = await _wait_for_blame(demo)
    demo.view.bad(f"node {blame['node']} in epoch {blame['epoch']}, subject {blame['subject']}:")
    demo.view.say(f"  {blame['difference']}")
    require(demo, blame["node"] == LIAR, f"node {LIAR} is named by node {HONEST}, which keeps its signed message")
    scores = await fetch_scores(demo.committee, HONEST, int(blame["epoch"]))
    root = to_hex(MerkleTree(score.leaf for score in scores).root)
    published = {chain_id: roots[int(blame["epoch"])] for chain_id, roots in (await fetch_roots(demo)).items()}
    told = next(score for score in scores if to_hex(score.subject) == blame["subject"])
    require(
        demo,
        isinstance(told, BorrowerScore) and all(root == given for given in published.values()),
        f"the report holds the honest score: its {len(scores)} leaves hash to the root on both chains",
    )
    demo.liar_epoch = int(blame["epoch"])
    demo.record["liar"] = blame | {"fault": FAULT, "report_unchanged": True, "root": root}


async def show_restarts(demo: Demo) -> None:
    """Restart the liar honest; kill another node and restart it from its database."""
    await demo.committee.stop(LIAR)
    demo.committee.start(LIAR)
    with demo.view.waiting(f"node {LIAR} comes back honest"):
        report = await demo.next_report(HONEST)
    back = "" if LIAR in report["observers"] else f"; node {LIAR} was not back in time for this one"
    demo.view.good(f"epoch {demo.epoch} landed, observed by nodes {report['observers']}{back}")
    pid = demo.committee.pid(KILLED)
    demo.committee.kill(KILLED)
    with demo.view.waiting(f"node {KILLED} (process {pid}) was killed; the other three go on"):
        report = await demo.next_report(HONEST)
    without = demo.epoch
    demo.view.good(f"epoch {demo.epoch} landed without it, observed by nodes {report['observers']}")
    demo.committee.start(KILLED)
    with demo.view.waiting(f"node {KILLED} restarts from its database"):
        for _ in range(4):
            report = await demo.next_report(KILLED)
            if KILLED in report["observers"]:
                break
    require(
        demo, KILLED in report["observers"], f"epoch {demo.epoch} landed, observed by nodes {report['observers']} again"
    )
    demo.record["restarts"] = {
        "liar_restarted_honest": LIAR, "killed": KILLED, "epoch_without_it": without, "epoch_after_restart": demo.epoch,
    }  # fmt: skip


async def show_verification(demo: Demo) -> None:
    """Recompute every report so far as a third party, and one with a flipped byte in its leaves."""
    roots = await fetch_roots(demo)
    epochs = [epoch for epoch in await list_landed(demo) if epoch <= demo.epoch]
    path = await _write_flipped_leaves(demo)
    with demo.view.waiting(f"recomputing {len(epochs)} reports from the blocks, as any third party can"):
        green, red = await asyncio.gather(
            _verify(demo, *(argument for epoch in epochs for argument in ("--epoch", str(epoch)))),
            _verify(demo, "--epoch", str(demo.epoch), "--leaves", str(path)),
        )
    for line in green.output.strip().splitlines()[-4:]:
        demo.view.say(f"[dim]{line}[/]")
    require(
        demo,
        green.exit_code == 0,
        f"all {len(epochs)} reports of this run recomputed: {green.seconds:.1f} s, nothing trusted",
    )
    difference = next((line for line in red.output.splitlines() if "first difference" in line), red.output.strip())
    demo.view.bad(f"one byte flipped: {difference.removeprefix('red').strip()}")
    require(demo, red.exit_code == 1, "the flipped byte is found and named")
    demo.record["verify"] = {
        "green": {"exit_code": green.exit_code, "output": green.output, "seconds": green.seconds},
        "flipped": {"exit_code": red.exit_code, "output": red.output, "difference": difference},
    }
    demo.record["epochs"] = [
        {"epoch": epoch, "roots": {c: published[epoch] for c, published in roots.items()}, "verified": True}
        for epoch in epochs
    ]


async def _write_flipped_leaves(demo: Demo) -> Path:
    """Write the present report's leaves with the lowest bit of the first borrower's probability flipped."""
    leaves = await demo.committee.get(HONEST, f"/v1/reports/{demo.epoch}/leaves")
    number = next(i for i, entry in enumerate(leaves["entries"]) if len(entry) == 2 + 2 * BORROWER_BYTES)
    entry = bytearray.fromhex(leaves["entries"][number][2:])
    entry[PD_LAST_BYTE] ^= 1
    leaves["entries"][number] = to_hex(bytes(entry))
    path = demo.world.directory / "flipped-leaves.json"
    path.write_bytes(orjson.dumps({"epoch": leaves["epoch"], "entries": leaves["entries"]}))
    return path


async def fetch_roots(demo: Demo) -> dict[int, dict[int, str]]:
    """Return roots by chain and epoch, from the chains themselves."""
    return {
        entry.chain_id: await fetch_published(
            demo.world.chain(entry.chain_id), entry.assay.risk_oracle, entry.history_end_block
        )
        for entry in demo.world.manifest.chains
        if entry.assay is not None
    }


async def _verify(demo: Demo, *arguments: str) -> CommandResult:
    return await run_assay("verify", "--config", str(demo.committee.config_path(HONEST)), *arguments)


async def list_landed(demo: Demo) -> list[int]:
    """Return the epochs that landed on every chain, ascending."""
    return sorted(set.intersection(*(set(roots) for roots in (await fetch_roots(demo)).values())))


def require(demo: Demo, holds: bool, words: str) -> None:
    """Print what holds. Raises: DemoFailedError if it does not."""
    if not holds:
        raise DemoFailedError(f"did not hold: {words}")
    demo.view.good(words)


async def _wait_for_blame(demo: Demo) -> dict[str, Any]:
    for _ in range(4):
        nodes = await demo.committee.get(HONEST, "/v1/nodes")
        landed = await list_landed(demo)
        named = [item for item in nodes["blames"] if item["subject"] is not None and item["epoch"] in landed]
        if named:
            blame: dict[str, Any] = named[0]
            return blame
        with demo.view.waiting("the next report, to compare what everyone said"):
            await demo.next_report(HONEST)
    raise DemoFailedError("nobody named the lying node within four epochs")
