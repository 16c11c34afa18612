"""The tasks by name; each is a function from a data folder, a bundle and a span of time to rows."""

from __future__ import annotations

from collections.abc import Mapping

from training.evaluation.task import Task

TASKS: Mapping[str, Task] = {}
