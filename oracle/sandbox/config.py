"""What a caller chooses about a world; everything that shapes its history is part of the cache key."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from oracle.errors import ConfigurationError
from oracle.sandbox.artifacts import REPOSITORY, WORLDS
from oracle.sandbox.replay.spec import ReplaySpec

BUNDLES = REPOSITORY / "oracle" / "scoring" / "bundles"


@dataclass(frozen=True, slots=True, kw_only=True)
class HistorySpec:
    """The part that is generated and cached.

    `end_s` fixes the last full hour of the history (for exact repetition); None ends it a little before now.
    """

    seed: int = 1
    chain_ids: tuple[int, ...] = (31_337, 31_338)
    borrowers_per_chain: int = 200
    borrowers_on_all_chains: int = 100
    contracts_per_chain: int = 12
    days: int = 150
    end_s: int | None = None

    def __post_init__(self) -> None:
        if self.borrowers_on_all_chains + self.contracts_per_chain > self.borrowers_per_chain:
            raise ConfigurationError(
                f"{self.borrowers_per_chain} borrowers per chain cannot hold {self.borrowers_on_all_chains} that are on every "
                f"chain and {self.contracts_per_chain} contracts: raise borrowers_per_chain"
            )
        if self.days < 1 or list(self.chain_ids) != sorted(set(self.chain_ids)):
            raise ConfigurationError("a history needs at least one day, and chain ids ascending without repetition")


TINY_HISTORY = HistorySpec(borrowers_per_chain=16, borrowers_on_all_chains=6, contracts_per_chain=2, days=20)
"""For tests and first steps: built in seconds, with a crash and liquidations all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitteeSpec:
    """Size and times of the committee that both oracles start with."""

    n: int = 4
    f: int = 1
    q: int = 3
    epoch_seconds: int = 10
    validity_seconds: int = 120
    grace_seconds: int = 30
    challenge_seconds: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxConfig:
    """One run of a world. `ports` are those of the chains, in order; 0 takes a free one.

    `block_interval_s` 0 leaves mining to the caller. `borrower_model` and `collateral_model` are `model.bin` files; without them
    Assay's contracts are not deployed. `run_directory` receives `world.json` and the logs; None makes one under `build/sandbox`.
    """

    history: HistorySpec | ReplaySpec = HistorySpec()
    committee: CommitteeSpec = CommitteeSpec()
    borrower_model: Path | None = None
    collateral_model: Path | None = None
    block_interval_s: int = 1
    ports: tuple[int, ...] = (0, 0)
    relay_ports: tuple[int, ...] = (0, 0)
    cache_directory: Path = WORLDS
    run_directory: Path | None = None
    max_cache_age_days: int = 7


def find_sandbox_models() -> tuple[Path | None, Path | None]:
    """Return `model.bin` of the newest sandbox borrower bundle and of the newest collateral bundle, None where there is none."""
    return _newest("borrower-sandbox-*"), _newest("collateral-*")


def _newest(pattern: str) -> Path | None:
    found = sorted(BUNDLES.glob(f"{pattern}/model.bin"), key=lambda path: (len(path.parent.name), path.parent.name))
    return found[-1] if found else None
