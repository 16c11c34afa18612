"""`deployment.json`: what is deployed, on which chains, with which figures; the committee stands in its own file beside it.

Two rules that the contracts hold one another to are checked here, where the message can say which figure to change.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from oracle.domain.committee import CommitteeConfig
from oracle.domain.ids import parse_hash, to_hex
from oracle.errors import ConfigurationError, MalformedValueError
from oracle.node.committee_file import read_committee
from oracle.node.deployment.market_spec import MarketSpec
from oracle.node.settings import AddressText, explain_validation
from oracle.scoring.bundle import load_bundle

DAY_S = 86_400


def _check_hash(text: str) -> str:
    try:
        return "0x" + parse_hash(text.lower()).hex()
    except MalformedValueError as error:
        raise ValueError(str(error)) from error


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StakingSpec(_Document):
    """What members put at stake, on the home chain alone."""

    home_chain_id: int
    token: AddressText
    unbonding_seconds: int
    slowest_publication_seconds: int
    incident_seconds: int
    wrong_score_bps: int = Field(ge=1, le=10_000)


class RewardSpec(_Document):
    """What a chain pays for a report, in units of its token."""

    token: AddressText
    per_report: int = Field(ge=1)


class ChainSpec(_Document):
    """One chain, the endpoints that it is reached by, its pot if it has one, and its markets."""

    chain_id: int = Field(ge=1)
    rpc_urls: tuple[str, ...] = Field(min_length=1, repr=False)
    reward: RewardSpec | None = None
    markets: tuple[MarketSpec, ...] = ()


class DeploymentSpec(_Document):
    """The whole file. `salt` tells deployments of the same figures apart; `owner` names the dispute contract and may recover the committee."""

    version: Literal[1] = 1
    committee: str
    borrower_bundle: str = "borrower-1"
    salt: Annotated[str, AfterValidator(_check_hash)]
    owner: AddressText
    curator: AddressText
    grace_seconds: int = Field(ge=0)
    challenge_seconds: int = Field(ge=0)
    digest_seconds: int = Field(ge=1)
    recovery_seconds: int = Field(ge=DAY_S)
    evidence_window_seconds: int = Field(ge=1)
    demand_seconds: int = Field(default=0, ge=0)
    demand_gas_price_wei: int = Field(ge=1)
    staking: StakingSpec | None = None
    chains: tuple[ChainSpec, ...] = Field(min_length=1)


def read_tables(spec: DeploymentSpec, config: CommitteeConfig) -> bytes | None:
    """Return the borrower model's tables, which markets price by; None if there are no markets.

    Raises:
        BundleError: if the bundle is damaged or the sandbox's.
        ConfigurationError: if it is not the committee's.
    """
    if not any(chain.markets for chain in spec.chains):
        return None
    bundle = load_bundle(spec.borrower_bundle, allow_sandbox=False)
    if bundle.model_id != config.params.borrower_model_id:
        given, needed = to_hex(bundle.model_id), to_hex(config.params.borrower_model_id)
        raise ConfigurationError(
            f"borrower_bundle {spec.borrower_bundle} is model {given}, the committee scores by {needed}"
        )
    return bundle.tables_bytes


def read_spec(path: Path) -> tuple[DeploymentSpec, CommitteeConfig]:
    """Return a deployment's file and the committee that it names.

    Raises:
        ConfigurationError: naming what is wrong.
    """
    try:
        spec = DeploymentSpec.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ConfigurationError(f"deployment file {path}: {error.strerror}") from error
    except ValidationError as error:
        raise ConfigurationError(f"deployment file {path}: {explain_validation(error)}") from None
    config = read_committee(path.parent / spec.committee)
    for problem in _problems(spec, config):
        raise ConfigurationError(f"deployment file {path}: {problem}")
    return spec, config


def _problems(spec: DeploymentSpec, config: CommitteeConfig) -> list[str]:
    ids = [chain.chain_id for chain in spec.chains]
    problems = [f"chain {chain_id} is named twice" for chain_id in sorted(set(ids)) if ids.count(chain_id) > 1]
    unknown = [str(i) for i in ids if i not in {chain.chain_id for chain in config.params.chains}]
    if unknown:
        problems.append(
            f"the committee's file does not know chain {', '.join(unknown)}: its members would not serve it"
        )
    if config.seq != 0:
        problems.append(f"the committee has seq {config.seq}, a deployment begins with seq 0")
    validity_s = config.params.validity_seconds
    if spec.challenge_seconds >= validity_s:
        problems.append(f"challenge_seconds {spec.challenge_seconds} must be less than validity_seconds {validity_s}")
    for chain in spec.chains:
        names = [market.name for market in chain.markets]
        problems += [
            f"chain {chain.chain_id}: market {n} is named twice" for n in sorted(set(names)) if names.count(n) > 1
        ]
        is_home = spec.staking is not None and spec.staking.home_chain_id == chain.chain_id
        backed = [market.name for market in chain.markets if market.gate.backing is not None]
        if backed and not is_home:
            problems.append(f"chain {chain.chain_id} holds no stake that could back {', '.join(backed)}")
    if spec.demand_seconds >= validity_s:
        problems.append(f"demand_seconds {spec.demand_seconds} must be less than validity_seconds {validity_s}")
    staking = spec.staking
    if staking is not None:
        if staking.home_chain_id not in ids:
            problems.append(f"home_chain_id {staking.home_chain_id} is none of the chains")
        needed_s = spec.digest_seconds + validity_s + spec.challenge_seconds + staking.slowest_publication_seconds
        if staking.unbonding_seconds <= needed_s:
            problems.append(
                f"unbonding_seconds {staking.unbonding_seconds} must be more than {needed_s}: digest, validity, challenge window and "
                "slowest publication together"
            )
        if spec.evidence_window_seconds < staking.unbonding_seconds:
            problems.append(
                f"evidence_window_seconds {spec.evidence_window_seconds} must be at least unbonding_seconds {staking.unbonding_seconds}"
            )
    return problems
