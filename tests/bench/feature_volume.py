"""A million rows of feature input to vectors: events and daily samples of borrowers with 100 to 1,000 rows each; a year's hourly prices of twenty tokens on top.

`python -m tests.bench.feature_volume` says how long it took on all processes and how much memory the largest of them had. Borrowers come in batches from
a seed and are forgotten when their vectors are made, so memory does not grow with their number. Vectors are those of `compute_borrower_vector` and
`compute_collateral_vector` themselves; nothing is remembered between batches but the price series, which all borrowers share.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from random import Random

from oracle.domain.event import EventKind, LendingEvent
from oracle.domain.history import BorrowerHistory, CollateralHistory, PositionRisk
from oracle.domain.ids import USD, Address, borrower_subject, keccak256, uint_word
from oracle.domain.market import AssetFacts, HourlySeries, Pair
from oracle.domain.position import PositionSample
from oracle.domain.units import DAY_S, HOUR_S, WAD, BlockNumber, ChainId, Ppm, TimestampS, UsdE8, Wad
from oracle.features.borrower import compute_borrower_vector
from oracle.features.collateral import compute_collateral_vector
from tests.bench.machine import read_peak_kb

ROWS = 1_000_000
TOKENS = 20
HOURS = 8_760
BATCH_BORROWERS = 64
FEWEST_ROWS, MOST_ROWS = 100, 1_000
YEAR_DAYS = 365
AS_OF_S = TimestampS(20_000 * DAY_S)
CHAINS = (ChainId(1), ChainId(8_453))
MARKET = Address(bytes([0x3A]) * 20)
KINDS = (EventKind.SUPPLY, EventKind.SUPPLY, EventKind.BORROW, EventKind.BORROW, EventKind.REPAY, EventKind.WITHDRAW)


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """What was turned into vectors; `digest` is over all of them, so that two ways to do it can be compared."""

    rows_count: int
    vectors_count: int
    vectors_cpu_s: float
    digest: bytes
    peak_kb: int


NOTHING = Volume(rows_count=0, vectors_count=0, vectors_cpu_s=0, digest=b"", peak_kb=0)


def token_of(index: int) -> Address:
    """Return a made-up token."""
    return Address(keccak256(b"token" + uint_word(index))[12:])


@cache
def make_series(index: int) -> HourlySeries:
    """Return a year of hourly prices, a random walk from a seed."""
    random, price = Random(index), 2_000 * 10**8
    prices = []
    for _ in range(HOURS):
        price = max(10**6, price * (10_000 + round(random.gauss(0, 60))) // 10_000)
        prices.append(price)
    return HourlySeries(first_hour_s=TimestampS(AS_OF_S - (HOURS - 1) * HOUR_S), prices_e8=tuple(prices))


def make_borrower(index: int) -> BorrowerHistory:
    """Return a borrower of one or two chains: up to a year of daily samples, events for the rest of its rows."""
    random = Random(index)
    account = Address(keccak256(b"borrower" + uint_word(index))[12:])
    rows = random.randint(FEWEST_ROWS, MOST_ROWS)
    chains = CHAINS[: random.randint(1, 2)]
    days = min(YEAR_DAYS, rows * 2 // 3)
    samples = tuple(_make_samples(random, chains, days))
    tokens = random.sample(range(TOKENS), random.randint(1, 4))
    events = sorted(_make_events(random, account, chains, tokens, max(1, rows - len(samples))), key=lambda e: e.order)
    last = samples[-1]
    return BorrowerHistory(
        subject=borrower_subject(account),
        as_of_s=AS_OF_S,
        positions=(
            PositionRisk(
                chain_id=last.chain_id,
                market=MARKET,
                health_factor_wad=last.health_factor_wad,
                debt_usd_e8=last.debt_usd_e8,
                volatility_ppm=Ppm(700_000),
            ),
        ),
        events=tuple(events),
        samples=samples,
        token_prices=tuple(
            sorted(((chain, token_of(token)), make_series(token)) for chain in chains for token in tokens)
        ),
    )


def _make_samples(random: Random, chains: Sequence[ChainId], days: int) -> Iterator[PositionSample]:
    debt, health = random.randint(150, 100_000), random.randint(105, 250)
    for day in range(days // len(chains), -1, -1):
        debt = max(101, debt * random.randint(95, 106) // 100)
        health = max(90, min(400, health * random.randint(96, 104) // 100))
        for chain in chains:
            yield PositionSample(
                time_s=TimestampS(AS_OF_S - day * DAY_S),
                chain_id=chain,
                market=MARKET,
                health_factor_wad=Wad(health * WAD // 100),
                debt_usd_e8=UsdE8(debt * 10**8),
                collateral_usd_e8=UsdE8(2 * debt * 10**8),
            )


def _make_events(
    random: Random, account: Address, chains: Sequence[ChainId], tokens: Sequence[int], count: int
) -> Iterator[LendingEvent]:
    for position in range(count):
        kind = EventKind.LIQUIDATION if random.randrange(200) == 0 else random.choice(KINDS)
        time_s = AS_OF_S - random.randrange(YEAR_DAYS * DAY_S)
        usd = random.randint(1, 20_000)
        yield LendingEvent(
            chain_id=random.choice(chains),
            block_number=BlockNumber(time_s // 12),
            log_index=position,
            time_s=TimestampS(time_s),
            protocol="aave_v3",
            market=MARKET,
            kind=kind,
            account=account,
            caller=MARKET if kind is EventKind.LIQUIDATION or random.randrange(10) == 0 else account,
            token=token_of(random.choice(tokens)),
            amount=usd,
            value_usd_e8=UsdE8(usd * 10**8),
        )


def compute_collaterals() -> Volume:
    """Return what the vectors of all pairs cost."""
    facts = AssetFacts(token=MARKET, price_feed=MARKET, numeraire=USD, decimals=18, issuer_risk=0, bridge_risk=0)
    pairs = [
        CollateralHistory(
            pair=Pair(chain_id=CHAINS[0], token=token_of(index), numeraire=USD),
            as_of_s=AS_OF_S,
            series=make_series(index),
            facts=facts,
        )
        for index in range(TOKENS)
    ]
    started_s = time.process_time()
    vectors = [compute_collateral_vector(pair) for pair in pairs]
    cpu_s = time.process_time() - started_s
    return _volume(TOKENS * HOURS, vectors, cpu_s)


def compute_batch(first: int) -> Volume:
    """Make one batch of borrowers and return what their vectors cost."""
    borrowers = [make_borrower(index) for index in range(first, first + BATCH_BORROWERS)]
    rows = sum(len(history.events) + len(history.samples) for history in borrowers)
    started_s = time.process_time()
    vectors = [compute_borrower_vector(history) for history in borrowers]
    return _volume(rows, vectors, time.process_time() - started_s)


def _volume(rows_count: int, vectors: Sequence[tuple[int, ...]], cpu_s: float) -> Volume:
    return Volume(
        rows_count=rows_count,
        vectors_count=len(vectors),
        vectors_cpu_s=cpu_s,
        digest=hashlib.sha256(repr(vectors).encode()).digest(),
        peak_kb=read_peak_kb(),
    )


def compute_borrowers(rows_wanted: int, *, processes: int) -> Volume:
    """Turn at least so many rows of borrowers into vectors on some processes, a few batches at a time."""
    total, first = NOTHING, 0
    with ProcessPoolExecutor(processes) as pool:
        while total.rows_count < rows_wanted:
            starts = [first + i * BATCH_BORROWERS for i in range(processes)]
            for part in pool.map(compute_batch, starts):
                if total.rows_count < rows_wanted:
                    total = _add(total, part)
            first = starts[-1] + BATCH_BORROWERS
    return total


def _add(left: Volume, right: Volume) -> Volume:
    return Volume(
        rows_count=left.rows_count + right.rows_count,
        vectors_count=left.vectors_count + right.vectors_count,
        vectors_cpu_s=left.vectors_cpu_s + right.vectors_cpu_s,
        digest=hashlib.sha256(left.digest + right.digest).digest(),
        peak_kb=max(left.peak_kb, right.peak_kb),
    )


def main() -> None:
    """Turn a million rows of borrowers, and the prices, into vectors and print what it took, one `name value` a line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.feature_volume", description=str(__doc__))
    parser.add_argument("--rows", type=int, default=ROWS, help="of borrowers; the price hours come on top")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    started_s = time.perf_counter()
    collaterals = compute_collaterals()
    borrowers = compute_borrowers(options.rows, processes=options.processes)
    wall_s = time.perf_counter() - started_s
    total = _add(collaterals, borrowers)
    print("borrower_rows", borrowers.rows_count)
    print("borrower_vectors", borrowers.vectors_count)
    print("borrower_cpu_s", f"{borrowers.vectors_cpu_s:.2f}")
    print("price_hours", collaterals.rows_count)
    print("collateral_vectors", collaterals.vectors_count)
    print("collateral_cpu_s", f"{collaterals.vectors_cpu_s:.2f}")
    print("wall_s", f"{wall_s:.2f}")
    print("peak_mb", max(total.peak_kb, read_peak_kb()) // 1_000)
    print("digest", total.digest.hex())


if __name__ == "__main__":
    main()
