"""Keystores: one key in one encrypted file, version 3 of the Web3 secret storage, as every Ethereum client reads it.

Source: Web3 Secret Storage Definition, version 3 (scrypt, aes-128-ctr).
"""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Any

from oracle.errors import KeystoreError, WrongPasswordError
from oracle.signing.signer import LocalSigner

STRONG_SCRYPT_COST = 262_144
_SECRET_BYTES = 32


def create(
    path: Path, password: str, *, secret: bytes | None = None, scrypt_cost: int = STRONG_SCRYPT_COST
) -> LocalSigner:
    """Write a new keystore, readable by its owner only, and return its signer.

    `secret` is drawn from the system if it is not given. An existing file is never overwritten: it may hold the only copy of a key.

    Raises:
        KeystoreError: if the file exists, cannot be written, or the password is empty.
    """
    if not password:
        raise KeystoreError(str(path), "an empty password protects nothing; choose one")
    key = secret if secret is not None else secrets.token_bytes(_SECRET_BYTES)
    # Imported where it is used: it loads pairing curves, most of a second that `assay verify` would pay for nothing.
    from eth_keyfile.keyfile import create_keyfile_json

    document = create_keyfile_json(key, password.encode(), kdf="scrypt", iterations=scrypt_cost)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise KeystoreError(str(path), "exists already; move it away first") from None
    except OSError as error:
        raise KeystoreError(str(path), f"cannot be written: {error.strerror}") from error
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(document, file)
        file.flush()
        os.fsync(file.fileno())
    return LocalSigner(key)


def load(path: Path, password: str) -> LocalSigner:
    """Return the signer of a keystore.

    Raises:
        WrongPasswordError: if the password does not fit.
        KeystoreError: if the file is missing or no keystore of version 3.
    """
    document = _read(path)
    from eth_keyfile.keyfile import decode_keyfile_json

    try:
        secret = decode_keyfile_json(document, password.encode())
    except ValueError as error:
        if "mac" in str(error).lower():
            raise WrongPasswordError(str(path)) from None
        raise KeystoreError(str(path), "is not a keystore of version 3") from None
    except (KeyError, TypeError, NotImplementedError):
        raise KeystoreError(str(path), "is not a keystore of version 3") from None
    return LocalSigner(secret)


def _read(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise KeystoreError(str(path), "is missing; make one with `assay node init`") from None
    except (OSError, ValueError):
        raise KeystoreError(str(path), "cannot be read as JSON") from None
    if not isinstance(document, dict):
        raise KeystoreError(str(path), "is not a keystore of version 3")
    return document
