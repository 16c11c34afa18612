"""Names of tokens, as their contracts give them: for people only, nothing depends on one.

A token that does not answer, or answers something else than a short printable word, shows its address.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from oracle.domain.ids import Address
from oracle.domain.units import ChainId
from oracle.errors import ChainError

MAX_SYMBOL_CHARACTERS = 16
RETRY_MS = 60_000


class Symbols(Protocol):
    """Known names; `load` asks for those that are missing."""

    async def load(self) -> None:
        """Ask for missing names, now and then; never fails."""
        ...

    def get(self, chain_id: ChainId, token: Address) -> str | None:
        """Return a token's name if it is known."""
        ...


class SymbolSource(Protocol):
    """Reads one token's name from its chain."""

    async def fetch_symbol(self, chain_id: ChainId, token: Address) -> str | None:
        """Return the name, None if the token has none.

        Raises:
            ChainError: if the chain cannot be read.
        """
        ...


class NowMs(Protocol):
    """The time."""

    def now_ms(self) -> int:
        """Return milliseconds since 1970."""
        ...


@dataclass(frozen=True, slots=True)
class FixedSymbols:
    """Names that are known from the start."""

    names: Mapping[tuple[ChainId, Address], str] = field(default_factory=dict)

    async def load(self) -> None:
        """Do nothing."""

    def get(self, chain_id: ChainId, token: Address) -> str | None:
        """Return a token's name if it is known."""
        return self.names.get((chain_id, token))


class ChainSymbols:
    """Names read from the chains once; a chain that fails is asked again after a minute."""

    def __init__(self, source: SymbolSource, tokens: Sequence[tuple[ChainId, Address]], clock: NowMs) -> None:
        self._source = source
        self._missing = list(tokens)
        self._names: dict[tuple[ChainId, Address], str] = {}
        self._clock = clock
        self._next_ms = 0

    async def load(self) -> None:
        """Ask for missing names, at most once a minute."""
        now_ms = self._clock.now_ms()
        if not self._missing or now_ms < self._next_ms:
            return
        self._next_ms = now_ms + RETRY_MS
        asked, self._missing = self._missing, []
        for chain_id, token in asked:
            try:
                symbol = await self._source.fetch_symbol(chain_id, token)
            except ChainError:
                self._missing.append((chain_id, token))
                continue
            if symbol is not None and symbol.isprintable() and 0 < len(symbol) <= MAX_SYMBOL_CHARACTERS:
                self._names[(chain_id, token)] = symbol

    def get(self, chain_id: ChainId, token: Address) -> str | None:
        """Return a token's name if it is known."""
        return self._names.get((chain_id, token))
