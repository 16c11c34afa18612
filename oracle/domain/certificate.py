"""What cold keys sign: a change of the committee, and a member's next hot key.

Both are EIP-712 structs in the domain of the report, without a chain id: one certificate serves every chain.
Source: `tests/vectors/FORMATS.md`, section 12.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from oracle.domain.committee import CommitteeConfig
from oracle.domain.ids import Address, Hash32, address_word, keccak256, uint_word
from oracle.domain.report import typed_data_hash
from oracle.domain.units import BlockNumber, ChainId, Epoch, NodeId

CHANGE_TYPEHASH = keccak256(
    b"CommitteeChange(bytes32 prevDigest,uint64 seq,bytes32 nextDigest,"
    b"uint64 homeChainId,uint64 homeBlockNumber,bytes32 homeBlockHash)"
)
ROTATION_TYPEHASH = keccak256(
    b"HotKeyRotation(bytes32 configDigest,uint8 memberId,address hotKey,uint64 nonce,uint64 fromEpoch)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeBlock:
    """The finalised block of the home chain at which a change was read."""

    chain_id: ChainId
    block_number: BlockNumber
    block_hash: Hash32


@dataclass(frozen=True, kw_only=True)
class CommitteeChange:
    """A step from the configuration `prev_digest` to `next_digest`, certified by a Byzantine quorum of the former's cold keys."""

    prev_digest: Hash32
    seq: int
    next_digest: Hash32
    home: HomeBlock

    @classmethod
    def to(cls, config: CommitteeConfig, home: HomeBlock) -> CommitteeChange:
        """Return the change that puts `config` in force after the configuration that it names."""
        return cls(prev_digest=config.prev_digest, seq=config.seq, next_digest=config.digest, home=home)

    @cached_property
    def hash(self) -> Hash32:
        """Return the EIP-712 digest that cold keys sign."""
        return typed_data_hash(
            keccak256(
                b"".join(
                    (
                        CHANGE_TYPEHASH,
                        self.prev_digest,
                        uint_word(self.seq),
                        self.next_digest,
                        uint_word(self.home.chain_id),
                        uint_word(self.home.block_number),
                        self.home.block_hash,
                    )
                )
            )
        )


@dataclass(frozen=True, kw_only=True)
class HotKeyRotation:
    """A member's hot key from `from_epoch` on, under one digest; `nonce` is above all that it used under that digest."""

    config_digest: Hash32
    member: NodeId
    hot_key: Address
    nonce: int
    from_epoch: Epoch

    @cached_property
    def hash(self) -> Hash32:
        """Return the EIP-712 digest that the member's cold key signs."""
        return typed_data_hash(
            keccak256(
                b"".join(
                    (
                        ROTATION_TYPEHASH,
                        self.config_digest,
                        uint_word(self.member),
                        address_word(self.hot_key),
                        uint_word(self.nonce),
                        uint_word(self.from_epoch),
                    )
                )
            )
        )
