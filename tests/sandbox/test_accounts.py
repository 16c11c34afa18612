"""Addresses against published examples."""

from __future__ import annotations

import pytest
from eth_account import Account

from oracle.sandbox.accounts import created_address, derive_account


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
