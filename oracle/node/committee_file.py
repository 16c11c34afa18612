"""`committee.json`: the committee's configuration as a file, identified by its digest.

The file repeats the digest that its content must have, so that a mistyped address is found here and not by silence of the peers.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from oracle.chain.protocols import list_contracts
from oracle.domain.committee import (
    FEATURE_SEMANTICS_VERSION,
    LEAF_LAYOUT_VERSION,
    ChainParams,
    CommitteeConfig,
    MarketParams,
    Params,
)
from oracle.domain.ids import parse_address, parse_hash, to_hex
from oracle.domain.market import AssetFacts
from oracle.domain.units import BlockNumber, ChainId, Epoch
from oracle.errors import ConfigurationError, MalformedValueError, RangeError
from oracle.node.settings import AddressText, explain_validation


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class MarketDocument(_Document):
    """A lending market that is indexed."""

    protocol: str
    market: AddressText
    start_block: int


class AssetDocument(_Document):
    """What the committee holds true of an asset."""

    token: AddressText
    price_feed: AddressText
    numeraire: AddressText
    decimals: int
    issuer_risk: int
    bridge_risk: int


class ChainDocument(_Document):
    """One chain's markets and assets."""

    chain_id: int
    markets: tuple[MarketDocument, ...]
    assets: tuple[AssetDocument, ...]


class CommitteeDocument(_Document):
    """The whole file."""

    version: Literal[1] = 1
    config_digest: str
    prev_digest: str
    seq: int
    members: tuple[AddressText, ...]
    f: int
    q: int
    from_epoch: int
    epoch_seconds: int
    validity_seconds: int
    borrower_model_id: str
    collateral_model_id: str
    feature_semantics_version: int = FEATURE_SEMANTICS_VERSION
    leaf_layout_version: int = LEAF_LAYOUT_VERSION
    chains: tuple[ChainDocument, ...]

    def to_config(self) -> CommitteeConfig:
        """Return the configuration; lists are put into their canonical order."""
        return CommitteeConfig(
            prev_digest=parse_hash(self.prev_digest),
            seq=self.seq,
            members=tuple(parse_address(member) for member in self.members),
            f=self.f,
            q=self.q,
            from_epoch=Epoch(self.from_epoch),
            params=Params(
                chains=tuple(_chain_params(chain) for chain in sorted(self.chains, key=lambda c: c.chain_id)),
                borrower_model_id=parse_hash(self.borrower_model_id),
                collateral_model_id=parse_hash(self.collateral_model_id),
                epoch_seconds=self.epoch_seconds,
                validity_seconds=self.validity_seconds,
                feature_semantics_version=self.feature_semantics_version,
                leaf_layout_version=self.leaf_layout_version,
            ),
        )


def read_committee(path: Path) -> CommitteeConfig:
    """Return the configuration of a file whose digest fits, whose semantics this release has, and whose markets are complete.

    Raises:
        ConfigurationError: naming what is wrong.
    """
    try:
        document = CommitteeDocument.model_validate_json(path.read_bytes())
        config = document.to_config()
    except OSError as error:
        raise ConfigurationError(f"committee file {path}: {error.strerror}") from error
    except ValidationError as error:
        raise ConfigurationError(f"committee file {path}: {explain_validation(error)}") from None
    except (MalformedValueError, RangeError) as error:
        raise ConfigurationError(f"committee file {path}: {error}") from error
    if to_hex(config.digest) != document.config_digest.lower():
        raise ConfigurationError(
            f"committee file {path} says digest {document.config_digest}, its content has {to_hex(config.digest)}: "
            "get the file again from where the committee published it"
        )
    _check_versions(path, config.params)
    _check_markets(path, config.params)
    return config


def write_committee(config: CommitteeConfig, path: Path) -> None:
    """Write a configuration as a file."""
    path.write_text(json.dumps(document_of(config).model_dump(), indent=2) + "\n", encoding="utf-8")


def document_of(config: CommitteeConfig) -> CommitteeDocument:
    """Return the document of a configuration."""
    params = config.params
    return CommitteeDocument(
        config_digest=to_hex(config.digest),
        prev_digest=to_hex(config.prev_digest),
        seq=config.seq,
        members=tuple(to_hex(member) for member in config.members),
        f=config.f,
        q=config.q,
        from_epoch=config.from_epoch,
        epoch_seconds=params.epoch_seconds,
        validity_seconds=params.validity_seconds,
        borrower_model_id=to_hex(params.borrower_model_id),
        collateral_model_id=to_hex(params.collateral_model_id),
        feature_semantics_version=params.feature_semantics_version,
        leaf_layout_version=params.leaf_layout_version,
        chains=tuple(_chain_document(chain) for chain in params.chains),
    )


def _check_versions(path: Path, params: Params) -> None:
    ours = (FEATURE_SEMANTICS_VERSION, LEAF_LAYOUT_VERSION)
    theirs = (params.feature_semantics_version, params.leaf_layout_version)
    if theirs != ours:
        raise ConfigurationError(
            f"committee file {path} has feature semantics and leaf layout {theirs}, this release has {ours}: "
            "install the release that the committee adopted"
        )


def _check_markets(path: Path, params: Params) -> None:
    try:
        for chain in params.chains:
            list_contracts(chain)
    except ConfigurationError as error:
        raise ConfigurationError(f"committee file {path}: {error}") from None


def _chain_params(chain: ChainDocument) -> ChainParams:
    markets = (
        MarketParams(protocol=m.protocol, market=parse_address(m.market), start_block=BlockNumber(m.start_block))
        for m in chain.markets
    )
    assets = (
        AssetFacts(
            token=parse_address(a.token),
            price_feed=parse_address(a.price_feed),
            numeraire=parse_address(a.numeraire),
            decimals=a.decimals,
            issuer_risk=a.issuer_risk,
            bridge_risk=a.bridge_risk,
        )
        for a in chain.assets
    )
    return ChainParams(
        chain_id=ChainId(chain.chain_id),
        markets=tuple(sorted(markets, key=lambda m: m.market)),
        assets=tuple(sorted(assets, key=lambda a: a.token)),
    )


def _chain_document(chain: ChainParams) -> ChainDocument:
    return ChainDocument(
        chain_id=chain.chain_id,
        markets=tuple(
            MarketDocument(protocol=m.protocol, market=to_hex(m.market), start_block=m.start_block)
            for m in chain.markets
        ),
        assets=tuple(
            AssetDocument(
                token=to_hex(a.token),
                price_feed=to_hex(a.price_feed),
                numeraire=to_hex(a.numeraire),
                decimals=a.decimals,
                issuer_risk=a.issuer_risk,
                bridge_risk=a.bridge_risk,
            )
            for a in chain.assets
        ),
    )
