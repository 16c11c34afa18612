"""The report that a committee signs: cut, EIP-712 hash and times.

The domain has name and version only, no chain id, because one report serves every chain; the config digest separates deployments.
Source: EIP-712; `tests/vectors/FORMATS.md`, sections 2 and 5.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from oracle.domain.ids import Hash32, keccak256, uint_word
from oracle.domain.units import BlockNumber, ChainId, Epoch, TimestampS

_DOMAIN_TYPE = b"EIP712Domain(string name,string version)"
_REPORT_TYPE = (
    b"Report(bytes32 configDigest,uint64 epoch,bytes32 cutHash,bytes32 scoresRoot,"
    b"uint32 observers,uint32 borrowers,uint32 collaterals,uint32 stalledChains)"
)
REPORT_TYPEHASH = keccak256(_REPORT_TYPE)
DOMAIN_SEPARATOR = keccak256(keccak256(_DOMAIN_TYPE) + keccak256(b"Assay") + keccak256(b"1"))


def typed_data_hash(struct_hash: Hash32) -> Hash32:
    """Return the EIP-712 digest of a struct in Assay's domain."""
    return keccak256(b"\x19\x01" + DOMAIN_SEPARATOR + struct_hash)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainCut:
    """The block of one chain at which an epoch is scored."""

    chain_id: ChainId
    block_number: BlockNumber
    block_hash: Hash32


@dataclass(frozen=True, kw_only=True)
class Cut:
    """The blocks of all configured chains, in config order; bit i of `stalled_chains` marks chain i."""

    epoch: Epoch
    chains: tuple[ChainCut, ...]
    stalled_chains: int = 0

    @cached_property
    def hash(self) -> Hash32:
        """Return keccak(abi(uint64 epoch, (uint64, uint64, bytes32)[] cuts, uint32 stalledChains))."""
        head = uint_word(self.epoch) + uint_word(3 * 32) + uint_word(self.stalled_chains)
        words = [uint_word(c.chain_id) + uint_word(c.block_number) + c.block_hash for c in self.chains]
        return keccak256(head + uint_word(len(words)) + b"".join(words))


@dataclass(frozen=True, kw_only=True)
class Report:
    """What is signed and published once per epoch; `observers` is a bitmap of member ids."""

    config_digest: Hash32
    epoch: Epoch
    cut_hash: Hash32
    scores_root: Hash32
    observers: int
    borrowers: int
    collaterals: int
    stalled_chains: int

    @cached_property
    def encoded(self) -> bytes:
        """Return the ABI encoding, eight words."""
        return b"".join(
            (
                self.config_digest,
                uint_word(self.epoch),
                self.cut_hash,
                self.scores_root,
                uint_word(self.observers),
                uint_word(self.borrowers),
                uint_word(self.collaterals),
                uint_word(self.stalled_chains),
            )
        )

    @cached_property
    def hash(self) -> Hash32:
        """Return the EIP-712 digest that members attest."""
        return typed_data_hash(keccak256(REPORT_TYPEHASH + self.encoded))


def boundary_s(epoch: Epoch, epoch_s: int) -> TimestampS:
    """Return `observedAt`, the boundary at which the epoch is scored."""
    return TimestampS(epoch * epoch_s)
