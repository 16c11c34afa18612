"""Assay's contracts on the chains of a world: one RiskOracle with the same genesis everywhere, model tables, three markets per chain.

Deployed at each start, after the cached history, so that the committee's first epoch is the present one and a change of contracts or
bundles does not cost a new history.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from oracle.chain.protocols.morpho_blue.listing import MARKET_PROTOCOL, SINGLETON_PROTOCOL, label_of
from oracle.domain.committee import ChainParams, CommitteeConfig, MarketParams, Params
from oracle.domain.ids import (
    BTC,
    ETH,
    USD,
    Address,
    Hash32,
    keccak256,
    parse_address,
    parse_hash,
    to_checksum,
    to_hex,
)
from oracle.domain.market import AssetFacts
from oracle.domain.units import BlockNumber, ChainId, Epoch
from oracle.errors import ConfigurationError, DeploymentError
from oracle.sandbox.aave import Deployer
from oracle.sandbox.artifacts import load_forge_artifact
from oracle.sandbox.config import CommitteeSpec, SandboxConfig
from oracle.sandbox.deploy import MAX_UINT
from oracle.sandbox.manifest import AssayEntry, ChainEntry, CommitteeEntry, MarketEntry, WorldManifest
from oracle.sandbox.manifest_entries import describe_members
from oracle.scoring.codec import decode_model, encode_tables, model_id

PROTOCOL = "aave_v3"
NUMERAIRES = {"USD": USD, "ETH": ETH, "BTC": BTC}
GENESIS_TYPE = "(bytes32,address[],uint8,uint8,bytes32,uint64,uint64,uint64,uint64,uint64,uint64,uint64,address)"
MARKET_TYPE = "(address,address,address,address,uint32,uint32,uint16,uint16,uint32,uint32,uint32,uint16,string,string)"
SCORE_TYPE = "(address,address,address,bytes32,uint32,uint32,uint32,uint16,uint128)"
BOUNDS_TYPE = "(uint16,uint16,uint16,uint16,uint32,uint32)"
BACKING_TYPE = "(address,address,address,address,uint32,uint16)"
GATE_TYPE = (
    "(address,address,address,address,address,uint8,uint32,uint32,uint16,uint16,uint16,uint16,"
    f"{BOUNDS_TYPE},uint128,uint128,{BACKING_TYPE})"
)
STATIC_TYPE = "(uint16,uint16,uint32)"
TABLES_INIT_PREFIX = bytes.fromhex("80600a3d393df3")

LOAN = "USDC"
PRICE_MAX_AGE_S = 86_400
CLOSE_FACTOR_BPS = 5_000
LIQUIDATION_BONUS_BPS = 500
RATES_BPS = (0, 400, 6_000, 9_000)
SEVERITY_BPS, BUDGET_PPM, FLOOR_PREMIUM_BPS = 1_000, 300, 300
WEIGHT_BPS = 5_000
BORROWER_LIMIT = 1_000_000 * 10**6
EXPOSURE_CAP = 5_000_000 * 10**6
MARKET_LIQUIDITY = 5_000_000 * 10**6
DIGEST_S, RECOVERY_S = 90 * 86_400, 7 * 86_400
"""How long the committee signs without being renewed, and how long its replacement stands announced after that."""
MODE_LIVE = 3
TIMELOCK_S, VETO_S = 86_400, 7 * 86_400
RAMP_BPS_PER_HOUR, LOOSENING_BPS_PER_DAY = 10_000, 10_000
"""The fastest that a gate takes: epochs here last seconds."""
FALLBACK_BPS = (7_500, 5_000)
BOUNDS = (3_000, 8_300, 8_000, 8_000, 1_000, 5_000)
"""Least and most threshold, most ceiling and floor, least volatility and gap in ppm. As a governance new to scores would set them: no pair lends more, or is
liquidated later, than WETH without scores, and none counts as safer than half a percent, however calm its last days were, so that it is the borrower who decides."""
CAPPED_EXPOSURE = EXPOSURE_CAP // 10
NO_ADDRESS = "0x" + 40 * "0"
STATIC_TERMS = (8_050, 8_300, 100)
"""LTV, liquidation threshold and premium of the market without scores: WETH on Aave v3."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketPlan:
    """One market to deploy."""

    collateral: str
    terms: str

    @property
    def name(self) -> str:
        """Return the name that accounts and docs use."""
        return f"{self.collateral}-{LOAN}-{self.terms}"


MARKETS = (
    MarketPlan(collateral="WETH", terms="scored"),
    MarketPlan(collateral="wstETH", terms="scored"),
    MarketPlan(collateral="WETH", terms="static"),
)


