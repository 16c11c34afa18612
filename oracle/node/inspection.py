"""A verifier from an operator's settings, keeping nothing: no key is opened, nothing is sent."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from oracle.chain.reader import ChainReader
from oracle.chain.rows import MemoryRows, RowStore
from oracle.domain.committee import CommitteeConfig
from oracle.domain.ids import Address, parse_address
from oracle.domain.units import BlockNumber
from oracle.errors import EndpointDisagreementError, StateForgottenError, TooFewEndpointsError
from oracle.node.committee_file import read_committee
from oracle.node.gateway import RpcGateway
from oracle.node.observe import Observer, Scorers
from oracle.node.settings import LocalSettings
from oracle.node.verification import Verifier
from oracle.node.wiring import chain_settings, load_scorers, open_chains


class PatientReader(ChainReader):
    """Reads code at the newest block where an endpoint no longer holds the state of the cut: nodes kept it, a later reader may not.

    An account rarely becomes a contract; where one did after the cut, the comparison says so by its subject id.
    """

    code_note = ""

    async def fetch_has_code(self, addresses: Sequence[Address], block_number: BlockNumber) -> Mapping[Address, bool]:
        """Return which addresses are contracts at a block, or else now."""
        try:
            return await super().fetch_has_code(addresses, block_number)
        except (StateForgottenError, TooFewEndpointsError, EndpointDisagreementError):
            head = await self.chain.fetch_finalised_head()
            found = await super().fetch_has_code(addresses, head.number)
            self.code_note = f"the state of block {block_number} is gone: code was read at block {head.number}"
            return found


@asynccontextmanager
async def open_verifier(
    settings: LocalSettings, rows: RowStore | None = None
) -> AsyncIterator[tuple[Verifier, Scorers, CommitteeConfig]]:
    """Yield a verifier, the scorers it uses and the committee; rows are kept in memory unless a store is given.

    Raises:
        OracleError: if a setting, the committee file, a bundle or an endpoint is wrong.
    """
    config = read_committee(settings.committee)
    scorers = load_scorers(settings, config)
    access = open_chains(settings, config, MemoryRows() if rows is None else rows, PatientReader)
    gateways = {chain_id: RpcGateway(chain_id, endpoints) for chain_id, endpoints in access.endpoints.items()}
    oracles = {c: parse_address(chain.risk_oracle) for c, chain in chain_settings(settings, config).items()}
    observer = Observer(config, access.readers, scorers)
    try:
        yield Verifier(config, access.readers, observer, gateways, oracles), scorers, config
    finally:
        for endpoint in access.all_endpoints:
            await endpoint.close()
