"""The signer: who signs digests, without saying where the key lives.

A signature is 65 bytes r ‖ s ‖ v, v 27 or 28, s in the lower half of the curve order. A remote signer or a hardware key fits the same port.
Source: EIP-2, EIP-712; `tests/vectors/FORMATS.md`, section 5.
"""

from __future__ import annotations

from typing import Protocol

from coincurve import PrivateKey

from oracle.domain.ids import Address, Hash32, keccak256, to_hex

Signature = bytes
SIGNATURE_BYTES = 65
_RECOVERY_OFFSET = 27


class Signer(Protocol):
    """Signs 32-byte digests for one address."""

    @property
    def address(self) -> Address:
        """Return the address that signatures recover to."""
        ...

    def sign_digest(self, digest: Hash32) -> Signature:
        """Return r ‖ s ‖ v over `digest`."""
        ...


class LocalSigner:
    """Signs with a key in memory; the key appears in no repr and no log."""

    __slots__ = ("_address", "_key")

    def __init__(self, secret: bytes) -> None:
        self._key = PrivateKey(secret)
        self._address = address_of_public_key(self._key.public_key.format(compressed=False))

    @property
    def address(self) -> Address:
        """Return the address that signatures recover to."""
        return self._address

    def sign_digest(self, digest: Hash32) -> Signature:
        """Return r ‖ s ‖ v over `digest`; deterministic (RFC 6979), low s."""
        raw: bytes = self._key.sign_recoverable(digest, hasher=None)
        return raw[:64] + bytes((raw[64] + _RECOVERY_OFFSET,))

    def __repr__(self) -> str:
        return f"LocalSigner({to_hex(self._address)})"

    def __reduce__(self) -> str:
        raise TypeError("a signer is not copied or pickled: its key stays in this process")


def address_of_public_key(uncompressed: bytes) -> Address:
    """Return the address of an uncompressed public key (65 bytes, 0x04 first)."""
    return Address(keccak256(uncompressed[1:])[-20:])
