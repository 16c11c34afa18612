"""Morpho Blue on one chain of a small world, with dozens of borrowers whose seeded acts take every path, and Morpho's own answers at a block."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

from oracle.chain.checked import CheckedChain
from oracle.chain.reader import ChainReader
from oracle.chain.rows import RowStore
from oracle.chain.rpc import RpcEndpoint
from oracle.domain.committee import ChainParams, MarketParams
from oracle.domain.ids import Address, parse_address, to_hex
from oracle.domain.units import BlockNumber
from oracle.sandbox import morpho
from oracle.sandbox.aave import Deployer
from oracle.sandbox.accounts import derive_account
from oracle.sandbox.artifacts import load_forge_artifact
from oracle.sandbox.chains import AnvilChain
from oracle.sandbox.deploy import MAX_UINT, update_feed
from oracle.sandbox.jsonrpc import Transaction, decode_words, encode_call
from oracle.sandbox.manifest import ChainEntry
from oracle.sandbox.morpho import MorphoDeployment, MorphoMarket, MorphoPlan
from oracle.sandbox.world import World
from tests.integration.chain_world import params_of

BORROWERS = 36
RATE_5_PERCENT_WAD = 5 * 10**16 // 31_536_000
PLANS = (
    MorphoPlan(collateral="WETH", loan="USDC", lltv_wad=86 * 10**16, rate_wad=RATE_5_PERCENT_WAD),
    MorphoPlan(collateral="WBTC", loan="USDC", lltv_wad=86 * 10**16, rate_wad=3 * RATE_5_PERCENT_WAD),
    MorphoPlan(collateral="wstETH", loan="WETH", lltv_wad=945 * 10**15, rate_wad=None),
)
WALLET_USD = 50_000_000
LENT_USD = 20_000_000
GAS = 600_000

type Act = tuple[str, str, str, tuple[Any, ...]]
"""Kind, sender, contract and signature with a space between, arguments."""


@dataclass(slots=True)
class MorphoStage:
    """What runs. `done` counts the acts that Morpho accepted, by kind."""

    world: World
    entry: ChainEntry
    deployment: MorphoDeployment
    borrowers: list[str]
    lender: str
    random: random.Random
    prices: dict[str, int]
    listed: list[bytes]
    """Ids of the markets that the committee configures."""
    done: Counter[str] = field(default_factory=Counter)

    @classmethod
    async def open(cls, world: World, entry: ChainEntry, *, seed: int = 1) -> MorphoStage:
        """Deploy on the chain and give everyone tokens and approvals."""
        chain = world.chain(entry.chain_id)
        owner = world.manifest.account("deployer", str(entry.chain_id)).address
        deployer = await _resume_deployer(chain, owner)
        lender = derive_account(seed, "morpho-lender").address
        deployment = await morpho.deploy_morpho(
            deployer,
            tokens={token.symbol: token.address for token in entry.tokens},
            feeds={token.symbol: token.feed for token in entry.tokens},
            fee_recipient=derive_account(seed, "morpho-fees").address,
            plans=PLANS,
        )
        chain.forget_nonces()
        borrowers = [derive_account(seed, "morpho-borrower", i).address for i in range(BORROWERS)]
        prices = {t.symbol: await world.fetch_price(t.symbol, chain_id=entry.chain_id) for t in entry.tokens}
        listed = [market.market_id for market in deployment.markets]
        stage = cls(world, entry, deployment, borrowers, lender, random.Random(seed), prices, listed)
        await chain.fund([lender, stage.outsider, *borrowers], 1_000 * 10**18)
        await stage._prepare()
        return stage

    async def create_silent_market(self) -> MorphoMarket:
        """Create a market whose model, the package's own mock, answers the utilization as a yearly rate and logs nothing; 1,000,000 USDC are lent to it."""
        chain = self.world.chain(self.entry.chain_id)
        deployer = await _resume_deployer(
            chain, self.world.manifest.account("deployer", str(self.entry.chain_id)).address
        )
        model = deployer.create(morpho.load_morpho_artifact("IrmMock"), {})
        deployer.call(self.deployment.morpho, "enableIrm(address)", model)
        loan, collateral, oracle, _, lltv_wad = self.deployment.markets[0].params
        market = MorphoMarket(collateral="WETH", loan="USDC", params=(loan, collateral, oracle, model, lltv_wad))
        deployer.call(self.deployment.morpho, morpho.CREATE_MARKET, market.params)
        await deployer.run()
        chain.forget_nonces()
        self.listed.append(market.market_id)
        lent = (market.params, 1_000_000 * 10**6, 0, self.lender, b"")
        assert all(await self.run([("lend", self.lender, self.call(morpho.SUPPLY), lent)]))
        return market

    @property
    def outsider(self) -> str:
        """Return an account that does nothing in markets which are listed."""
        return derive_account(1, "morpho-outsider").address

    async def create_own_market(self, who: str) -> MorphoMarket:
        """Let an account create a market as anyone may: with a price contract of its own, without interest. It lends to itself, borrows all of it, and repays half."""
        chain = self.world.chain(self.entry.chain_id)
        loan, collateral, _, _, lltv_wad = self.deployment.markets[0].params
        creator = await _resume_deployer(chain, who)
        priced = (self.entry.token("WETH").feed, collateral, self.entry.token("USDC").feed, loan)
        oracle = creator.create(load_forge_artifact("FeedPairOracle"), {}, ("address",) * 4, *priced)
        params = (loan, collateral, oracle, morpho.NO_MODEL, lltv_wad)
        creator.call(self.deployment.morpho, morpho.CREATE_MARKET, params)
        await creator.run()
        chain.forget_nonces()
        amount, secured = 10_000 * 10**6, self.units("WETH", 20_000)
        acts = [
            ("own lend", who, self.call(morpho.SUPPLY), (params, amount, 0, who, b"")),
            ("own collateral", who, self.call(morpho.SUPPLY_COLLATERAL), (params, secured, who, b"")),
            ("own borrow", who, self.call(morpho.BORROW), (params, amount, 0, who, who)),
            ("own repay", who, self.call(morpho.REPAY), (params, amount // 2, 0, who, b"")),
        ]
        assert all(await self.run(acts))
        return MorphoMarket(collateral="WETH", loan="USDC", params=params)

    def units(self, symbol: str, usd: float) -> int:
        return int(usd * 10 ** self.entry.token(symbol).decimals * 10**8 / self.prices[symbol])

    async def run(self, acts: list[Act], *, later_s: int = 12) -> list[bool]:
        """Mine acts in one block and return which were accepted."""
        chain = self.world.chain(self.entry.chain_id)
        _, head_s = await chain.fetch_head()
        sent = [
            Transaction(sender=sender, to=call.split(" ")[0], data=encode_call(call.split(" ")[1], *arguments), gas=GAS)
            for _, sender, call, arguments in acts
        ]
        receipts = await chain.execute(sent, head_s + later_s)
        accepted = [receipt["status"] == "0x1" for receipt in receipts]
        self.done.update(kind for (kind, *_), is_done in zip(acts, accepted, strict=True) if is_done)
        return accepted

    async def _prepare(self) -> None:
        acts: list[Act] = []
        for sender in (self.lender, self.outsider, *self.borrowers):
            for symbol in ("WETH", "WBTC", "wstETH", "USDC"):
                token = self.entry.token(symbol).address
                amount = self.units(symbol, 10 * WALLET_USD if sender == self.lender else WALLET_USD)
                acts.append(("mint", sender, f"{token} mint(address,uint256)", (sender, amount)))
                acts.append(
                    ("approve", sender, f"{token} approve(address,uint256)", (self.deployment.morpho, MAX_UINT))
                )
        for market in self.deployment.markets:
            lent = self.units(market.loan, LENT_USD)
            acts.append(("lend", self.lender, self.call(morpho.SUPPLY), (market.params, lent, 0, self.lender, b"")))
        assert all(await self.run(acts))

    def call(self, signature: str) -> str:
        return f"{self.deployment.morpho} {signature}"

    async def live(self, steps: int) -> None:
        """Let borrowers act for some steps of hours to days, prices and rates moving between them."""
        for _ in range(steps):
            await self._move_prices()
            acting = self.random.sample(self.borrowers, BORROWERS * 2 // 3)
            acts = [act for who in acting for act in self._choose(who)]
            await self.run(acts, later_s=self.random.choice([1, 12, 3_600, 7 * 3_600, 86_400]))

    async def _move_prices(self) -> None:
        owner = self.world.manifest.account("deployer", str(self.entry.chain_id)).address
        for symbol, most in (("WETH", 0.12), ("WBTC", 0.10), ("wstETH", 0.12), ("USDC", 0.003)):
            moved = self.prices[symbol] * (1 + self.random.uniform(-most, most))
            self.prices[symbol] = int(moved)
        updates = [update_feed(owner, self.entry.token(s).feed, self.prices[s]) for s in self.prices]
        market = self.random.choice(self.deployment.markets[:2])
        rate = (market.market_id, self.random.randrange(0, 8 * RATE_5_PERCENT_WAD))
        fee = (market.params, self.random.randrange(25 * 10**16))
        chain = self.world.chain(self.entry.chain_id)
        _, head_s = await chain.fetch_head()
        await chain.execute(updates, head_s + self.random.choice([1, 1_800]))
        chosen = self.random.random()
        if chosen < 0.3:
            await self.run([("rate", owner, f"{self.deployment.model} {morpho.SET_BORROW_RATE}", rate)])
        elif chosen < 0.6:
            await self.run([("fee", owner, self.call(morpho.SET_FEE), fee)])

    async def crash(self, symbol: str) -> None:
        """Take 30 % off a price: more than collateral, so that some debts are worth more than what secures them."""
        self.prices[symbol] = self.prices[symbol] * 7 // 10
        await self.world.set_price(symbol, self.prices[symbol], chain_id=self.entry.chain_id)

    def _choose(self, who: str) -> list[Act]:
        market = self.random.choice(self.deployment.markets)
        usd = self.random.uniform(5, 90_000)
        params, other = market.params, self.random.choice(self.borrowers)
        collateral, loan = self.units(market.collateral, usd), self.units(market.loan, usd)
        kind = self.random.choice(["open", "open", "open", "top-up", "borrow", "repay", "close", "withdraw", "accrue"])
        match kind:
            case "open":
                share = self.random.uniform(0.3, 0.93)
                return [
                    ("collateral", who, self.call(morpho.SUPPLY_COLLATERAL), (params, collateral, who, b"")),
                    ("borrow", who, self.call(morpho.BORROW), (params, int(loan * share), 0, who, who)),
                ]
            case "top-up":
                return [("gift", who, self.call(morpho.SUPPLY_COLLATERAL), (params, collateral, other, b""))]
            case "borrow":
                shares = loan * 10**6 // self.random.randint(2, 40)
                return [("borrow shares", who, self.call(morpho.BORROW), (params, 0, shares, who, who))]
            case "repay":
                return [("repay", who, self.call(morpho.REPAY), (params, loan // 7, 0, other, b""))]
            case "close":
                return [("ask", who, self.call(morpho.REPAY), (params, 0, 1, who, b""))]
            case "withdraw":
                return [("withdraw", who, self.call(morpho.WITHDRAW_COLLATERAL), (params, collateral // 9, who, who))]
        return [("accrue", who, self.call(morpho.ACCRUE_INTEREST), (params,))]

    async def end_some(self) -> None:
        """Let some borrowers repay their very last share, and a liquidator take part of what is unhealthy, or all, which leaves bad debt."""
        acts: list[Act] = []
        for market in self.deployment.markets:
            for who in self.borrowers:
                _, shares, collateral = await self.fetch_position(market, who, None)
                if shares and self.random.random() < 0.15:
                    acts.append(("close", who, self.call(morpho.REPAY), (market.params, 0, shares, who, b"")))
                elif shares and collateral:
                    is_all = self.random.random() < 0.4
                    taken = (collateral, 0) if is_all else (0, max(1, shares // 5))
                    kind = "seize all" if is_all else "liquidate"
                    acts.append((kind, self.lender, self.call(morpho.LIQUIDATE), (market.params, who, *taken, b"")))
        await self.run(acts)

    # --- Morpho's own answers ------------------------------------------------------------------

    async def ask(
        self, sender: str, signature: str, arguments: tuple[Any, ...], returns: list[str], block: int | None
    ) -> tuple[Any, ...] | str:
        """Return what a call would return at a block, or the reason why it would revert."""
        request = {"from": sender, "to": self.deployment.morpho, "data": to_hex(encode_call(signature, *arguments))}
        tag = "latest" if block is None else hex(block)
        answer = await self.world.chain(self.entry.chain_id).client.try_call("eth_call", request, tag)
        return str(answer["error"]) if "error" in answer else decode_words(returns, answer["result"])

    async def fetch_position(self, market: MorphoMarket, who: str, block: int | None) -> tuple[int, int, int]:
        """Return supply shares, borrow shares and collateral."""
        found = await self.ask(
            who, "position(bytes32,address)", (market.market_id, who), ["uint256", "uint128", "uint128"], block
        )
        assert not isinstance(found, str), found
        return (int(found[0]), int(found[1]), int(found[2]))

    async def fetch_owed(self, market: MorphoMarket, who: str, shares: int, block: int) -> int:
        """Return what closes a debt at a block, interest included: `expectedBorrowAssets` by the singleton itself."""
        found = await self.ask(
            self.lender, morpho.REPAY, (market.params, 0, shares, who, b""), ["uint256", "uint256"], block
        )
        assert not isinstance(found, str), found
        return int(found[0])

    async def fetch_is_healthy(self, market: MorphoMarket, who: str, block: int) -> bool:
        """Return whether a liquidation of one share is refused because the position is healthy."""
        found = await self.ask(
            self.lender, morpho.LIQUIDATE, (market.params, who, 0, 1, b""), ["uint256", "uint256"], block
        )
        assert not isinstance(found, str) or "position is healthy" in found, found
        return isinstance(found, str)

    async def fetch_supply_shares(self, market: MorphoMarket, amount: int, block: int) -> int:
        """Return the shares that a supply would get at a block, interest and fee included."""
        found = await self.ask(
            self.lender, morpho.SUPPLY, (market.params, amount, 0, self.lender, b""), ["uint256", "uint256"], block
        )
        assert not isinstance(found, str), found
        return int(found[1])

    # --- ours ----------------------------------------------------------------------------------

    @property
    def params(self) -> ChainParams:
        """Return the chain with its pool, the singleton and its listed markets."""
        base, start = params_of(self.entry), BlockNumber(self.deployment.start_block)
        places = [("morpho_blue", parse_address(self.deployment.morpho))]
        places += [("morpho_blue_market", Address(market_id[:20])) for market_id in self.listed]
        morpho_blue = [MarketParams(protocol=name, market=where, start_block=start) for name, where in places]
        return replace(base, markets=tuple(sorted((*base.markets, *morpho_blue), key=lambda m: m.market)))

    def open_reader(self, endpoints: list[RpcEndpoint], rows: RowStore) -> ChainReader:
        return ChainReader(self.params, CheckedChain(self.params.chain_id, endpoints), rows)

    @property
    def accounts(self) -> list[Address]:
        return [parse_address(who) for who in self.borrowers]


async def _resume_deployer(chain: AnvilChain, owner: str) -> Deployer:
    _, head_s = await chain.fetch_head()
    nonce = int(await chain.rpc("eth_getTransactionCount", owner, "latest"), 16)
    return Deployer(chain=chain, address=owner, clock_s=head_s, nonce=nonce)
