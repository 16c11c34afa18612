"""The real Venus core pool on a chain of a world: Unitroller, Diamond and facets, lens, bounded oracle and vTokens, as its npm package holds them.

Two parts stand in for what Venus runs elsewhere: its test oracle, which holds the answers of the world's feeds, and a contract that accepts any call as
protocol share reserve. Interest is per block: a year has few blocks here, so that it shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
import pytest

from oracle.domain.ids import keccak256
from oracle.sandbox.aave import Deployer
from oracle.sandbox.artifacts import REPOSITORY, Artifact
from oracle.sandbox.jsonrpc import Transaction, encode_call
from oracle.sandbox.manifest import ChainEntry
from oracle.sandbox.world import World

ARTIFACTS = REPOSITORY / "build" / "venus"
FACETS = ("Market", "Policy", "Reward", "Setter", "FlashLoan")
ACCEPTS_ANYTHING = bytes.fromhex("60016000f3")
"""Creation code of a contract whose code is one STOP."""
WAD = 10**18
BLOCKS_PER_YEAR = 20_000
INITIAL_RATE_WAD = 2 * 10**16
CAP = 2**200
THRESHOLDS_PERCENT = {"WETH": (80, 83), "WBTC": (70, 75), "USDC": (80, 85), "DAI": (75, 80)}
RESERVE_FACTOR_PERCENT = 20
REDUCE_EVERY_BLOCKS = 7
DIAMOND_CUT = "diamondCut((address,uint8,bytes4[])[])"
SET_FACTORS = "setCollateralFactor(address,uint256,uint256)"


def require_artifacts() -> None:
    """Fail with the command that fetches the package's contracts, if they are not there."""
    if not (ARTIFACTS / "contracts").is_dir():
        pytest.fail("build/venus holds no contracts: run `make venus` (57 MB from npm, once)", pytrace=False)


def load_artifact(path: str) -> dict[str, Any]:
    """Return a compiled contract of the package, e.g. `contracts/Lens/ComptrollerLens`."""
    content: dict[str, Any] = orjson.loads((ARTIFACTS / f"{path}.sol" / f"{path.rsplit('/', 1)[-1]}.json").read_bytes())
    return content


