"""Random activity of many borrowers on the Venus market of a world, the same for a seed: what is refused is part of it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import batched

from oracle.domain.ids import keccak256, to_checksum
from oracle.sandbox.jsonrpc import Transaction, encode_call
from tests.integration.venus_market import WAD, VenusMarket

BORROWERS = 36
LIQUIDATOR_AND_HELPERS = 3
ETHER = 10**18
MAX_UINT = 2**256 - 1
WALLET_USD = 50_000_000
GAS = 2_500_000
SILENT_BLOCKS = 20
BLOCK_S = 12


class VenusActivity:
    """Moves of borrowers, helpers and a liquidator, and silence in between, so that interest grows."""

    def __init__(self, market: VenusMarket, seed: int) -> None:
        self.market = market
        self.random = random.Random(seed)
        names = [f"venus actor {seed} {i}" for i in range(BORROWERS + LIQUIDATOR_AND_HELPERS)]
        self.actors = [to_checksum(keccak256(name.encode())[12:]) for name in names]
        self.borrowers, self.others = self.actors[:BORROWERS], self.actors[BORROWERS:]

    async def fund(self, symbols: Sequence[str]) -> None:
        """Give every actor tokens and approve the vTokens; the others supply most of the cash."""
        market = self.market
        await market.chain.fund(self.actors, 1_000 * ETHER)
        for symbol in symbols:
            token, v_token = market.tokens[symbol], market.v_tokens[symbol]
            amount = await self._units(symbol, WALLET_USD)
            sent = []
            for actor in self.actors:
                sent.append(self._call(actor, token.address, "mint(address,uint256)", actor, amount))
                sent.append(self._call(actor, token.address, "approve(address,uint256)", v_token, MAX_UINT))
            sent += [self._call(other, v_token, "mint(uint256)", amount // 50) for other in self.others]
            await market.execute(sent, must_succeed=True)

    async def open_all(self) -> None:
        """Every borrower supplies one or two tokens, enters them and borrows a part of what that allows."""
        sent = []
        for borrower in self.borrowers:
            for symbol in self.random.sample(sorted(self.market.v_tokens), self.random.choice((1, 1, 2))):
                v_token = self.market.v_tokens[symbol]
                amount = await self._units(symbol, self.random.randint(1_000, 90_000))
                sent.append(self._call(borrower, v_token, "mint(uint256)", amount))
                sent.append(self._call(borrower, self.market.comptroller, "enterMarkets(address[])", [v_token]))
        await self.market.execute(sent, must_succeed=True)
        await self._borrow_round(self.borrowers, (30, 97))

    async def play(self, rounds: int) -> None:
        """Let a random part of the borrowers act in each round, and prices move a little."""
        for number in range(rounds):
            acting = [b for b in self.borrowers if self.random.random() < 0.5]
            sent = [t for borrower in acting for t in await self._act(borrower)]
            await self.market.execute(sent)
            await self._borrow_round(self.random.sample(self.borrowers, 6), (10, 90))
            await self.market.chain.rpc("anvil_mine", hex(SILENT_BLOCKS), hex(BLOCK_S))
            if number % 3 == 2:
                symbol = self.random.choice(("WETH", "WBTC"))
                price = await self.market.world.fetch_price(symbol, chain_id=self.market.entry.chain_id)
                await self.market.set_price(symbol, price * self.random.randint(970, 1_035) // 1_000)

    async def liquidate_all(self) -> None:
        """Repay up to half a debt of everyone in shortfall, for each collateral that covers it."""
        liquidator, market = self.others[0], self.market
        calls = [(market.comptroller, "getAccountLiquidity(address)", (b,)) for b in self.borrowers]
        standings = await market.view(calls, 3, "latest")
        sent = []
        for borrower, (_, _, shortfall) in zip(self.borrowers, standings, strict=True):
            if not shortfall:
                continue
            snapshots = await self._snapshots(borrower)
            debts = [v for v, (_, _, debt, _) in snapshots.items() if debt]
            held = [v for v, (_, shares, _, _) in snapshots.items() if shares]
            debt = self.random.choice(debts)
            amount = snapshots[debt][2] * self.random.randint(5, 45) // 100
            sent += [
                self._call(liquidator, debt, "liquidateBorrow(address,uint256,address)", borrower, amount, v)
                for v in held
            ]
        await market.execute(sent)

    async def enter_pool(self, pool_id: int) -> int:
        """Let every borrower try to enter a pool; return how many may: those who owe nothing that it does not lend."""
        data = (self.market.comptroller, "enterPool(uint96)", pool_id)
        return await self.market.execute([self._call(b, *data) for b in self.borrowers])

    async def give(self, symbol: str, *, usd: int) -> None:
        """Add to a vToken's reserves, and send it as much again without a word: only a sync makes that cash."""
        giver, token, v_token = self.others[0], self.market.tokens[symbol], self.market.v_tokens[symbol]
        amount = await self._units(symbol, usd)
        calls = [
            self._call(giver, v_token, "_addReserves(uint256)", amount),
            self._call(giver, token.address, "transfer(address,uint256)", v_token, amount),
        ]
        await self.market.execute(calls, must_succeed=True)

    async def redeem(self, symbol: str, *, usd: int) -> None:
        """Let a supplier take out a part, less the treasury's fee."""
        call = (self.market.v_tokens[symbol], "redeemUnderlying(uint256)", await self._units(symbol, usd))
        await self.market.execute([self._call(self.others[2], *call)], must_succeed=True)

    async def flash_loan(self, borrower: str, symbol: str) -> None:
        """Take a flash loan whose fee is left unpaid: it becomes the borrower's debt without cash leaving."""
        market = self.market
        await market.govern(market.comptroller, "setWhiteListFlashLoanAccount(address,bool)", borrower, True)
        amount = await self._units(symbol, 200_000)
        loan = "executeFlashLoan(address,address,address[],uint256[],bytes)"
        data = (borrower, market.flash_receiver, [market.v_tokens[symbol]], [amount], b"")
        await market.execute([self._call(borrower, market.comptroller, loan, *data)], must_succeed=True)

    async def _act(self, borrower: str) -> list[Transaction]:
        symbol = self.random.choice(sorted(self.market.v_tokens))
        v_token, comptroller = self.market.v_tokens[symbol], self.market.comptroller
        usd = self.random.randint(20, 15_000)
        amount = await self._units(symbol, usd)
        other, helper = self.random.choice(self.actors), self.random.choice(self.others)
        shares = (await self._snapshots(borrower))[v_token][1] * self.random.randint(1, 60) // 100
        match self.random.randrange(10):
            case 0:
                return [self._call(borrower, v_token, "mint(uint256)", amount)]
            case 1:
                return [self._call(helper, v_token, "mintBehalf(address,uint256)", borrower, amount)]
            case 2:
                return [self._call(borrower, v_token, "redeem(uint256)", shares)]
            case 3:
                return [self._call(borrower, v_token, "redeemUnderlying(uint256)", amount // 10)]
            case 4 | 5:
                return [self._call(borrower, v_token, "repayBorrow(uint256)", self.random.choice((amount, MAX_UINT)))]
            case 6:
                return [self._call(helper, v_token, "repayBorrowBehalf(address,uint256)", borrower, amount)]
            case 7:
                return [self._call(borrower, v_token, "transfer(address,uint256)", other, shares)]
            case 8:
                return [
                    self._call(borrower, comptroller, "exitMarket(address)", v) for v in self.market.v_tokens.values()
                ]
            case _:
                return [self._call(borrower, comptroller, "enterMarkets(address[])", [v_token])]

    async def _borrow_round(self, borrowers: Sequence[str], percent: tuple[int, int]) -> None:
        calls = [(self.market.comptroller, "getBorrowingPower(address)", (b,)) for b in borrowers]
        sent = []
        for borrower, (_, power, _) in zip(borrowers, await self.market.view(calls, 3, "latest"), strict=True):
            symbol = self.random.choice(sorted(self.market.v_tokens))
            usd_e8 = power * self.random.randint(*percent) // 100 // 10**10
            amount = await self._units(symbol, 1) * usd_e8 // 10**8
            sent.append(self._call(borrower, self.market.v_tokens[symbol], "borrow(uint256)", amount))
        await self.market.execute(sent)

    async def _snapshots(self, account: str) -> dict[str, tuple[int, ...]]:
        """Return (error, shares, debt, exchange rate) by vToken."""
        v_tokens = list(self.market.v_tokens.values())
        calls = [(v, "getAccountSnapshot(address)", (account,)) for v in v_tokens]
        return dict(zip(v_tokens, await self.market.view(calls, 4, "latest"), strict=True))

    async def _units(self, symbol: str, usd: int) -> int:
        price = await self.market.world.fetch_price(symbol, chain_id=self.market.entry.chain_id)
        return usd * 10**8 * int(10 ** self.market.tokens[symbol].decimals) // price

    @staticmethod
    def _call(sender: str, to: str, signature: str, *arguments: object) -> Transaction:
        return Transaction(sender=sender, to=to, data=encode_call(signature, *arguments), gas=GAS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What the contracts say of an account: sums in 10^-18 dollars, underlying amounts by vToken."""

    weighted_wad: int
    debt_wad: int
    collateral_amounts: dict[str, int]
    debt_amounts: dict[str, int]


async def fetch_expected(market: VenusMarket, account: str, block: str) -> Expected:
    """Return an account's standing from the contracts' own views at a block, held against `getAccountLiquidity` there."""
    comptroller, v_tokens = market.comptroller, list(market.v_tokens.values())
    views: list[tuple[str, str, tuple[object, ...]]] = [(comptroller, "getAccountLiquidity(address)", (account,))]
    for v_token in v_tokens:
        views += [
            (v_token, "getAccountSnapshot(address)", (account,)),
            (comptroller, "getEffectiveLtvFactor(address,address,uint8)", (account, v_token, 1)),
            (comptroller, "checkMembership(address,address)", (account, v_token)),
            (comptroller, "markets(address)", (v_token,)),
            (market.oracle, "getUnderlyingPrice(address)", (v_token,)),
        ]
    (_, liquidity, shortfall, _), *answers = await market.view(views, 4, block)
    weighted, owed = 0, 0
    held: dict[str, int] = {}
    debts: dict[str, int] = {}
    for v_token, (snapshot, *facts) in zip(v_tokens, batched(answers, 5), strict=True):
        (_, shares, debt, rate), (factor, is_member, is_listed, price) = snapshot, (words[0] for words in facts)
        if not is_member or not is_listed:
            continue
        weighted += factor * rate // WAD * price // WAD * shares // WAD
        owed += price * debt // WAD
        if shares and factor:
            held[v_token] = shares * rate // WAD
        if debt:
            debts[v_token] = debt
    assert (liquidity, shortfall) == (max(0, weighted - owed), max(0, owed - weighted)), account
    return Expected(weighted_wad=weighted, debt_wad=owed, collateral_amounts=held, debt_amounts=debts)
