"""When a node's answers cannot be relied on: the node's own troubles, and epochs that stall by the clock.

Two boundaries may pass without a report, because one epoch takes time to be agreed on; at the third the committee stalls.
"""

from __future__ import annotations

from oracle.api.deps import ApiDeps, Trouble
from oracle.domain.report import Report

LATE_EPOCHS = 2


def find_troubles(deps: ApiDeps, newest: Report | None) -> tuple[Trouble, ...]:
    """Return every reason not to be ready; empty if there is none."""
    troubles = list(deps.status.status().troubles)
    now_s, current = deps.now_s(), deps.current_epoch()
    if newest is None:
        troubles.append(Trouble(code="no-report", detail="this node has no report yet"))
        return tuple(troubles)
    behind = current - newest.epoch
    if behind > LATE_EPOCHS:
        detail = f"the newest report is of epoch {newest.epoch}, {behind} behind"
        troubles.append(Trouble(code="epochs-stall", detail=detail))
    valid_until_s = deps.config.valid_until_s(newest.epoch)
    if now_s > valid_until_s:
        detail = f"the scores of epoch {newest.epoch} expired {now_s - valid_until_s} s ago"
        troubles.append(Trouble(code="report-expired", detail=detail))
    if newest.config_digest != deps.config.digest:
        detail = "the newest report is of another committee configuration than this node's"
        troubles.append(Trouble(code="other-configuration", detail=detail))
    return tuple(troubles)
