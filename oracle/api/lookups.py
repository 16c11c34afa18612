"""Which report a request means, and which leaf of it."""

from __future__ import annotations

from oracle.api.deps import ApiDeps
from oracle.domain.ids import Address, SubjectId, borrower_subject, contract_borrower_subject, to_hex
from oracle.domain.merkle import MerkleTree
from oracle.domain.report import Report
from oracle.domain.score import BorrowerScore
from oracle.domain.units import ChainId, Epoch
from oracle.errors import (
    FutureEpochError,
    NoReportError,
    ReportNotFoundError,
    ScoresNotKeptError,
    SubjectNotListedError,
)
from oracle.storage.scores import StoredScore


def latest_report(deps: ApiDeps) -> Report:
    """Return the newest report.

    Raises:
        NoReportError: if there is none yet.
    """
    found = deps.scores.latest_reports(1)
    if not found:
        raise NoReportError(deps.seconds_to_boundary())
    return found[0]


def find_report(deps: ApiDeps, epoch: Epoch | None) -> Report:
    """Return the report of an epoch, or the newest.

    Raises:
        NoReportError, FutureEpochError, ReportNotFoundError: if there is none.
    """
    if epoch is None:
        return latest_report(deps)
    report = deps.scores.report(epoch)
    if report is not None:
        return report
    current = deps.current_epoch()
    if epoch > current:
        wait_s = deps.seconds_to_boundary() + (epoch - current - 1) * deps.config.params.epoch_seconds
        raise FutureEpochError(epoch, current, min(wait_s, 86_400))
    raise ReportNotFoundError(epoch)


def find_tree(deps: ApiDeps, epoch: Epoch) -> MerkleTree:
    """Return the tree of a report.

    Raises:
        ScoresNotKeptError: if its leaves are gone.
    """
    tree = deps.scores.tree(epoch)
    if tree is None:
        raise _not_kept(deps, epoch)
    return tree


def require_kept(deps: ApiDeps, epoch: Epoch) -> None:
    """Raise ScoresNotKeptError unless the leaves of an epoch are here: an absent leaf and a lost one are not the same."""
    if epoch not in deps.scores.kept_epochs():
        raise _not_kept(deps, epoch)


def borrower_leaves(deps: ApiDeps, epoch: Epoch, account: Address) -> list[StoredScore]:
    """Return the leaves of an address, riskiest first; the order is total, so answers repeat."""
    found = [row for row in deps.scores.by_account(epoch, account) if isinstance(row.score, BorrowerScore)]
    if not found:
        row = deps.scores.score(epoch, borrower_subject(account))
        found = [] if row is None else [row]
    return sorted(found, key=lambda row: (-borrower_score(row).margin, row.score.subject))


def choose_leaf(
    deps: ApiDeps, epoch: Epoch, account: Address, chain_id: ChainId | None
) -> tuple[StoredScore | None, list[StoredScore]]:
    """Return (the leaf that counts on a chain, or the riskiest without one; all others)."""
    rows = borrower_leaves(deps, epoch, account)
    if chain_id is None:
        chosen = rows[0] if rows else None
    else:
        forms = (borrower_subject(account), contract_borrower_subject(chain_id, account))
        chosen = next((row for row in rows if row.score.subject in forms), None)
    return chosen, [row for row in rows if row is not chosen]


def subject_chain(deps: ApiDeps, account: Address, subject: SubjectId) -> ChainId | None:
    """Return the chain of a contract account's subject, None for one subject over all chains."""
    for chain in deps.config.params.chains:
        if contract_borrower_subject(chain.chain_id, account) == subject:
            return chain.chain_id
    return None


def require_leaf(deps: ApiDeps, epoch: Epoch, account: Address, chain_id: ChainId | None) -> StoredScore:
    """Return the leaf to prove.

    Raises:
        SubjectNotListedError: if the address has none.
        ScoresNotKeptError: if the leaves of the epoch are gone.
    """
    require_kept(deps, epoch)
    chosen, _ = choose_leaf(deps, epoch, account, chain_id)
    if chosen is None:
        raise SubjectNotListedError(to_hex(account), epoch)
    return chosen


def borrower_score(row: StoredScore) -> BorrowerScore:
    """Return the score of a borrower's row."""
    if not isinstance(row.score, BorrowerScore):
        raise SubjectNotListedError(to_hex(row.score.subject), row.epoch)
    return row.score


def _not_kept(deps: ApiDeps, epoch: Epoch) -> ScoresNotKeptError:
    kept = deps.scores.kept_epochs()
    return ScoresNotKeptError(epoch, kept[0] if kept else None)
