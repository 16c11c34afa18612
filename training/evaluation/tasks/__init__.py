"""The tasks by name; each is a function from a data folder, a bundle and a span of time to rows."""

from __future__ import annotations

from collections.abc import Mapping

from training.evaluation.task import Task
from training.evaluation.tasks.aave import build_aave_repeat
from training.evaluation.tasks.crvusd import build_crvusd
from training.evaluation.tasks.depeg import build_depeg
from training.evaluation.tasks.drawdown import build_drawdown
from training.evaluation.tasks.drop import build_drop_15, build_drop_25
from training.evaluation.tasks.liquity import build_liquity
from training.evaluation.tasks.maker import build_maker_borrow, build_maker_weekly_7, build_maker_weekly_30
from training.evaluation.tasks.morpho_borrow import build_morpho_borrow
from training.evaluation.tasks.morpho_relapse import build_morpho_relapse
from training.evaluation.tasks.reserves import build_reserve_cut

TASKS: Mapping[str, Task] = {
    "drop_24h_15": build_drop_15,
    "drop_24h_25": build_drop_25,
    "drawdown_q99": build_drawdown,
    "reserve_cut": build_reserve_cut,
    "depeg_7d": build_depeg,
    "liquity_30d": build_liquity,
    "crvusd_30d": build_crvusd,
    "morpho_reliquidation_30d": build_morpho_relapse,
    "aave_repeat_30d": build_aave_repeat,
    "maker_borrow_30d": build_maker_borrow,
    "maker_weekly_30d": build_maker_weekly_30,
    "maker_weekly_7d": build_maker_weekly_7,
    "morpho_borrow_7d": build_morpho_borrow,
}
