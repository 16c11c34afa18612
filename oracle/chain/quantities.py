"""Reading what an endpoint says, who may be hostile: quantities within bounds, and one error for every way in which an answer cannot be read.

Python's integers have no largest value, so a quantity without a bound fails far from where it came in: in a message, a database, a metric.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from oracle.errors import MalformedAnswerError

LARGEST_QUANTITY = 2**63 - 1
"""Of numbers of blocks, times, indexes, gas and nonces: what every database column and metric holds."""
LARGEST_WORD = 2**256 - 1
LARGEST_WEI = 2**128 - 1
UNREADABLE = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What taking apart an answer of the wrong shape can raise."""
_LONGEST_TEXT = len("0x") + 64


def parse_quantity(text: Any, largest: int = LARGEST_QUANTITY) -> int:
    """Return a quantity of JSON-RPC, 0..`largest`.

    Raises:
        TypeError: if it is no text.
        ValueError: if it is no such number.
    """
    if len(text) > _LONGEST_TEXT:
        raise ValueError("a quantity of more than 256 bits")
    value = int(text, 16)
    if not 0 <= value <= largest:
        raise ValueError("a quantity out of bounds")
    return value


async def read_answer[T](endpoint: str, answer: Awaitable[T]) -> T:
    """Return what was read of an endpoint's answer.

    Raises:
        MalformedAnswerError: whatever went wrong with its shape, however it shows.
        OracleError: as it comes.
    """
    try:
        return await answer
    except UNREADABLE as cause:
        raise MalformedAnswerError(endpoint, f"an answer that cannot be read ({type(cause).__name__})") from cause
