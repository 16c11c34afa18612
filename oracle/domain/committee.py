"""The committee's configuration: what its digest binds.

Never mixed with local settings: everything here is the same for all nodes and identified by `config_digest`.
Source: `tests/vectors/FORMATS.md`, section 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from oracle.domain.ids import USD, Address, Hash32, address_word, keccak256, uint_word
from oracle.domain.market import AssetFacts, Pair
from oracle.domain.units import BlockNumber, ChainId, Epoch, TimestampS
from oracle.errors import ConfigurationError

FEATURE_SEMANTICS_VERSION = 2
LEAF_LAYOUT_VERSION = 1
MAX_MEMBERS = 31


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketParams:
    """A lending market that is indexed; `market` is the pool address, `start_block` its deployment."""

    protocol: str
    market: Address
    start_block: BlockNumber

    def encoded(self) -> bytes:
        """Return the ABI encoding of the tuple (string, address, uint64)."""
        text = self.protocol.encode()
        padded = text + bytes(-len(text) % 32)
        head = uint_word(96) + address_word(self.market) + uint_word(self.start_block)
        return head + uint_word(len(text)) + padded


@dataclass(frozen=True, kw_only=True)
class ChainParams:
    """One chain: its markets (ascending by address) and assets (ascending by token)."""

    chain_id: ChainId
    markets: tuple[MarketParams, ...]
    assets: tuple[AssetFacts, ...]

    def asset(self, token: Address) -> AssetFacts | None:
        """Return the facts of a token, None if it is not configured."""
        return next((a for a in self.assets if a.token == token), None)

    def wrapped_token(self, numeraire: Address) -> Address | None:
        """Return the token whose USD price is the numeraire's; None for USD and for a numeraire of no asset.

        It is the asset with the least (issuer risk, bridge risk, token) among those measured in the numeraire: WETH before wstETH.
        """
        ranked = [(a.issuer_risk, a.bridge_risk, a.token) for a in self.assets if a.numeraire == numeraire]
        return None if numeraire == USD or not ranked else min(ranked)[2]

    @cached_property
    def pairs(self) -> tuple[Pair, ...]:
        """Return the collateral subjects of the chain, ascending by (token, numeraire).

        Every token in every numeraire that some asset has, except a numeraire's own wrapped token in itself (WETH/ETH).
        """
        numeraires = sorted({a.numeraire for a in self.assets})
        return tuple(
            Pair(chain_id=self.chain_id, token=asset.token, numeraire=numeraire)
            for asset in self.assets
            for numeraire in numeraires
            if self.wrapped_token(numeraire) != asset.token
        )

    def encoded(self) -> bytes:
        """Return the ABI encoding of the tuple (uint64, MarketParams[], AssetParams[])."""
        markets = _dynamic_array([m.encoded() for m in self.markets])
        assets = uint_word(len(self.assets)) + b"".join(_asset_words(a) for a in self.assets)
        head = uint_word(self.chain_id) + uint_word(96) + uint_word(96 + len(markets))
        return head + markets + assets


@dataclass(frozen=True, kw_only=True)
class Params:
    """Everything that scoring depends on, bound by `hash`."""

    chains: tuple[ChainParams, ...]
    borrower_model_id: Hash32
    collateral_model_id: Hash32
    epoch_seconds: int
    validity_seconds: int
    feature_semantics_version: int = FEATURE_SEMANTICS_VERSION
    leaf_layout_version: int = LEAF_LAYOUT_VERSION

    @cached_property
    def encoded(self) -> bytes:
        """Return abi(Params): what a model registry reads the model ids from."""
        chains = _dynamic_array([c.encoded() for c in self.chains])
        body = b"".join(
            (
                uint_word(7 * 32),
                self.borrower_model_id,
                self.collateral_model_id,
                uint_word(self.feature_semantics_version),
                uint_word(self.leaf_layout_version),
                uint_word(self.epoch_seconds),
                uint_word(self.validity_seconds),
                chains,
            )
        )
        return uint_word(32) + body

    @cached_property
    def hash(self) -> Hash32:
        """Return paramsHash = keccak(abi(Params))."""
        return keccak256(self.encoded)


@dataclass(frozen=True, kw_only=True)
class CommitteeConfig:
    """Members, fault bound, quorum and parameters from an epoch on; a member's id is its index.

    Raises:
        ConfigurationError: if n < 3f + 1, n > 31, q outside f+1..n-f, members repeat, or chains are not ascending.
    """

    prev_digest: Hash32
    seq: int
    members: tuple[Address, ...]
    f: int
    q: int
    params: Params
    from_epoch: Epoch

    def __post_init__(self) -> None:
        n = len(self.members)
        if not 3 * self.f + 1 <= n <= MAX_MEMBERS:
            raise ConfigurationError(f"a committee of {n} cannot stand {self.f} faults: it needs 3f+1 <= n <= 31")
        if not self.f + 1 <= self.q <= n - self.f:
            raise ConfigurationError(f"attestation quorum {self.q} is outside {self.f + 1}..{n - self.f}")
        if len(set(self.members)) != n:
            raise ConfigurationError("a committee member is listed twice")
        chain_ids = [c.chain_id for c in self.params.chains]
        if not chain_ids or chain_ids != sorted(set(chain_ids)):
            raise ConfigurationError("list each chain once, in ascending order of chain id")

    @property
    def n(self) -> int:
        """Return the number of members."""
        return len(self.members)

    @cached_property
    def digest(self) -> Hash32:
        """Return configDigest."""
        head = b"".join(
            (
                self.prev_digest,
                uint_word(self.seq),
                uint_word(7 * 32),
                uint_word(self.f),
                uint_word(self.q),
                self.params.hash,
                uint_word(self.from_epoch),
            )
        )
        members = uint_word(self.n) + b"".join(address_word(m) for m in self.members)
        return keccak256(head + members)

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """Return every collateral subject, in config order."""
        return tuple(p for chain in self.params.chains for p in chain.pairs)

    def valid_until_s(self, epoch: Epoch) -> TimestampS:
        """Return the time from which the report of `epoch` no longer counts."""
        return TimestampS(epoch * self.params.epoch_seconds + self.params.validity_seconds)


def default_attestation_quorum(n: int, f: int) -> int:
    """Return n - f up to seven members, else the Byzantine quorum (n + f) // 2 + 1."""
    return n - f if n <= 7 else (n + f) // 2 + 1


def _dynamic_array(items: list[bytes]) -> bytes:
    """Return the ABI encoding of an array whose elements are dynamic."""
    offsets = []
    position = 32 * len(items)
    for item in items:
        offsets.append(uint_word(position))
        position += len(item)
    return uint_word(len(items)) + b"".join(offsets) + b"".join(items)


def _asset_words(asset: AssetFacts) -> bytes:
    return b"".join(
        (
            address_word(asset.token),
            address_word(asset.price_feed),
            address_word(asset.numeraire),
            uint_word(asset.decimals),
            uint_word(asset.issuer_risk),
            uint_word(asset.bridge_risk),
        )
    )
