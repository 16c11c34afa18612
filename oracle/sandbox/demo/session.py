"""What the stages of the demo share: the world, the committee, the present epoch, the record."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from oracle.sandbox.demo.committee import Committee
from oracle.sandbox.demo.loans import RatedBorrower, fetch_scores, rank_borrowers
from oracle.sandbox.demo.market import MarketSession, ScoreProof
from oracle.sandbox.demo.setting import DemoSetting
from oracle.sandbox.demo.view import DemoView
from oracle.sandbox.manifest import ChainEntry
from oracle.sandbox.world import World


@dataclass(slots=True)
class Demo:
    """What the stages share."""

    view: DemoView
    setting: DemoSetting
    world: World
    committee: Committee
    record: dict[str, Any]
    epoch: int = 0
    liar_epoch: int = 0
    ranked: list[RatedBorrower] = field(default_factory=list)
    old_proof: ScoreProof | None = None

    @property
    def second_chain(self) -> ChainEntry:
        """The chain on which loans are asked for: not the first one, to show that a report is valid everywhere."""
        return self.world.manifest.chains[-1]

    @property
    def epoch_seconds(self) -> int:
        """How long an epoch of the committee is."""
        return self.world.config.committee.epoch_seconds

    def market(self, name: str) -> MarketSession:
        """Return a market of the second chain by name."""
        entry = self.second_chain
        markets = entry.assay.markets if entry.assay else ()
        found = next(market for market in markets if market.name == name)
        return MarketSession(self.world.chain(entry.chain_id), entry, found)

    async def next_report(self, node: int) -> dict[str, Any]:
        """Wait for the next report on all chains and remember its epoch."""
        timeout_s = self.setting.report_timeout_s if self.epoch else self.setting.first_report_timeout_s
        report = await self.committee.wait_for_landing(
            node, after_epoch=self.epoch, chains=len(self.world.chain_ids), timeout_s=timeout_s
        )
        self.epoch = int(report["report"]["epoch"])
        return report

    async def rank(self, node: int) -> None:
        """Read all scores of the present report and order its rated borrowers."""
        self.ranked = rank_borrowers(await fetch_scores(self.committee, node, self.epoch), self.world.manifest)
