"""Stages about the committee: reports land, a liar is named, nodes come back, anyone can recompute."""

from __future__ import annotations

import re
from typing import Any

import orjson

from oracle.errors import DemoFailedError
from oracle.sandbox.demo.committee import CommandResult, run_assay
from oracle.sandbox.demo.loans import fetch_proof
from oracle.sandbox.demo.record import fetch_published
from oracle.sandbox.demo.session import Demo

HONEST, LIAR, KILLED = 0, 3, 1
FAULT = "lie-score"
SHORT = 18


async def start_committee(demo: Demo) -> None:
    """Start all members, one of them lying, and wait for the first report on both chains."""
    for node in range(demo.committee.size):
        demo.committee.start(node, fault=FAULT if node == LIAR else None)
    with demo.view.waiting(
        "the nodes read five months of logs from two endpoints per chain, then agree on the first report"
    ):
        report = await demo.next_report(HONEST)
    rows = [
        (item["node"], item["address"], item["url"], "lies" if item["node"] == LIAR else "honest")
        for item in demo.record["nodes"]
    ]
    demo.view.table(("node", "member", "API", ""), rows)
    demo.view.say(
        f"epoch {demo.epoch}: {report['struct']['borrowers']} borrowers and {report['struct']['collaterals']} collateral pairs, "
        f"signed by nodes {[item['node'] for item in report['attestations']]}"
    )


async def show_subject(demo: Demo) -> None:
    """Walk one risky borrower from the blocks of the cut to the root on both chains."""
    await demo.rank(HONEST)
    chosen = demo.ranked[-1]
    answer = await demo.committee.get(HONEST, f"/v1/borrowers/{chosen.address}/score", epoch=demo.epoch)
    demo.old_proof = await fetch_proof(demo.committee, HONEST, demo.ranked[0].address, demo.epoch)
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
        f"{score['points']} points, grade {score['grade']}"
    )
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
    honest = next(item for item in demo.record["nodes"] if item["node"] == HONEST)
    demo.view.bad(f"node {blame['node']} in epoch {blame['epoch']}, subject {blame['subject']}: {blame['difference']}")
    require(
        demo,
        blame["node"] == LIAR,
        f"the liar is node {LIAR}, named by node {honest['node']} from its own signed message",
    )
    verified = await verify(demo, [int(blame["epoch"])])
    require(demo, verified.exit_code == 0, "the report of that epoch is what the blocks say: the lie changed nothing")
    demo.record["liar"] = blame | {"fault": FAULT, "report_unchanged": verified.exit_code == 0}


async def show_restarts(demo: Demo) -> None:
    """Restart the liar honest; kill another node and restart it from its database."""
    await demo.committee.stop(LIAR)
    demo.committee.start(LIAR)
    with demo.view.waiting(f"node {LIAR} comes back honest"):
        report = await demo.next_report(HONEST)
    demo.view.good(f"epoch {demo.epoch} landed, observed by nodes {report['observers']}")
    pid = demo.committee.pid(KILLED)
    demo.committee.kill(KILLED)
    with demo.view.waiting(f"node {KILLED} (process {pid}) was killed; the other three go on"):
        report = await demo.next_report(HONEST)
    without = demo.epoch
    demo.view.good(f"epoch {demo.epoch} landed without it, observed by nodes {report['observers']}")
    demo.committee.start(KILLED)
    with demo.view.waiting(f"node {KILLED} restarts from its database"):
        report = await demo.committee.wait_for_landing(
            KILLED, after_epoch=demo.epoch, chains=len(demo.world.chain_ids), timeout_s=60.0
        )
    demo.epoch = int(report["report"]["epoch"])
    demo.view.good(f"node {KILLED} itself reports epoch {demo.epoch}, observed by nodes {report['observers']}")
    demo.record["restarts"] = {
        "liar_restarted_honest": LIAR, "killed": KILLED, "epoch_without_it": without, "epoch_after_restart": demo.epoch,
    }  # fmt: skip


async def show_verification(demo: Demo) -> None:
    """Recompute the newest report as a third party, then with one byte of its leaves flipped."""
    green = await verify(demo, [demo.epoch])
    for line in green.output.strip().splitlines():
        demo.view.say(f"[dim]{line}[/]")
    require(demo, green.exit_code == 0, f"epoch {demo.epoch} recomputed from the blocks alone in {green.seconds:.1f} s")
    leaves = await demo.committee.get(HONEST, f"/v1/reports/{demo.epoch}/leaves")
    flipped = orjson.loads(orjson.dumps(leaves))
    # Byte 159 is the last of the fifth word: the probability of the first borrower.
    entry = bytearray.fromhex(flipped["entries"][0][2:])
    entry[159] ^= 1
    flipped["entries"][0] = "0x" + entry.hex()
    path = demo.world.directory / "flipped-leaves.json"
    path.write_bytes(orjson.dumps({"epoch": flipped["epoch"], "entries": flipped["entries"]}))
    red = await run_assay(
        "verify", "--config", str(demo.committee.config_path(HONEST)), "--epoch", str(demo.epoch), "--leaves", str(path)
    )
    difference = next((line for line in red.output.splitlines() if "first difference" in line), red.output.strip())
    demo.view.bad(f"one byte flipped: {difference}")
    require(demo, red.exit_code == 1, "the flipped byte is found and named")
    demo.record["verify"] = {
        "green": {"exit_code": green.exit_code, "output": green.output, "seconds": green.seconds},
        "flipped": {"exit_code": red.exit_code, "output": red.output, "difference": difference},
    }


async def collect_epochs(demo: Demo) -> None:
    """Record every epoch that landed: its root on each chain, and whether it verifies."""
    roots = await fetch_roots(demo)
    epochs = sorted(set.intersection(*(set(published) for published in roots.values())))
    result = await verify(demo, epochs)
    red = {int(epoch) for epoch in re.findall(r"epoch (\d+) is red", result.output)}
    demo.record["epochs"] = [
        {
            "epoch": epoch,
            "roots": {chain_id: published[epoch] for chain_id, published in roots.items()},
            "verified": epoch not in red,
        }
        for epoch in epochs
    ]
    require(
        demo, result.exit_code == 0, f"all {len(epochs)} epochs of this run verify, each with one root on both chains"
    )


async def fetch_roots(demo: Demo) -> dict[int, dict[int, str]]:
    """Return roots by chain and epoch, from the chains themselves."""
    return {
        entry.chain_id: await fetch_published(
            demo.world.chain(entry.chain_id), entry.assay.risk_oracle, entry.history_end_block
        )
        for entry in demo.world.manifest.chains
        if entry.assay is not None
    }


async def verify(demo: Demo, epochs: list[int]) -> CommandResult:
    """Run `assay verify` over epochs."""
    chosen = [argument for epoch in epochs for argument in ("--epoch", str(epoch))]
    return await run_assay("verify", "--config", str(demo.committee.config_path(HONEST)), *chosen)


def require(demo: Demo, holds: bool, words: str) -> None:
    """Print what holds. Raises: DemoFailedError if it does not."""
    if not holds:
        raise DemoFailedError(f"did not hold: {words}")
    demo.view.good(words)


async def _wait_for_blame(demo: Demo) -> dict[str, Any]:
    for _ in range(4):
        nodes = await demo.committee.get(HONEST, "/v1/nodes")
        named = [item for item in nodes["blames"] if item["subject"] is not None]
        if named:
            blame: dict[str, Any] = named[0]
            return blame
        with demo.view.waiting("the next report, to compare what everyone said"):
            await demo.next_report(HONEST)
    raise DemoFailedError("nobody named the lying node within four epochs")
