"""From an operator's settings to the chains' evidence and the dispute contracts; and who sends."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import typer

from oracle.chain.rpc import RpcEndpoint
from oracle.delivery.ports import TransactionSigner
from oracle.delivery.transactions import FeePolicy
from oracle.domain.ids import parse_address
from oracle.domain.units import ChainId
from oracle.errors import ConfigurationError
from oracle.node.committee_file import read_committee
from oracle.node.dispute.court import Court
from oracle.node.dispute.evidence import ChainEvidence
from oracle.node.gateway import RpcGateway
from oracle.node.settings import LocalSettings
from oracle.node.wiring import GWEI, chain_settings
from oracle.signing import keystore


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """Who pays and what is bid; `signer` None looks only."""

    signer: TransactionSigner | None
    fees: FeePolicy

    async def courts(self, evidence: Mapping[ChainId, ChainEvidence]) -> dict[ChainId, Court]:
        """Return the dispute contract of each chain that has one."""
        found = {}
        for chain_id, chain in evidence.items():
            contract = await chain.fetch_dispute()
            if contract is not None:
                found[chain_id] = Court(chain, contract, self.signer, self.fees)
        return found


@asynccontextmanager
async def open_evidence(settings: LocalSettings) -> AsyncIterator[dict[ChainId, ChainEvidence]]:
    """Yield what reads each chain of the committee, without indexing anything.

    Raises:
        OracleError: if a setting or the committee file is wrong.
    """
    config = read_committee(settings.committee)
    chains = chain_settings(settings, config)
    endpoints = {i: [RpcEndpoint(url, i) for url in chain.rpc_urls] for i, chain in chains.items()}
    try:
        yield {
            i: ChainEvidence(RpcGateway(i, endpoints[i]), parse_address(chain.risk_oracle))
            for i, chain in chains.items()
        }
    finally:
        for group in endpoints.values():
            for endpoint in group:
                await endpoint.close()


def make_sending(settings: LocalSettings, *, send: bool, key: Path | None, max_fee_gwei: int) -> Sending:
    """Return who sends: the keystore given, nobody unless told to send.

    Raises:
        ConfigurationError: if nobody is named.
        OracleError: if the keystore does not open.
    """
    fees = FeePolicy(
        max_fee_wei=max_fee_gwei * GWEI,
        poll_ms=settings.timing.poll_ms,
        replace_after_ms=settings.delivery.replace_after_s * 1_000,
    )
    if not send:
        return Sending(signer=None, fees=fees)
    if key is None:
        raise ConfigurationError(
            "--send sends transactions: name the sender's --keystore, another than a running node's, whose nonces it would take"
        )
    password = os.environ.get("ASSAY_KEYSTORE_PASSWORD")
    if password is None:
        password = str(typer.prompt("Password of the keystore", hide_input=True))
    return Sending(signer=keystore.load(key, password), fees=fees)
