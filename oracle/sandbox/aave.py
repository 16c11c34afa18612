"""Aave v3 as released on npm, deployed step by step: the real Pool, configurator, oracle and tokens.

Order: eight linked libraries, addresses provider, data provider, ACL manager and roles, pool and configurator proxies, oracle,
token implementations, rate strategies, `initReserves`, collateral and borrowing settings.
Source: `@aave/core-v3` 1.19.3; the order of aave/aave-v3-deploy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from eth_abi.abi import encode

from oracle.domain.ids import to_checksum
from oracle.errors import DeploymentError
from oracle.sandbox.accounts import created_address
from oracle.sandbox.artifacts import Artifact, load_aave_artifact
from oracle.sandbox.chains import AnvilChain
from oracle.sandbox.jsonrpc import Transaction, encode_call
from oracle.sandbox.reserves import RESERVES, Reserve

ZERO = "0x" + "00" * 20
RAY_PER_BPS = 10**23
DEPLOY_GAS = 12_000_000
BLOCK_S = 12
LIBRARIES = (
    "BorrowLogic", "SupplyLogic", "LiquidationLogic", "EModeLogic", "BridgeLogic", "ConfiguratorLogic",
    "FlashLoanLogic", "PoolLogic",
)  # fmt: skip
INIT_RESERVES = "initReserves((address,address,address,uint8,address,address,address,address,string,string,string,string,string,string,bytes)[])"
RESERVE_TOKENS = "getReserveTokensAddresses(address)"


@dataclass(slots=True)
class Deployer:
    """Sends one account's transactions at chosen block times and names the step that fails."""

    chain: AnvilChain
    address: str
    clock_s: int
    block_s: int = BLOCK_S
    nonce: int = 0
    queue: list[tuple[str, Transaction]] = field(default_factory=list)

    def create(
        self, artifact: Artifact, libraries: Mapping[str, str], types: Sequence[str] = (), *values: object
    ) -> str:
        """Queue a creation and return the address that it will have."""
        address = created_address(self.address, self.nonce)
        self._push(f"new {artifact.name}", None, artifact.link(libraries) + encode(list(types), list(values)))
        return address

    def create_raw(self, name: str, code: bytes) -> str:
        """Queue a creation from given code and return the address that it will have."""
        address = created_address(self.address, self.nonce)
        self._push(f"new {name}", None, code)
        return address

    def call(self, to: str, signature: str, *arguments: object) -> None:
        """Queue a call."""
        self._push(signature, to, encode_call(signature, *arguments))

    async def run(self) -> None:
        """Mine what is queued. Raises: DeploymentError for the first reverted transaction."""
        queued, self.queue = self.queue, []
        self.clock_s += self.block_s
        receipts = await self.chain.execute([transaction for _, transaction in queued], self.clock_s)
        for (step, transaction), receipt in zip(queued, receipts, strict=True):
            if receipt["status"] != "0x1":
                reason = await self.chain.explain_failure(transaction)
                raise DeploymentError(self.chain.chain_id, step, reason[:300])

    def _push(self, step: str, to: str | None, data: bytes) -> None:
        self.queue.append((step, Transaction(sender=self.address, to=to, data=data, gas=DEPLOY_GAS)))
        self.nonce += 1


@dataclass(frozen=True, slots=True, kw_only=True)
class AaveDeployment:
    """Addresses of one Aave v3 market; reserve tokens are by symbol: (aToken, stable debt, variable debt)."""

    pool: str
    addresses_provider: str
    configurator: str
    data_provider: str
    oracle: str
    treasury: str
    reserve_tokens: dict[str, tuple[str, str, str]]


