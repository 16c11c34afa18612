"""The `MarketReader` over JSON-RPC: all of a market's state at one block, believed only if two endpoints give the same.

The block is the lowest of the endpoints' newest, so that each of them has it; its hash is part of what has to agree. Unlike scores, quotes read
the newest block, not a finalised one, because that is what `borrow` will see.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

from oracle.api.market_calls import (
    Words,
    constants_calls,
    named_calls,
    parse_books,
    parse_collateral,
    parse_constants,
    parse_head,
    parse_mode,
    price_refusal,
    state_calls,
    view,
)
from oracle.api.markets import MarketConstants, MarketListing, MarketState
from oracle.chain.rpc import Call, Endpoint
from oracle.domain.ids import Address, Hash32, keccak256, to_hex
from oracle.domain.units import BlockNumber, ChainId, TimestampS
from oracle.errors import (
    ConfigurationError,
    EndpointDisagreementError,
    EndpointError,
    EndpointRefusalError,
    MarketReadError,
    TooFewEndpointsError,
)

AGREEING_ENDPOINTS = 2


class RpcMarkets:
    """Markets of several chains, each chain through at least two endpoints."""

    def __init__(self, endpoints: Mapping[ChainId, Sequence[Endpoint]]) -> None:
        self._endpoints = {chain: tuple(group) for chain, group in endpoints.items()}
        self._constants: dict[MarketListing, MarketConstants] = {}

    async def fetch_constants(self, listing: MarketListing) -> MarketConstants:
        """Return what never changes in a market, read once."""
        if listing not in self._constants:
            number, _, _ = await self._fetch_block(listing.chain_id)
            self._constants[listing] = await self._read_constants(listing, number)
        return self._constants[listing]

    async def fetch_state(self, listing: MarketListing, borrower: Address) -> MarketState:
        """Return everything that a quote for `borrower` depends on, at the newest block."""
        constants = await self.fetch_constants(listing)
        number, block_hash, time_s = await self._fetch_block(listing.chain_id)
        code_call: Call = ("eth_getCode", [to_hex(borrower), hex(number)])
        calls = [code_call, *state_calls(listing, constants, borrower, number)]
        try:
            code, *raw = await self._agree(listing.chain_id, number, calls)
            words = [Words.parse(answer) for answer in raw]
            value, refusal = await self._fetch_value(listing, borrower, number)
            is_open, counts_scores = parse_mode(words)
            books = parse_books(words, has_code=len(code) > 2, value_amount=value, price_refusal=refusal)
            return MarketState(
                chain_id=listing.chain_id,
                market=listing.market,
                block_number=number,
                block_hash=block_hash,
                block_time_s=time_s,
                constants=constants,
                head=parse_head(words),
                collateral=parse_collateral(words),
                is_open=is_open,
                counts_scores=counts_scores,
                exposure_cap_amount=words[13].uint(0),
                cash_amount=words[2].uint(0),
                total_exposure_amount=words[3].uint(0),
                base_rate_wad=words[4].uint(0),
                borrower=books,
            )
        except EndpointRefusalError as error:
            raise MarketReadError(to_hex(listing.market), error.reason) from error
        except (ValueError, IndexError) as error:
            raise MarketReadError(to_hex(listing.market), f"unexpected answer: {error}") from error

    async def fetch_symbol(self, chain_id: ChainId, token: Address) -> str | None:
        """Return what a token calls itself; None if it does not say, or says it as no string.

        Raises:
            ChainError: if the chain cannot be read.
        """
        number, _, _ = await self._fetch_block(chain_id)
        try:
            (answer,) = await self._agree(chain_id, number, [view(token, "symbol()", number=number)])
            (symbol,) = decode(("string",), bytes.fromhex(answer[2:]))
        except (EndpointRefusalError, DecodingError, ValueError, OverflowError):
            return None
        return str(symbol)

    async def _fetch_value(
        self, listing: MarketListing, borrower: Address, number: BlockNumber
    ) -> tuple[int | None, str]:
        """The collateral's value; None with the reason where the market refuses its own price."""
        call = view(listing.market, "collateralValueOf(address)", borrower, number=number)
        try:
            (answer,) = await self._agree(listing.chain_id, number, [call])
        except EndpointRefusalError as error:
            reason = price_refusal(error.reason)
            if reason is None:
                raise
            return None, reason
        return Words.parse(answer).uint(0), ""

    async def _read_constants(self, listing: MarketListing, number: BlockNumber) -> MarketConstants:
        try:
            raw = await self._agree(listing.chain_id, number, constants_calls(listing, number))
            words = [Words.parse(answer) for answer in raw]
            loan_token, gate, tables = words[1].address(0), words[8].address(0), words[9].address(0)
            symbol, decimals, code, most = await self._agree(
                listing.chain_id, number, named_calls(loan_token, tables, gate, number)
            )
            (loan_symbol,) = decode(("string",), bytes.fromhex(symbol[2:]))
            return parse_constants(
                words,
                loan_symbol=loan_symbol,
                loan_decimals=Words.parse(decimals).uint(0),
                # A data contract starts with a zero byte, so that nobody can call it.
                tables_hash=keccak256(bytes.fromhex(code[2:])[1:]),
                max_exposure_amount=Words.parse(most).uint(0),
            )
        except EndpointRefusalError as error:
            raise MarketReadError(to_hex(listing.market), error.reason) from error
        except (ValueError, IndexError, DecodingError) as error:
            raise MarketReadError(to_hex(listing.market), f"it is no scored market: {error}") from error

    async def _fetch_block(self, chain_id: ChainId) -> tuple[BlockNumber, Hash32, TimestampS]:
        answers = await self._ask_all(chain_id, "the newest block", [("eth_blockNumber", [])])
        number = BlockNumber(min(int(results[0], 16) for results in answers.values()))
        (block,) = await self._agree(chain_id, number, [("eth_getBlockByNumber", [hex(number), False])], is_block=True)
        block_hash, time_s = block
        return number, Hash32(bytes.fromhex(block_hash[2:])), TimestampS(int(time_s, 16))

    async def _agree(
        self, chain_id: ChainId, number: BlockNumber, calls: Sequence[Call], *, is_block: bool = False
    ) -> list[Any]:
        answers = await self._ask_all(chain_id, f"block {number}", calls)
        results = list(answers.values())
        if is_block:
            results = [[(block["hash"], block["timestamp"])] for (block,) in results if block]
        for candidate in results:
            if results.count(candidate) >= AGREEING_ENDPOINTS:
                return candidate
        digests = {name: to_hex(keccak256(str(answer).encode()))[:18] for name, answer in answers.items()}
        raise EndpointDisagreementError(chain_id, f"a market at block {number}", digests)

    async def _ask_all(self, chain_id: ChainId, what: str, calls: Sequence[Call]) -> dict[str, list[Any]]:
        """Return the answers by endpoint; a refusal that all give alike is the contract's."""
        endpoints = self._endpoints.get(chain_id)
        if endpoints is None:
            raise ConfigurationError(f"chain {chain_id} has a market listed and no endpoint: add two")
        given = await asyncio.gather(*(endpoint.batch(calls) for endpoint in endpoints), return_exceptions=True)
        answers: dict[str, list[Any]] = {}
        failures: list[EndpointError] = []
        for position, (endpoint, answer) in enumerate(zip(endpoints, given, strict=True)):
            if isinstance(answer, EndpointError):
                failures.append(answer)
            elif isinstance(answer, BaseException):
                raise answer
            else:
                answers[f"{position}:{endpoint.name}"] = answer
        if len(answers) >= AGREEING_ENDPOINTS:
            return answers
        refusals = [failure for failure in failures if isinstance(failure, EndpointRefusalError)]
        if len(refusals) >= AGREEING_ENDPOINTS and not answers:
            raise refusals[0]
        raise TooFewEndpointsError(chain_id, what, tuple(failures))
