"""Times in the headers of an HTTP answer, from a server that may be hostile: a time that no calendar has is none.

Source: RFC 9110, 5.6.7 and 10.2.3.
"""

from __future__ import annotations

import time
from datetime import UTC
from email.utils import parsedate_to_datetime

import httpx

from oracle.chain.quantities import UNREADABLE

LONGEST_REST_S = 900.0
"""However long an endpoint wants to be left alone, it is tried again after this time."""


def read_retry_after_s(headers: httpx.Headers) -> float | None:
    """Return the seconds that a `Retry-After` asks for, as a number or as a date; None without a readable one."""
    text = headers.get("retry-after")
    if text is None:
        return None
    if text.strip().isdecimal():
        return min(LONGEST_REST_S, float(text))
    then_s, now_s = parse_date_s(text), parse_date_s(headers.get("date", ""))
    return None if then_s is None else max(0.0, then_s - (time.time() if now_s is None else now_s))


def parse_date_s(text: str) -> float | None:
    """Return the seconds since 1970 of a `Date`, None if it cannot be read."""
    try:
        parsed = parsedate_to_datetime(text)
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
    except UNREADABLE:
        return None
