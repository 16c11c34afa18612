"""Which history the demo runs on: the generated one with the sandbox bundle, or recorded vaults with the real bundle.

Recorded vaults are scored by the newest released borrower bundle, because it was trained on such vaults; its behaviour trees may be in shadow. The
sandbox bundle would say of them what a generator was told to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from oracle.errors import ConfigurationError, DemoFailedError
from oracle.sandbox.config import BUNDLES, CommitteeSpec, HistorySpec, find_sandbox_models
from oracle.sandbox.replay.spec import ReplaySpec

REPLAY_COMMITTEE = CommitteeSpec(epoch_seconds=30, validity_seconds=360, grace_seconds=90)
"""Four nodes of one machine recompute over a thousand histories of three years in each epoch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoSetting:
    """A history, the models that score it, and how the demo speaks of both."""

    history: HistorySpec | ReplaySpec
    borrower_model: Path
    collateral_model: Path
    world_title: str
    loading: str
    logs: str
    first_report_timeout_s: float
    report_timeout_s: float
    committee: CommitteeSpec

    @property
    def is_replayed(self) -> bool:
        """Return whether the borrowers are recorded ones."""
        return isinstance(self.history, ReplaySpec)

    @property
    def bundle_folder(self) -> Path:
        """Return the folder of the borrower bundle."""
        return self.borrower_model.parent


def generated_setting() -> DemoSetting:
    """Return the demo's own world. Raises: DemoFailedError if no sandbox bundle is released."""
    borrower_model, collateral_model = find_sandbox_models()
    if borrower_model is None or collateral_model is None:
        raise DemoFailedError("no sandbox bundle is there: oracle/scoring/bundles/ must hold borrower-sandbox-1")
    return DemoSetting(
        history=HistorySpec(),
        borrower_model=borrower_model,
        collateral_model=collateral_model,
        world_title="A world: two chains, Aave v3 on each, five months of borrowers",
        loading="loading the chains, or building their history the first time (about half a minute)",
        logs="five months of logs",
        first_report_timeout_s=90.0,
        report_timeout_s=60.0,
        committee=CommitteeSpec(),
    )


def replayed_setting(data: Path, limit: int | None) -> DemoSetting:
    """Return the world of recorded vaults.

    Raises:
        ConfigurationError: if the folder is not there.
        DemoFailedError: if no bundle is released.
    """
    if not data.is_dir():
        raise ConfigurationError(f"there is no data folder {data}: give the one that holds maker_ethb_vaults")
    released = sorted(BUNDLES.glob("borrower-[0-9]*/model.bin"), key=lambda path: (len(path.parent.name), path))
    _, collateral_model = find_sandbox_models()
    if not released or collateral_model is None:
        raise DemoFailedError("no borrower bundle is there: oracle/scoring/bundles/ must hold borrower-1")
    chosen = "all vaults" if limit is None else f"the first {limit} vaults"
    return DemoSetting(
        history=ReplaySpec(dataset=data, limit=limit),
        borrower_model=released[-1],
        collateral_model=collateral_model,
        world_title=f"A world: two chains, Aave v3 on each, {chosen} of Maker ETH-B as they were",
        loading="loading the chains, or replaying the recorded history the first time (some minutes)",
        logs="three years of logs",
        first_report_timeout_s=900.0,
        report_timeout_s=300.0,
        committee=REPLAY_COMMITTEE,
    )
