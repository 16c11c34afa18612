"""Puts a node's vectors beside those of training: the same world, the same cuts, two ways from the blocks to the numbers.

The node's are those of an `Observer` whose ledgers advance from cut to cut; training's come from the Parquet of `assay export`, read again from disk.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from oracle.chain.histories import boundary_of
from oracle.domain.ids import SubjectId, to_hex
from oracle.domain.report import Cut
from oracle.domain.units import Epoch, TimestampS
from oracle.node.export_command import export_dataset
from oracle.node.export_schedule import derive_cuts
from oracle.node.inspection import open_verifier
from oracle.node.observe import Observer
from oracle.node.provision import provision_sandbox
from oracle.node.settings import LocalSettings, load_settings
from oracle.sandbox.world import World
from training.datasets.canonical import Dataset
from training.datasets.folder import read_dataset, read_without_borrowers
from training.datasets.streamed import Bounds, stream_borrowers
from training.histories import compute_vectors

type Vectors = Mapping[SubjectId, tuple[int, ...]]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Vectors by cut, as the node and as training have them, and the dataset between the two."""

    node: Mapping[TimestampS, Vectors]
    training: Mapping[TimestampS, Vectors]
    n_borrowers: Mapping[TimestampS, int]
    dataset: Dataset

    def find_mismatches(self) -> list[str]:
        """Return every subject that one side lacks, or has another vector of."""
        return [
            f"{as_of_s} {to_hex(subject)}: node {ours.get(subject)}, training {self.training[as_of_s].get(subject)}"
            for as_of_s, ours in self.node.items()
            for subject in sorted(ours.keys() | self.training[as_of_s].keys())
            if ours.get(subject) != self.training[as_of_s].get(subject)
        ]

    def describe(self) -> str:
        """Return the size of the comparison in words."""
        borrowers = sum(self.n_borrowers.values())
        total = sum(len(vectors) for vectors in self.node.values())
        subjects = {subject for vectors in self.node.values() for subject in vectors}
        return (
            f"{len(self.node)} cuts, {len(subjects)} subjects: {borrowers} vectors of borrowers "
            f"and {total - borrowers} of collaterals compared, {len(self.find_mismatches())} differ"
        )


async def compare_node_and_training(world: World, scratch: Path, *, cuts: int, every_days: int) -> Comparison:
    """Observe and export a schedule of cuts that ends with the world's history."""
    members = provision_sandbox(world.manifest, scratch / "nodes")
    settings = load_settings(members[0].config_path)
    end_s = min(chain.history_end_s for chain in world.manifest.chains)
    epoch = end_s // world.config.committee.epoch_seconds
    await export_dataset(scratch / "dataset", "no skew", settings, epoch=epoch, cuts=cuts, every_days=every_days)
    dataset = read_dataset(scratch / "dataset")
    # The way for tables larger than memory gives the same borrowers, so the same vectors.
    streamed = stream_borrowers(scratch / "dataset", read_without_borrowers(scratch / "dataset"), Bounds(sort_mb=64))
    assert tuple(borrower for batch in streamed for borrower in batch) == dataset.borrowers
    node, n_borrowers = await _observe(settings, Epoch(epoch), cuts=cuts, every_days=every_days)
    return Comparison(
        node=node,
        training={as_of_s: compute_vectors(dataset, as_of_s) for as_of_s in dataset.cuts_s},
        n_borrowers=n_borrowers,
        dataset=dataset,
    )


async def _observe(
    settings: LocalSettings, newest: Epoch, *, cuts: int, every_days: int
) -> tuple[dict[TimestampS, Vectors], dict[TimestampS, int]]:
    vectors: dict[TimestampS, Vectors] = {}
    counts: dict[TimestampS, int] = {}
    async with open_verifier(settings) as (verifier, scorers, config):
        schedule: Sequence[Cut] = await derive_cuts(verifier, config, newest, cuts=cuts, every_days=every_days)
        observer = Observer(config, verifier.readers, scorers)
        for cut in schedule:
            observed = await observer.observe(cut)
            as_of_s = boundary_of(config, cut)
            vectors[as_of_s] = observed.vectors
            counts[as_of_s] = len(observed.histories.borrowers)
    return vectors, counts
