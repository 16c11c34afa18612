"""Units that floats of training are turned into, and the logistic function."""

from __future__ import annotations

from typing import Any

import numpy as np

LEAF_UNITS = 4_096
"""One unit of log-odds is 2^12 integer units."""


def sigmoid(logits: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return probabilities of log-odds, without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * logits)))
