"""Checkpoints of one chain's replay: its whole state, and how far it has come, so that a killed replay goes on from the last one.

A state is written under a new name, then the record that names it replaces the old one in one move; what is not named is rubbish.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from oracle.sandbox.chains import AnvilChain
from oracle.sandbox.deploy import BaseDeployment
from oracle.sandbox.replay.execute import ReplayProgress
from oracle.sandbox.replay.morpho_source import MorphoWorld


class Checkpoint(BaseModel):
    """How far a chain has come; `next_step` is the first one that `state_file` does not hold."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    next_step: int
    state_file: str
    progress: ReplayProgress
    base: BaseDeployment
    morpho: MorphoWorld | None = None


class CheckpointStore:
    """The newest checkpoint of one chain in a folder."""

    def __init__(self, folder: Path, chain_id: int) -> None:
        self._folder = folder
        self._chain_id = chain_id

    def read(self) -> Checkpoint | None:
        """Return the newest checkpoint, None before the first."""
        if not self._record.is_file():
            return None
        return Checkpoint.model_validate_json(self._record.read_bytes())

    def state_path(self, checkpoint: Checkpoint) -> Path:
        """Return where the state of a checkpoint is."""
        return self._folder / checkpoint.state_file

    async def save(
        self,
        chain: AnvilChain,
        base: BaseDeployment,
        next_step: int,
        progress: ReplayProgress,
        *,
        morpho: MorphoWorld | None = None,
    ) -> None:
        """Write the chain as it is now; what was there before is removed."""
        name = f"checkpoint-{self._chain_id}-{next_step}.state"
        await chain.dump_state(self._folder / name)
        record = Checkpoint(next_step=next_step, state_file=name, progress=progress, base=base, morpho=morpho)
        beside = self._record.with_suffix(".new")
        beside.write_text(record.model_dump_json(), encoding="utf-8")
        beside.replace(self._record)
        self._remove_states(keep=name)

    def forget(self) -> None:
        """Remove everything."""
        self._record.unlink(missing_ok=True)
        self._remove_states(keep=None)

    @property
    def _record(self) -> Path:
        return self._folder / f"checkpoint-{self._chain_id}.json"

    def _remove_states(self, *, keep: str | None) -> None:
        for path in self._folder.glob(f"checkpoint-{self._chain_id}-*.state"):
            if path.name != keep:
                path.unlink()
