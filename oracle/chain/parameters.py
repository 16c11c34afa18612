"""Rules of markets over time, as their logs set them: thresholds, bonuses, categories, caps. Features do not need them; training and analysts do.

Only indexed rows are read, so a rule appears where its protocol's adapter asks for its log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from oracle.chain.protocols import Anchors, list_contracts
from oracle.chain.protocols.aave_v3 import adapter as aave_v3
from oracle.chain.protocols.aave_v3.parameters import PARAMETER_READERS as AAVE_V3_READERS
from oracle.chain.protocols.morpho_blue import adapter as morpho_blue
from oracle.chain.protocols.morpho_blue.parameters import PARAMETER_READERS as MORPHO_BLUE_READERS
from oracle.chain.protocols.venus import adapter as venus
from oracle.chain.protocols.venus.parameters import PARAMETER_READERS as VENUS_READERS
from oracle.chain.rows import LogRow
from oracle.domain.committee import ChainParams, MarketParams
from oracle.domain.ids import Address, Hash32
from oracle.domain.market import ParameterChange

type ParameterReader = Callable[[LogRow], Iterator[tuple[Address | None, Address, str, int]]]
"""Yields (market, or None for the contract itself; token, or zero for the whole market; name; value) of a row."""

READERS: Mapping[str, Mapping[Hash32, ParameterReader]] = {
    aave_v3.PROTOCOL: AAVE_V3_READERS,
    morpho_blue.PROTOCOL: MORPHO_BLUE_READERS,
    venus.PROTOCOL: VENUS_READERS,
}


def list_parameters(params: ChainParams, anchors: Anchors, rows: Iterable[LogRow]) -> Iterator[ParameterChange]:
    """Yield every change of configured markets that rows of a chain hold, in their order; only contracts that belong to one by configuration speak for it."""
    configured = {market.market for market in params.markets}
    homes: dict[Address, MarketParams] = {}
    for market in list_contracts(params):
        homes.update(dict.fromkeys((market.market, *anchors[market.market]), market))
    for row in rows:
        home = homes.get(row.address)
        if home is None:
            continue
        reader = READERS.get(home.protocol, {}).get(Hash32(row.topics[:32]))
        for label, token, name, amount in reader(row) if reader is not None else ():
            place = home.market if label is None else label
            if place not in configured:
                continue
            yield ParameterChange(
                chain_id=params.chain_id,
                block_number=row.block_number,
                log_index=row.log_index,
                time_s=row.time_s,
                protocol=home.protocol,
                market=place,
                token=token,
                name=name,
                amount=amount,
            )
