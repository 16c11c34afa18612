"""Deterministic accounts of a world: a key is the hash of (seed, role, index), so everyone can derive it.

These keys are public by construction. They hold nothing outside a sandbox chain.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import coincurve

from oracle.domain.ids import keccak256, to_checksum

CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxAccount:
    """An externally owned account with its public test key."""

    role: str
    address: str
    private_key: str


@lru_cache(maxsize=4096)
def derive_account(seed: int, role: str, index: int = 0) -> SandboxAccount:
    """Return the account of `role` and `index` in the world of `seed`."""
    digest = keccak256(f"assay-sandbox/{seed}/{role}/{index}".encode())
    secret = (int.from_bytes(digest, "big") % (CURVE_ORDER - 1) + 1).to_bytes(32, "big")
    public = coincurve.PrivateKey(secret).public_key.format(compressed=False)[1:]
    return SandboxAccount(role=role, address=to_checksum(keccak256(public)[12:]), private_key="0x" + secret.hex())


def created_address(creator: str, nonce: int) -> str:
    """Return the address of the contract that `creator` makes with its `nonce` (CREATE)."""
    number = b"" if nonce == 0 else nonce.to_bytes((nonce.bit_length() + 7) // 8, "big")
    encoded_nonce = number if len(number) == 1 and nonce < 0x80 else bytes([0x80 + len(number)]) + number
    payload = b"\x94" + bytes.fromhex(creator[2:]) + encoded_nonce
    return to_checksum(keccak256(bytes([0xC0 + len(payload)]) + payload)[12:])
