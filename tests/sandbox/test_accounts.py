"""Addresses against published examples."""

from __future__ import annotations

import pytest
from eth_account import Account

from oracle.sandbox.accounts import checksum_address, created_address, derive_account


@pytest.mark.parametrize(
    "text",
    [
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
    ],
)
def test_checksum_address__examples_of_eip_55__same_text(text: str) -> None:
    assert checksum_address(bytes.fromhex(text[2:])) == text


# The well-known contracts of 0x6ac7ea33..., the example of the Ethereum yellow paper discussions.
@pytest.mark.parametrize(
    ("nonce", "address"),
    [
        (0, "0xcd234a471b72ba2f1ccf0a70fcaba648a5eecd8d"),
        (1, "0x343c43a37d37dff08ae8c4a11544c718abb4fcf8"),
        (2, "0xf778b86fa74e846c4f0a1fbd1335fe81c00a0c91"),
        (3, "0xfffd933a0bc612844eaf0c6fe3e5b8e9b6c1d19c"),
    ],
)
def test_created_address__known_creator__known_contract(nonce: int, address: str) -> None:
    assert created_address("0x6ac7ea33f8831ea9dcc53393aaa88b25a785dbf0", nonce).lower() == address


def test_derive_account__any_role__key_belongs_to_address() -> None:
    account = derive_account(7, "member", 3)

    assert Account.from_key(account.private_key).address == account.address


def test_derive_account__other_seed_role_or_index__other_address() -> None:
    addresses = {
        derive_account(seed, role, index).address
        for seed in (1, 2)
        for role in ("member", "helper")
        for index in (0, 1)
    }

    assert len(addresses) == 8