@dataclass(frozen=True, kw_only=True)
class Models:
    """The two models whose ids the committee binds."""

    borrower: bytes
    collateral: bytes

    @classmethod
    def read(cls, borrower_path: Path, collateral_path: Path) -> Models:
        """Read two `model.bin` files."""
        return cls(borrower=borrower_path.read_bytes(), collateral=collateral_path.read_bytes())

    @cached_property
    def tables_code(self) -> bytes:
        """Return the runtime code of the borrower's tables contract."""
        return b"\0" + encode_tables(decode_model(self.borrower).tables)


async def deploy_assay(
    config: SandboxConfig, manifest: WorldManifest, deployers: Mapping[int, Deployer]
) -> WorldManifest:
    """Deploy on every chain and return the manifest with contracts, committee and members; unchanged without models.

    Raises: DeploymentError if a chain computes another config digest than we do.
    """
    spec = config.committee
    members = describe_members(manifest.seed, spec.n)
    manifest = manifest.model_copy(update={"accounts": (*manifest.accounts, *members)})
    if config.borrower_model is None or config.collateral_model is None:
        return manifest
    models = Models.read(config.borrower_model, config.collateral_model)
    entry = describe_committee(spec, manifest, models, from_epoch=int(time.time()) // spec.epoch_seconds)
    committee = build_committee(manifest.model_copy(update={"committee": entry}))
    chains = tuple(
        [await _deploy_chain(chain, committee, models, spec, deployers[chain.chain_id]) for chain in manifest.chains]
    )
    return manifest.model_copy(update={"chains": chains, "committee": entry})


def describe_committee(
    spec: CommitteeSpec, manifest: WorldManifest, models: Models, *, from_epoch: int
) -> CommitteeEntry:
    """Return the committee's entry, digest included."""
    members = tuple(account.address for account in manifest.accounts if account.role == "member")
    entry = CommitteeEntry(
        members=members, f=spec.f, q=spec.q, prev_digest=to_hex(_salt(manifest)), from_epoch=from_epoch,
        epoch_seconds=spec.epoch_seconds, validity_seconds=spec.validity_seconds, grace_seconds=spec.grace_seconds,
        borrower_model_id=to_hex(model_id(models.borrower)), collateral_model_id=to_hex(model_id(models.collateral)),
        params_hash="", config_digest="",
    )  # fmt: skip
    committee = build_committee(manifest.model_copy(update={"committee": entry}))
    return entry.model_copy(
        update={"params_hash": to_hex(committee.params.hash), "config_digest": to_hex(committee.digest)}
    )


def build_committee(manifest: WorldManifest) -> CommitteeConfig:
    """Return the committee's configuration as nodes need it. Raises: ConfigurationError if the world has no committee."""
    entry = manifest.committee
    if entry is None:
        raise ConfigurationError(
            "this world runs without Assay's contracts: start it with a borrower and a collateral model"
        )
    params = Params(
        chains=tuple(_chain_params(chain) for chain in manifest.chains),
        borrower_model_id=Hash32(bytes.fromhex(entry.borrower_model_id[2:])),
        collateral_model_id=Hash32(bytes.fromhex(entry.collateral_model_id[2:])),
        epoch_seconds=entry.epoch_seconds,
        validity_seconds=entry.validity_seconds,
    )
    return CommitteeConfig(
        prev_digest=Hash32(bytes.fromhex(entry.prev_digest[2:])), seq=0,
        members=tuple(parse_address(member) for member in entry.members), f=entry.f, q=entry.q, params=params,
        from_epoch=Epoch(entry.from_epoch),
    )  # fmt: skip


def _salt(manifest: WorldManifest) -> Hash32:
    return keccak256(f"assay-sandbox/salt/{manifest.seed}/{manifest.world_key}".encode())


def _chain_params(chain: ChainEntry) -> ChainParams:
    assets = [
        AssetFacts(
            token=parse_address(token.address), price_feed=parse_address(token.feed),
            numeraire=Address(NUMERAIRES[token.numeraire]), decimals=token.decimals, issuer_risk=token.issuer_risk,
            bridge_risk=token.bridge_risk,
        )
        for token in chain.tokens
    ]  # fmt: skip
    places = [(PROTOCOL, parse_address(chain.aave.pool), chain.start_block)]
    if chain.morpho is not None:
        start_block = chain.morpho.start_block
        places.append((SINGLETON_PROTOCOL, parse_address(chain.morpho.singleton), start_block))
        places += [(MARKET_PROTOCOL, label_of(parse_hash(m.market_id)), start_block) for m in chain.morpho.markets]
    markets = [
        MarketParams(protocol=protocol, market=market, start_block=BlockNumber(block))
        for protocol, market, block in places
    ]
    return ChainParams(
        chain_id=ChainId(chain.chain_id),
        markets=tuple(sorted(markets, key=lambda market: market.market)),
        assets=tuple(sorted(assets, key=lambda asset: asset.token)),
    )


async def _deploy_chain(
    chain: ChainEntry, committee: CommitteeConfig, models: Models, spec: CommitteeSpec, deployer: Deployer
) -> ChainEntry:
    params = committee.params
    genesis = (
        committee.prev_digest, list(committee.members), committee.f, committee.q, params.hash, committee.from_epoch,
        params.epoch_seconds, params.validity_seconds, spec.grace_seconds, spec.challenge_seconds, DIGEST_S, RECOVERY_S,
        deployer.address,
    )  # fmt: skip
    oracle = deployer.create(load_forge_artifact("RiskOracle"), {}, (GENESIS_TYPE,), genesis)
    code = models.tables_code
    tables = deployer.create_raw("tables", b"\x61" + len(code).to_bytes(2, "big") + TABLES_INIT_PREFIX + code)
    markets = [_create_market(deployer, chain, plan, oracle, tables, keccak256(code)) for plan in MARKETS]
    await deployer.run()
    (digest,) = await deployer.chain.read(oracle, "configDigest()", returns=("bytes32",))
    if digest != committee.digest:
        raise DeploymentError(
            chain.chain_id, "RiskOracle", f"config digest is 0x{digest.hex()}, expected {to_hex(committee.digest)}"
        )
    await _supply_markets(deployer, chain, markets)
    block, _ = await deployer.chain.fetch_head()
    placed = tuple(market.model_copy(update={"start_block": block - 1}) for market in markets)
    assay = AssayEntry(
        risk_oracle=oracle, borrower_tables=tables, config_digest=to_hex(committee.digest), markets=placed
    )
    return chain.model_copy(update={"assay": assay})


def _create_market(
    deployer: Deployer, chain: ChainEntry, plan: MarketPlan, oracle: str, tables: str, tables_hash: Hash32
) -> MarketEntry:
    loan, collateral = chain.token(LOAN), chain.token(plan.collateral)
    config = (
        loan.address, collateral.address, loan.feed, collateral.feed, PRICE_MAX_AGE_S, PRICE_MAX_AGE_S,
        CLOSE_FACTOR_BPS, LIQUIDATION_BONUS_BPS, *RATES_BPS, f"Assay {plan.name}", f"as{plan.name}",
    )  # fmt: skip
    if plan.terms == "scored":
        gate = _create_gate(deployer, oracle, collateral.address)
        scores = (
            gate, to_checksum(USD), tables, tables_hash, SEVERITY_BPS, BUDGET_PPM, FLOOR_PREMIUM_BPS, WEIGHT_BPS,
            BORROWER_LIMIT,
        )  # fmt: skip
        address = deployer.create(load_forge_artifact("LendingMarket"), {}, (MARKET_TYPE, SCORE_TYPE), config, scores)
        terms = "scored"
    else:
        address = deployer.create(
            load_forge_artifact("StaticMarket"), {}, (MARKET_TYPE, STATIC_TYPE), config, STATIC_TERMS
        )
        terms = "static"
    return MarketEntry.model_validate(
        {
            "name": plan.name, "address": address, "collateral": plan.collateral, "loan": LOAN, "numeraire": "USD",
            "terms": terms, "start_block": 0,
        }
    )  # fmt: skip


def _create_gate(deployer: Deployer, oracle: str, collateral: str) -> str:
    """A gate without stake behind it: no world has a bond yet, so the constant limit stands alone."""
    config = (
        oracle, deployer.address, deployer.address, collateral, to_checksum(USD), MODE_LIVE, TIMELOCK_S, VETO_S,
        RAMP_BPS_PER_HOUR, LOOSENING_BPS_PER_DAY, *FALLBACK_BPS, BOUNDS, EXPOSURE_CAP, CAPPED_EXPOSURE,
        (NO_ADDRESS, NO_ADDRESS, NO_ADDRESS, NO_ADDRESS, 0, 0),
    )  # fmt: skip
    return deployer.create(load_forge_artifact("RiskGate"), {}, (GATE_TYPE,), config)


async def _supply_markets(deployer: Deployer, chain: ChainEntry, markets: list[MarketEntry]) -> None:
    """The deployer supplies loan tokens to every market, so that there is something to borrow."""
    token = chain.token(LOAN).address
    deployer.call(token, "mint(address,uint256)", deployer.address, MARKET_LIQUIDITY * len(markets))
    for market in markets:
        deployer.call(token, "approve(address,uint256)", market.address, MAX_UINT)
        deployer.call(market.address, "deposit(uint256,address)", MARKET_LIQUIDITY, deployer.address)
    await deployer.run()
