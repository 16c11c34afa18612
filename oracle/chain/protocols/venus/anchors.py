"""The fixed addresses of a Venus market that no log names: which token each vToken is made of."""

from __future__ import annotations

from oracle.chain.adapter import ViewCall
from oracle.chain.asking import AGREEING_ENDPOINTS
from oracle.domain.ids import Address, keccak256, to_hex
from oracle.errors import ConfigurationError, EndpointRefusalError, TooFewEndpointsError

GET_ALL_MARKETS = keccak256(b"getAllMarkets()")[:4]
UNDERLYING = keccak256(b"underlying()")[:4]
WORD_BYTES = 32


async def fetch_anchors(market: Address, call: ViewCall) -> tuple[Address, ...]:
    """Return each vToken that was ever listed, followed by its underlying token.

    Raises:
        ConfigurationError: if the market is no Comptroller, or a vToken has no underlying token.
    """
    answer = await call(market, GET_ALL_MARKETS)
    words = [answer[i : i + WORD_BYTES] for i in range(0, len(answer), WORD_BYTES)]
    if len(words) < 2 or _uint(words[0]) != WORD_BYTES or _uint(words[1]) != len(words) - 2:
        raise ConfigurationError(
            f"market {to_hex(market)} answers {to_hex(answer[:64])} instead of a list: it is no Venus Comptroller on this chain"
        )
    anchors: list[Address] = []
    for word in words[2:]:
        v_token = _parse_address(market, word)
        anchors += (v_token, _parse_address(v_token, await _fetch_underlying(market, v_token, call)))
    return tuple(anchors)


async def _fetch_underlying(market: Address, v_token: Address, call: ViewCall) -> bytes:
    try:
        return await call(v_token, UNDERLYING)
    except TooFewEndpointsError as error:
        refusals = [f for f in error.failures if isinstance(f, EndpointRefusalError) and "revert" in f.reason.lower()]
        if len(refusals) < AGREEING_ENDPOINTS:
            raise
        raise ConfigurationError(
            f"market {to_hex(market)}: vToken {to_hex(v_token)} has no underlying(), as vBNB, which holds the chain's own coin: "
            "such a market cannot be followed, leave it out of the committee's configuration"
        ) from error


def _uint(word: bytes) -> int:
    return int.from_bytes(word, "big")


def _parse_address(contract: Address, word: bytes) -> Address:
    if len(word) != WORD_BYTES or any(word[:12]) or not any(word):
        raise ConfigurationError(f"{to_hex(contract)} answers {to_hex(word[:64])} instead of an address")
    return Address(word[12:])
