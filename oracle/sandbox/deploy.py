"""One chain of a world from nothing: tokens, feeds, Aave v3 and its outside suppliers.

Everything follows from the seed: accounts, nonces, addresses and block times. The deployer differs from chain to chain, so that no
address means the same thing on two chains.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from eth_abi.abi import encode

from oracle.sandbox.aave import AaveDeployment, Deployer, deploy_aave
from oracle.sandbox.accounts import SandboxAccount, derive_account
from oracle.sandbox.artifacts import load_forge_artifact
from oracle.sandbox.chains import AnvilChain
from oracle.sandbox.jsonrpc import Transaction, encode_call
from oracle.sandbox.reserves import RESERVES, Reserve

MAX_UINT = 2**256 - 1
FEED_DECIMALS = 8
SET_ANSWER = "setAnswer(int192)"
SUPPLY = "supply(address,uint256,address,uint16)"
FUNDING_WEI = 1_000 * 10**18


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseDeployment:
    """What stands before any borrower: `tokens` and `feeds` by symbol."""

    deployer: SandboxAccount
    tokens: dict[str, str]
    feeds: dict[str, str]
    aave: AaveDeployment
    start_block: int


async def deploy_base(
    chain: AnvilChain, *, seed: int, prices_usd_e8: Mapping[str, int], liquidity_scale: float,
    reserves: Sequence[Reserve] = RESERVES,
) -> BaseDeployment:  # fmt: skip
    """Deploy tokens, feeds and Aave on an empty chain and supply outside liquidity.

    `liquidity_scale` multiplies each reserve's `liquidity_usd`. Raises: DeploymentError.
    """
    account = derive_account(seed, f"deployer-{chain.chain_id}")
    await chain.fund([account.address], FUNDING_WEI)
    _, head_s = await chain.fetch_head()
    deployer = Deployer(chain=chain, address=account.address, clock_s=head_s)
    tokens, feeds = _create_tokens_and_feeds(deployer, prices_usd_e8)
    await deployer.run()
    treasury = derive_account(seed, "treasury").address
    aave = await deploy_aave(deployer, tokens=tokens, feeds=feeds, treasury=treasury, reserves=reserves)
    await _supply_liquidity(deployer, seed, tokens, aave.pool, prices_usd_e8, liquidity_scale, reserves)
    return BaseDeployment(deployer=account, tokens=tokens, feeds=feeds, aave=aave, start_block=1)


def update_feed(owner: str, feed: str, answer_usd_e8: int) -> Transaction:
    """Return the transaction that writes an answer of now."""
    return Transaction(sender=owner, to=feed, data=encode_call(SET_ANSWER, answer_usd_e8), gas=200_000)


def _create_tokens_and_feeds(
    deployer: Deployer, prices_usd_e8: Mapping[str, int]
) -> tuple[dict[str, str], dict[str, str]]:
    tokens: dict[str, str] = {}
    feeds: dict[str, str] = {}
    for reserve in RESERVES:
        tokens[reserve.symbol] = deployer.create(
            load_forge_artifact("SandboxToken"), {}, ("string", "string", "uint8"),
            reserve.name, reserve.symbol, reserve.decimals,
        )  # fmt: skip
        feeds[reserve.symbol] = deployer.create(
            load_forge_artifact("ScriptedFeed"), {}, ("uint8", "string", "int192"),
            FEED_DECIMALS, f"{reserve.symbol} / USD", prices_usd_e8[reserve.symbol],
        )  # fmt: skip
    return tokens, feeds


async def _supply_liquidity(
    deployer: Deployer, seed: int, tokens: Mapping[str, str], pool: str, prices_usd_e8: Mapping[str, int], scale: float,
    reserves: Sequence[Reserve],
) -> None:  # fmt: skip
    supplier = derive_account(seed, "supplier").address
    await deployer.chain.fund([supplier], FUNDING_WEI)
    side = Deployer(chain=deployer.chain, address=supplier, clock_s=deployer.clock_s)
    for reserve in reserves:
        token = tokens[reserve.symbol]
        amount = reserve.units(int(reserve.liquidity_usd * scale) * 10**8, prices_usd_e8[reserve.symbol])
        side.call(token, "mint(address,uint256)", supplier, amount)
        side.call(token, "approve(address,uint256)", pool, MAX_UINT)
        side.call(pool, SUPPLY, token, amount, supplier, 0)
    await side.run()
    deployer.clock_s = side.clock_s


async def deploy_accounts(deployer: Deployer, owners: list[str]) -> dict[str, str]:
    """Deploy a contract account for each owner and return account by owner; the code is the same, only the owner differs."""
    artifact = load_forge_artifact("ForwardingAccount")
    accounts = {
        owner: deployer.create_raw("ForwardingAccount", artifact.link({}) + encode(["address"], [owner]))
        for owner in owners
    }
    await deployer.run()
    return accounts