async def deploy_aave(
    deployer: Deployer, *, tokens: Mapping[str, str], feeds: Mapping[str, str], treasury: str,
    reserves: Sequence[Reserve] = RESERVES,
) -> AaveDeployment:  # fmt: skip
    """Deploy the whole market for `tokens` (symbol to address) priced by `feeds`; roles go to the deployer."""
    libraries = _create_libraries(deployer)
    provider = deployer.create(
        _protocol("configuration/PoolAddressesProvider"), {}, ("string", "address"), "Assay sandbox", deployer.address
    )
    deployer.call(provider, "setACLAdmin(address)", deployer.address)
    data_provider = deployer.create(load_aave_artifact("misc/AaveProtocolDataProvider"), {}, ("address",), provider)
    deployer.call(provider, "setPoolDataProvider(address)", data_provider)
    acl_manager = deployer.create(_protocol("configuration/ACLManager"), {}, ("address",), provider)
    deployer.call(provider, "setACLManager(address)", acl_manager)
    for role in ("PoolAdmin", "AssetListingAdmin", "RiskAdmin", "EmergencyAdmin"):
        deployer.call(acl_manager, f"add{role}(address)", deployer.address)
    pool_code = deployer.create(_protocol("pool/Pool"), libraries, ("address",), provider)
    configurator_code = deployer.create(_protocol("pool/PoolConfigurator"), libraries)
    deployer.call(provider, "setPoolImpl(address)", pool_code)
    deployer.call(provider, "setPoolConfiguratorImpl(address)", configurator_code)
    oracle = _create_oracle(deployer, provider, tokens, feeds)
    await deployer.run()

    (pool,) = await deployer.chain.read(provider, "getPool()", returns=("address",))
    (configurator,) = await deployer.chain.read(provider, "getPoolConfigurator()", returns=("address",))
    _init_reserves(deployer, provider, pool, configurator, tokens, treasury, reserves)
    _configure_reserves(deployer, configurator, tokens, reserves)
    await deployer.run()

    reserve_tokens = {}
    for symbol, token in tokens.items():
        addresses = await deployer.chain.read(data_provider, RESERVE_TOKENS, token, returns=("address",) * 3)
        reserve_tokens[symbol] = (_checksum(addresses[0]), _checksum(addresses[1]), _checksum(addresses[2]))
    return AaveDeployment(
        pool=_checksum(pool), addresses_provider=provider, configurator=_checksum(configurator), data_provider=data_provider, oracle=oracle,
        treasury=treasury, reserve_tokens=reserve_tokens,
    )  # fmt: skip


def _checksum(address: str) -> str:
    return to_checksum(bytes.fromhex(address[2:]))


def _protocol(path: str) -> Artifact:
    return load_aave_artifact(f"protocol/{path}")


def _create_libraries(deployer: Deployer) -> dict[str, str]:
    libraries: dict[str, str] = {}
    for name in LIBRARIES:
        libraries[name] = deployer.create(_protocol(f"libraries/logic/{name}"), libraries)
    return libraries


def _create_oracle(deployer: Deployer, provider: str, tokens: Mapping[str, str], feeds: Mapping[str, str]) -> str:
    oracle = deployer.create(
        load_aave_artifact("misc/AaveOracle"), {},
        ("address", "address[]", "address[]", "address", "address", "uint256"),
        provider, list(tokens.values()), [feeds[symbol] for symbol in tokens], ZERO, ZERO, 10**8,
    )  # fmt: skip
    deployer.call(provider, "setPriceOracle(address)", oracle)
    return oracle


def _init_reserves(
    deployer: Deployer, provider: str, pool: str, configurator: str, tokens: Mapping[str, str], treasury: str,
    reserves: Sequence[Reserve],
) -> None:  # fmt: skip
    a_token = deployer.create(_protocol("tokenization/AToken"), {}, ("address",), pool)
    stable_debt = deployer.create(_protocol("tokenization/StableDebtToken"), {}, ("address",), pool)
    variable_debt = deployer.create(_protocol("tokenization/VariableDebtToken"), {}, ("address",), pool)
    inputs = [
        (
            a_token, stable_debt, variable_debt, reserve.decimals, _create_strategy(deployer, provider, reserve),
            tokens[reserve.symbol], treasury, ZERO,
            f"Aave {reserve.symbol}", f"a{reserve.symbol}",
            f"Aave Variable Debt {reserve.symbol}", f"variableDebt{reserve.symbol}",
            f"Aave Stable Debt {reserve.symbol}", f"stableDebt{reserve.symbol}", b"",
        )
        for reserve in reserves
    ]  # fmt: skip
    deployer.call(configurator, INIT_RESERVES, inputs)


def _create_strategy(deployer: Deployer, provider: str, reserve: Reserve) -> str:
    curve = reserve.curve
    rates = (curve.optimal_bps, curve.base_bps, curve.slope1_bps, curve.slope2_bps, 0, 0, 0, 0, 0)
    return deployer.create(
        _protocol("pool/DefaultReserveInterestRateStrategy"), {}, ("address", *("uint256",) * 9),
        provider, *(rate * RAY_PER_BPS for rate in rates),
    )  # fmt: skip


def _configure_reserves(
    deployer: Deployer, configurator: str, tokens: Mapping[str, str], reserves: Sequence[Reserve]
) -> None:
    for reserve in reserves:
        token = tokens[reserve.symbol]
        deployer.call(
            configurator, "configureReserveAsCollateral(address,uint256,uint256,uint256)", token,
            reserve.ltv_bps, reserve.liquidation_threshold_bps, reserve.liquidation_bonus_bps,
        )  # fmt: skip
        deployer.call(configurator, "setReserveBorrowing(address,bool)", token, True)
        deployer.call(configurator, "setReserveFactor(address,uint256)", token, reserve.reserve_factor_bps)
        fee_bps = reserve.liquidation_protocol_fee_bps
        deployer.call(configurator, "setLiquidationProtocolFee(address,uint256)", token, fee_bps)
