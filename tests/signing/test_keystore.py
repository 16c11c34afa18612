"""Keystores: created once, opened by their password only, readable by other clients (SG-03, SG-04)."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from oracle.domain.ids import parse_address
from oracle.errors import KeystoreError, WrongPasswordError
from oracle.signing import keystore

CHEAP_SCRYPT = 4096
# Test vector of the Web3 Secret Storage Definition (pbkdf2).
PUBLISHED_SECRET = "7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d"
PUBLISHED_ADDRESS = "0x008aeeda4d805471df9b2a5b0f38a0c3bcba786b"
PUBLISHED = {
    "crypto": {
        "cipher": "aes-128-ctr",
        "cipherparams": {"iv": "6087dab2f9fdbbfaddc31a909735c1e6"},
        "ciphertext": "5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46",
        "kdf": "pbkdf2",
        "kdfparams": {
            "c": 262144,
            "dklen": 32,
            "prf": "hmac-sha256",
            "salt": "ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd",
        },
        "mac": "517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2",
    },
    "id": "3198bc9c-6672-5ab3-d995-4942343ae5b6",
    "version": 3,
}


def test_load__published_vector__gives_its_address(tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    path.write_text(json.dumps(PUBLISHED))

    signer = keystore.load(path, "testpassword")

    assert signer.address == parse_address(PUBLISHED_ADDRESS)


def test_create__new_file__opens_again_and_belongs_to_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "node.json"

    created = keystore.create(path, "correct horse", scrypt_cost=CHEAP_SCRYPT)

    assert keystore.load(path, "correct horse").address == created.address
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_create__file_exists__keeps_it(tmp_path: Path) -> None:
    path = tmp_path / "node.json"
    keystore.create(path, "first", scrypt_cost=CHEAP_SCRYPT)
    before = path.read_bytes()

    with pytest.raises(KeystoreError, match="exists already"):
        keystore.create(path, "second", scrypt_cost=CHEAP_SCRYPT)

    assert path.read_bytes() == before


def test_create__empty_password__is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeystoreError, match="empty password"):
        keystore.create(tmp_path / "node.json", "")

    assert not (tmp_path / "node.json").exists()


def test_load__wrong_password__says_so_and_keeps_the_file(tmp_path: Path) -> None:
    path = tmp_path / "node.json"
    keystore.create(path, "open sesame", scrypt_cost=CHEAP_SCRYPT)
    before = path.read_bytes()

    with pytest.raises(WrongPasswordError, match="password does not open it") as caught:
        keystore.load(path, "hunter2")

    assert path.read_bytes() == before
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "not json", "[]", "{}", '{"version": 3}', '{"version": 1, "crypto": {}}'])
def test_load__no_keystore__says_so(tmp_path: Path, text: str) -> None:
    path = tmp_path / "node.json"
    path.write_text(text)

    with pytest.raises(KeystoreError):
        keystore.load(path, "any")


def test_load__missing_file__names_the_command(tmp_path: Path) -> None:
    with pytest.raises(KeystoreError, match="assay node init"):
        keystore.load(tmp_path / "node.json", "any")


def test_create__file_text__does_not_hold_the_secret(tmp_path: Path) -> None:
    path = tmp_path / "node.json"

    signer = keystore.create(path, "x", secret=bytes.fromhex(PUBLISHED_SECRET), scrypt_cost=CHEAP_SCRYPT)

    assert PUBLISHED_SECRET not in path.read_text()
    assert PUBLISHED_SECRET not in repr(signer)
    assert signer.address == parse_address(PUBLISHED_ADDRESS)
