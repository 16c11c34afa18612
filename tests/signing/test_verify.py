"""Signatures: one canonical form, recovered to its signer; every other form is refused (SG-01)."""

from __future__ import annotations

import pickle

import pytest
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st

from oracle.domain.ids import Address, Hash32, keccak256, parse_address
from oracle.errors import InvalidSignatureError
from oracle.signing.signer import LocalSigner
from oracle.signing.verify import CURVE_ORDER, is_signed_by, recover

# Key and address of the example in EIP-155.
EIP155_SECRET = b"\x46" * 32
EIP155_ADDRESS = parse_address("0x9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f")
DIGEST = keccak256(b"a report")
secrets = st.integers(1, CURVE_ORDER - 1).map(lambda value: value.to_bytes(32, "big"))


def test_signer__key_of_eip_155__has_its_address() -> None:
    assert LocalSigner(EIP155_SECRET).address == EIP155_ADDRESS


@given(secret=secrets, digest=st.binary(min_size=32, max_size=32).map(Hash32))
def test_recover__own_signature__gives_the_signer_and_low_s(secret: bytes, digest: Hash32) -> None:
    signer = LocalSigner(secret)

    signature = signer.sign_digest(digest)

    assert recover(digest, signature) == signer.address
    assert len(signature) == 65
    assert signature[64] in (27, 28)
    assert int.from_bytes(signature[32:64], "big") <= CURVE_ORDER // 2


def test_sign_digest__compared_with_another_library__is_the_same() -> None:
    signed = Account.unsafe_sign_hash(DIGEST, EIP155_SECRET)

    assert LocalSigner(EIP155_SECRET).sign_digest(DIGEST) == bytes(signed.signature)


def test_recover__high_s_twin__is_refused() -> None:
    signature = LocalSigner(EIP155_SECRET).sign_digest(DIGEST)
    s = int.from_bytes(signature[32:64], "big")
    twin = signature[:32] + (CURVE_ORDER - s).to_bytes(32, "big") + bytes((55 - signature[64],))

    with pytest.raises(InvalidSignatureError, match="upper half"):
        recover(DIGEST, twin)


@pytest.mark.parametrize("v", [0, 1, 26, 29, 255])
def test_recover__other_v__is_refused(v: int) -> None:
    signature = LocalSigner(EIP155_SECRET).sign_digest(DIGEST)

    with pytest.raises(InvalidSignatureError, match="neither 27 nor 28"):
        recover(DIGEST, signature[:64] + bytes((v,)))


@pytest.mark.parametrize(
    "signature", [b"", bytes(64), bytes(66), bytes(64) + b"\x1b", b"\xff" * 32 + bytes(32) + b"\x1b"]
)
def test_recover__no_signature__is_refused(signature: bytes) -> None:
    with pytest.raises(InvalidSignatureError):
        recover(DIGEST, signature)


def test_is_signed_by__other_digest_or_address__is_false() -> None:
    signature = LocalSigner(EIP155_SECRET).sign_digest(DIGEST)

    assert is_signed_by(EIP155_ADDRESS, DIGEST, signature)
    assert not is_signed_by(EIP155_ADDRESS, keccak256(b"another"), signature)
    assert not is_signed_by(Address(bytes(20)), DIGEST, signature)


def test_signer__pickled_or_shown__gives_no_key_away() -> None:
    signer = LocalSigner(EIP155_SECRET)

    assert "46" * 8 not in repr(signer)
    with pytest.raises(TypeError, match="stays in this process"):
        pickle.dumps(signer)
