"""Recovery: which address signed a digest.

One signature has one form: v is 27 or 28 and s lies in the lower half of the order, as the contract demands, so that no third party can turn a
signature into a second one.
"""

from __future__ import annotations

from coincurve import PublicKey

from oracle.domain.ids import Address, Hash32
from oracle.errors import InvalidSignatureError
from oracle.signing.signer import SIGNATURE_BYTES, Signature, address_of_public_key

CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_HALF_ORDER = CURVE_ORDER // 2


def recover(digest: Hash32, signature: Signature) -> Address:
    """Return the address that signed `digest`.

    Raises:
        InvalidSignatureError: if the bytes are not a canonical signature, or no key can have made it.
    """
    if len(signature) != SIGNATURE_BYTES:
        raise InvalidSignatureError(f"{len(signature)} bytes instead of {SIGNATURE_BYTES}")
    if signature[64] not in (27, 28):
        raise InvalidSignatureError(f"v is {signature[64]}, neither 27 nor 28")
    if int.from_bytes(signature[32:64], "big") > _HALF_ORDER:
        raise InvalidSignatureError("s lies in the upper half of the curve order")
    try:
        key = PublicKey.from_signature_and_message(signature[:64] + bytes((signature[64] - 27,)), digest, hasher=None)
    except Exception as error:  # coincurve raises a bare Exception for a point that is none
        raise InvalidSignatureError("no key can have made it") from error
    return address_of_public_key(key.format(compressed=False))


def is_signed_by(address: Address, digest: Hash32, signature: Signature) -> bool:
    """Return whether `signature` is the canonical signature of `address` over `digest`."""
    try:
        return recover(digest, signature) == address
    except InvalidSignatureError:
        return False
