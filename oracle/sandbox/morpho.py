"""Morpho Blue as compiled from its npm sources, deployed beside Aave: the singleton, a rate model, and isolated markets over the sandbox's feeds.

Order: singleton, model, its fees' recipient, liquidation LTVs, a price contract for each market, rates, markets. Rates come before markets, so that the model's
log tells them from the first second. Source: `@morpho-org/morpho-blue` 1.0.0; build settings in `contracts/tools/compile-morpho`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import orjson
from eth_abi.abi import encode

from oracle.domain.ids import keccak256
from oracle.errors import MissingArtifactError
from oracle.sandbox.aave import Deployer
from oracle.sandbox.artifacts import REPOSITORY, Artifact, load_forge_artifact

MORPHO_ARTIFACTS = REPOSITORY / "build" / "morpho"
NO_MODEL = "0x" + "00" * 20
PARAMS = "(address,address,address,address,uint256)"
CREATE_MARKET = f"createMarket({PARAMS})"
SUPPLY = f"supply({PARAMS},uint256,uint256,address,bytes)"
WITHDRAW = f"withdraw({PARAMS},uint256,uint256,address,address)"
SUPPLY_COLLATERAL = f"supplyCollateral({PARAMS},uint256,address,bytes)"
WITHDRAW_COLLATERAL = f"withdrawCollateral({PARAMS},uint256,address,address)"
BORROW = f"borrow({PARAMS},uint256,uint256,address,address)"
REPAY = f"repay({PARAMS},uint256,uint256,address,bytes)"
LIQUIDATE = f"liquidate({PARAMS},address,uint256,uint256,bytes)"
ACCRUE_INTEREST = f"accrueInterest({PARAMS})"
SET_FEE = f"setFee({PARAMS},uint256)"
SHARES_PER_UNIT = 10**6
"""What a unit is worth in shares while no interest has accrued."""
SET_BORROW_RATE = "setBorrowRate(bytes32,uint256)"

MarketTuple = tuple[str, str, str, str, int]
"""Loan token, collateral token, oracle, model, liquidation LTV: how a market is named in every call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MorphoPlan:
    """A market to create. `rate_wad` is per second; None makes a market without a model, which bears no interest."""

    collateral: str
    loan: str
    lltv_wad: int
    rate_wad: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MorphoMarket:
    """A market that stands: tokens by symbol, `params` for calls."""

    collateral: str
    loan: str
    params: MarketTuple

    @property
    def market_id(self) -> bytes:
        """Return its id as logs have it."""
        return compute_market_id(self.params)


@dataclass(frozen=True, slots=True, kw_only=True)
class MorphoDeployment:
    """The singleton, which the deployer owns, the model, and the markets in the order of their plans."""

    morpho: str
    model: str
    start_block: int
    markets: tuple[MorphoMarket, ...]


@lru_cache(maxsize=8)
def load_morpho_artifact(name: str) -> Artifact:
    """Return a contract of the package: `Morpho`, or `IrmMock`, whose rate is the utilization a year."""
    path = MORPHO_ARTIFACTS / f"{name}.json"
    try:
        content = orjson.loads(path.read_bytes())
    except FileNotFoundError as cause:
        raise MissingArtifactError(str(path.relative_to(REPOSITORY)), "make contracts") from cause
    return Artifact(name=name, code_hex=content["bytecode"], holes=())


def compute_market_id(params: MarketTuple) -> bytes:
    """Return the id of a market. Source: morpho-blue 1.0.0, `MarketParamsLib`."""
    return keccak256(encode(["address", "address", "address", "address", "uint256"], list(params)))


async def deploy_morpho(
    deployer: Deployer,
    *,
    tokens: Mapping[str, str],
    feeds: Mapping[str, str],
    fee_recipient: str,
    plans: Sequence[MorphoPlan],
) -> MorphoDeployment:
    """Deploy the singleton and create a market for each plan; `tokens` and `feeds` are addresses by symbol.

    Raises: DeploymentError for the first reverted step, MissingArtifactError before `make contracts`.
    """
    morpho = deployer.create(load_morpho_artifact("Morpho"), {}, ("address",), deployer.address)
    model = deployer.create(load_forge_artifact("ScriptedIrm"), {})
    deployer.call(morpho, "setFeeRecipient(address)", fee_recipient)
    for address in (model, NO_MODEL):
        deployer.call(morpho, "enableIrm(address)", address)
    for lltv_wad in dict.fromkeys(plan.lltv_wad for plan in plans):
        deployer.call(morpho, "enableLltv(uint256)", lltv_wad)
    await deployer.run()
    start_block, _ = await deployer.chain.fetch_head()
    markets = tuple(create_market(deployer, morpho, model, plan, tokens, feeds) for plan in plans)
    await deployer.run()
    return MorphoDeployment(morpho=morpho, model=model, start_block=start_block, markets=markets)


def create_market(
    deployer: Deployer, morpho: str, model: str, plan: MorphoPlan, tokens: Mapping[str, str], feeds: Mapping[str, str]
) -> MorphoMarket:
    """Queue the creation of a market with a price contract of its own, its rate first."""
    loan, collateral = tokens[plan.loan], tokens[plan.collateral]
    oracle = deployer.create(
        load_forge_artifact("FeedPairOracle"), {}, ("address",) * 4,
        feeds[plan.collateral], collateral, feeds[plan.loan], loan,
    )  # fmt: skip
    params = (loan, collateral, oracle, NO_MODEL if plan.rate_wad is None else model, plan.lltv_wad)
    market = MorphoMarket(collateral=plan.collateral, loan=plan.loan, params=params)
    if plan.rate_wad is not None:
        deployer.call(model, SET_BORROW_RATE, market.market_id, plan.rate_wad)
    deployer.call(morpho, CREATE_MARKET, params)
    return market