class VenusMarket:
    """A market in the making and then in use; `clock_s` is the time of its last block."""

    def __init__(self, world: World, entry: ChainEntry) -> None:
        self.world = world
        self.entry = entry
        self.chain = world.chain(entry.chain_id)
        self.admin = world.manifest.account("deployer", str(entry.chain_id)).address
        self.tokens = {t.symbol: t for t in entry.tokens}
        self.v_tokens: dict[str, str] = {}
        self.comptroller = self.oracle = self.flash_receiver = self.share_reserve = self.access = self.rates = ""

    async def deploy(self, symbols: Sequence[str]) -> None:
        """Deploy the pool and list a vToken for each symbol."""
        deployer = await self._deployer()
        self.comptroller = deployer.create(_artifact("contracts/Comptroller/Unitroller"), {})
        diamond = deployer.create(_artifact("contracts/Comptroller/Diamond/Diamond"), {})
        deployer.call(self.comptroller, "_setPendingImplementation(address)", diamond)
        deployer.call(diamond, "_become(address)", self.comptroller)
        deployer.call(self.comptroller, DIAMOND_CUT, self._create_facets(deployer))
        self._configure(deployer)
        half, one = WAD // 2, WAD
        self.rates = deployer.create(
            _artifact("contracts/InterestRateModels/JumpRateModel"), {}, ("uint256",) * 5,
            one // 50, one // 5, 3 * one, 8 * one // 10, BLOCKS_PER_YEAR,
        )  # fmt: skip
        deployer.call(self.comptroller, "_setCloseFactor(uint256)", half)
        await deployer.run()
        await self.refresh_prices()
        for symbol in symbols:
            await self.list_token(symbol)

    async def list_token(self, symbol: str) -> None:
        """Deploy a vToken and list it, in two blocks; its reserve factor follows the listing, as in Venus's proposals."""
        deployer = await self._deployer()
        token = self.tokens[symbol]
        v_token = deployer.create(
            _artifact("contracts/Tokens/VTokens/VBep20Immutable"), {},
            ("address", "address", "address", "uint256", "string", "string", "uint8", "address"),
            token.address, self.comptroller, self.rates, INITIAL_RATE_WAD * 10 ** (token.decimals + 10) // WAD,
            f"Venus {symbol}", f"v{symbol}", 8, self.admin,
        )  # fmt: skip
        deployer.call(v_token, "setAccessControlManager(address)", self.access)
        deployer.call(v_token, "setProtocolShareReserve(address)", self.share_reserve)
        deployer.call(v_token, "setReduceReservesBlockDelta(uint256)", REDUCE_EVERY_BLOCKS)
        await deployer.run()
        factor, threshold = (WAD * percent // 100 for percent in THRESHOLDS_PERCENT[symbol])
        deployer.call(self.comptroller, "_supportMarket(address)", v_token)
        deployer.call(self.comptroller, "_setMarketSupplyCaps(address[],uint256[])", [v_token], [CAP])
        deployer.call(self.comptroller, "_setMarketBorrowCaps(address[],uint256[])", [v_token], [CAP])
        deployer.call(self.comptroller, "setIsBorrowAllowed(uint96,address,bool)", 0, v_token, True)
        deployer.call(self.comptroller, "setLiquidationIncentive(address,uint256)", v_token, 11 * WAD // 10)
        deployer.call(self.comptroller, SET_FACTORS, v_token, factor, threshold)
        deployer.call(v_token, "_setReserveFactor(uint256)", WAD * RESERVE_FACTOR_PERCENT // 100)
        deployer.call(v_token, "setFlashLoanEnabled(bool)", True)
        deployer.call(v_token, "setFlashLoanFeeMantissa(uint256,uint256)", WAD // 1_000, WAD // 4)
        await deployer.run()
        self.v_tokens[symbol] = v_token

    async def refresh_prices(self) -> None:
        """Give the oracle the feeds' last answers, scaled to 36 decimals less the token's."""
        transactions = []
        for symbol, token in self.tokens.items():
            price = await self.world.fetch_price(symbol, chain_id=self.entry.chain_id)
            data = encode_call("setDirectPrice(address,uint256)", token.address, price * 10 ** (28 - token.decimals))
            transactions.append(Transaction(sender=self.admin, to=self.oracle, data=data))
        await self.execute(transactions, must_succeed=True)

    async def set_price(self, symbol: str, price_usd_e8: int) -> None:
        """Move a feed and the oracle."""
        await self.world.set_price(symbol, price_usd_e8, chain_id=self.entry.chain_id)
        await self.refresh_prices()

    async def execute(self, transactions: Sequence[Transaction], *, must_succeed: bool = False) -> int:
        """Mine transactions in one block and return how many did not revert."""
        receipts = await self.world.execute(self.entry.chain_id, transactions)
        failed = [t for t, r in zip(transactions, receipts, strict=True) if r["status"] != "0x1"]
        if must_succeed and failed:
            raise AssertionError(await self.chain.explain_failure(failed[0]))
        return len(transactions) - len(failed)

    async def govern(self, to: str, signature: str, *arguments: object) -> None:
        """Send one of the admin's calls."""
        data = encode_call(signature, *arguments)
        await self.execute([Transaction(sender=self.admin, to=to, data=data, gas=5_000_000)], must_succeed=True)

    async def view(
        self, calls: Sequence[tuple[str, str, tuple[object, ...]]], returns: int, block: str
    ) -> list[tuple[int, ...]]:
        """Return the words that view calls answer at a block, `returns` of each."""
        batch = [
            ("eth_call", [{"to": to, "data": "0x" + encode_call(signature, *arguments).hex()}, block])
            for to, signature, arguments in calls
        ]
        answers = [bytes.fromhex(answer[2:]) for answer in await self.chain.client.batch(batch)]
        return [tuple(int.from_bytes(a[32 * i : 32 * i + 32], "big") for i in range(returns)) for a in answers]

    async def _deployer(self) -> Deployer:
        _, head_s = await self.chain.fetch_head()
        self.chain.forget_nonces()
        nonce = int(await self.chain.rpc("eth_getTransactionCount", self.admin, "latest"), 16)
        return Deployer(chain=self.chain, address=self.admin, clock_s=head_s, nonce=nonce)

    def _create_facets(self, deployer: Deployer) -> list[tuple[str, int, list[bytes]]]:
        taken = set(_selectors("contracts/Comptroller/Diamond/Diamond"))
        cuts = []
        for name in FACETS:
            path = f"contracts/Comptroller/Diamond/facets/{name}Facet"
            mine = [s for s in _selectors(path) if s not in taken]
            taken.update(mine)
            cuts.append((deployer.create(_artifact(path), {}), 0, mine))
        return cuts

    def _configure(self, deployer: Deployer) -> None:
        self.oracle = deployer.create(_artifact("contracts/test/SimplePriceOracle"), {})
        self.access = deployer.create(
            _artifact("contracts/test/AccessControlManagerMock"), {}, ("address",), self.admin
        )
        self.share_reserve = deployer.create_raw("share reserve", ACCEPTS_ANYTHING)
        lens = deployer.create(_artifact("contracts/Lens/ComptrollerLens"), {})
        bounded = deployer.create(
            _artifact("@venusprotocol/oracle/contracts/DeviationBoundedOracle"), {}, ("address",) * 3,
            self.oracle, self.share_reserve, self.share_reserve,
        )  # fmt: skip
        self.flash_receiver = deployer.create(
            _artifact("contracts/test/BorrowDebtFlashLoanReceiver"), {}, ("address",), self.comptroller
        )
        deployer.call(self.comptroller, "_setAccessControl(address)", self.access)
        deployer.call(self.comptroller, "_setPriceOracle(address)", self.oracle)
        deployer.call(self.comptroller, "setDeviationBoundedOracle(address)", bounded)
        deployer.call(self.comptroller, "_setComptrollerLens(address)", lens)


def _artifact(path: str) -> Artifact:
    return Artifact(name=path.rsplit("/", 1)[-1], code_hex=load_artifact(path)["bytecode"].removeprefix("0x"), holes=())


def _selectors(path: str) -> list[bytes]:
    functions = [item for item in load_artifact(path)["abi"] if item["type"] == "function"]
    return [keccak256(f"{f['name']}({','.join(map(_type_of, f['inputs']))})".encode())[:4] for f in functions]


def _type_of(argument: dict[str, Any]) -> str:
    kind: str = argument["type"]
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(map(_type_of, argument['components']))}){kind.removeprefix('tuple')}"
