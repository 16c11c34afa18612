"""What a replay did and left out: `replay.json` beside `world.json`, and the same as a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from oracle.sandbox.manifest import ManifestModel, ReplayEntry
from oracle.sandbox.replay.dataset import VaultRow
from oracle.sandbox.replay.execute import ReplayProgress
from oracle.sandbox.replay.morpho_build import MorphoReport
from oracle.sandbox.replay.planner import Outcome, Reason, Remark, VaultPlan

REPORT_FILE = "replay.json"
SHOWN_VAULTS = 8


class RowRemark(ManifestModel):
    """A row that was not replayed as it is; `row` is its place in the data's file, `time_s` the data's own time."""

    chain_id: int
    row: int
    time_s: int
    kind: str
    outcome: str
    reason: str


class VaultReport(ManifestModel):
    """One vault. Exact: every row up to a first liquidation was replayed (a repayment capped at the debt is part of the rules)."""

    vault_id: int
    address: str
    chain_ids: tuple[int, ...]
    is_exact: bool
    is_liquidated: bool
    rows: int
    replayed: int
    remarks: tuple[RowRemark, ...]


class ReplayReport(ManifestModel):
    """Everything that was done, and everything that was not, with reasons."""

    summary: ReplayEntry
    transactions: dict[str, int]
    vaults: tuple[VaultReport, ...]
    morpho: MorphoReport | None = None

    def write(self, folder: Path) -> None:
        """Write `replay.json`."""
        (folder / REPORT_FILE).write_text(self.model_dump_json(indent=1) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> ReplayReport:
        """Read `replay.json`."""
        return cls.model_validate_json((folder / REPORT_FILE).read_bytes())

    def print(self, console: Console) -> None:
        """Print the counts, and which vaults are not exact."""
        console.print(self._counts_table())
        for (outcome, reason), vaults in sorted(self._vaults_by_reason().items()):
            shown = ", ".join(map(str, vaults[:SHOWN_VAULTS])) + (" ..." if len(vaults) > SHOWN_VAULTS else "")
            console.print(f"{outcome}, {reason}: {len(vaults)} vaults ({shown})", soft_wrap=True)
        console.print(f"{self.summary.exact_vaults} of {self.summary.vaults} vaults are replayed row by row.")
        if self.morpho is not None:
            self.morpho.print(console)

    def _vaults_by_reason(self) -> dict[tuple[str, str], list[int]]:
        found: dict[tuple[str, str], set[int]] = {}
        for vault in self.vaults:
            for remark in vault.remarks:
                found.setdefault((remark.outcome, remark.reason), set()).add(vault.vault_id)
        return {key: sorted(vaults) for key, vaults in found.items()}

    def _counts_table(self) -> Table:
        mode = "SYNTHETIC: every fourth owner on both chains" if self.summary.is_synthetic else "one chain per owner"
        table = Table(title=f"Replay of {self.summary.dataset} ({mode})", title_justify="left")
        for column in ("outcome", "why", "rows"):
            table.add_column(column, justify="right" if column == "rows" else "left")
        for label, count in sorted(self.transactions.items()):
            table.add_row("executed", label, str(count))
        counts = Counter((r.outcome, r.reason) for vault in self.vaults for r in vault.remarks)
        for (outcome, reason), count in sorted(counts.items()):
            table.add_row(outcome, reason, str(count))
        return table


def refused_remarks(plan: VaultPlan, progress: ReplayProgress) -> list[Remark]:
    """Return a remark for each row of a plan that the chain reverted."""
    numbers = {r.row_number for r in progress.refusals if r.owner_id == plan.vault_id}
    return [
        Remark(
            vault_id=plan.vault_id, row_number=a.row_number, time_s=a.time_s, kind=a.kind, outcome=Outcome.SKIPPED,
            reason=Reason.REFUSED,
        )
        for a in plan.actions
        if a.row_number in numbers
    ]  # fmt: skip


def describe_vaults(
    rows_of: Mapping[int, Sequence[VaultRow]],
    plans: Mapping[int, Sequence[VaultPlan]],
    progress: Mapping[int, ReplayProgress],
    address_of: Mapping[int, str],
) -> tuple[VaultReport, ...]:
    """Return the report of each vault over its chains, ascending by id."""
    by_vault: dict[int, list[tuple[int, VaultPlan]]] = {}
    for chain_id, chain_plans in plans.items():
        for plan in chain_plans:
            by_vault.setdefault(plan.vault_id, []).append((chain_id, plan))
    reports = []
    for vault_id, parts in sorted(by_vault.items()):
        refused = {chain_id: refused_remarks(plan, progress[chain_id]) for chain_id, plan in parts}
        remarks = tuple(
            RowRemark(
                chain_id=chain_id, row=r.row_number, time_s=r.time_s, kind=r.kind, outcome=r.outcome, reason=r.reason
            )
            for chain_id, plan in parts
            for r in (*plan.remarks, *refused[chain_id])
        )
        reports.append(
            VaultReport(
                vault_id=vault_id, address=address_of[vault_id], chain_ids=tuple(chain_id for chain_id, _ in parts),
                is_exact=all(plan.is_exact and not refused[chain_id] for chain_id, plan in parts),
                is_liquidated=any(plan.is_liquidated for _, plan in parts), rows=len(rows_of[vault_id]),
                replayed=sum(len(plan.actions) - len(refused[chain_id]) for chain_id, plan in parts), remarks=remarks,
            )
        )  # fmt: skip
    return tuple(reports)
