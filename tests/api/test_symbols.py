"""Names of tokens: shown if they are decent, asked for again only where a chain failed."""

from __future__ import annotations

import pytest

from oracle.api.symbols import ChainSymbols
from oracle.domain.ids import Address
from oracle.domain.units import ChainId
from oracle.errors import TooFewEndpointsError
from tests.api.conftest import FakeClock

pytestmark = pytest.mark.anyio
CHAIN = ChainId(1)
GOOD, NAMELESS, RUDE, DOWN = (Address(bytes([n]) * 20) for n in range(4))


class FakeSource:
    """Answers by token; one chain read fails at first."""

    def __init__(self) -> None:
        self.is_down = True
        self.calls_count = 0

    async def fetch_symbol(self, chain_id: ChainId, token: Address) -> str | None:
        self.calls_count += 1
        if token == DOWN and self.is_down:
            raise TooFewEndpointsError(chain_id, "block 1", ())
        return {GOOD: "WETH", NAMELESS: None, RUDE: "A\nB", DOWN: "USDC"}[token]


async def test_chain_symbols__decent_names__are_kept_and_failures_asked_again() -> None:
    source, clock = FakeSource(), FakeClock(now=1_000)
    symbols = ChainSymbols(source, [(CHAIN, token) for token in (GOOD, NAMELESS, RUDE, DOWN)], clock)

    await symbols.load()
    first = [symbols.get(CHAIN, token) for token in (GOOD, NAMELESS, RUDE, DOWN)]
    source.is_down = False
    await symbols.load()
    too_soon = source.calls_count
    clock.now += 60_000
    await symbols.load()

    assert first == ["WETH", None, None, None]
    assert too_soon == 4
    assert (symbols.get(CHAIN, DOWN), source.calls_count) == ("USDC", 5)
