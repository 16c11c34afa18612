"""What a deployment does on one chain, in order, and the addresses that come of it; pure.

Each contract is created through the deterministic factory (CREATE2), so its address is keccak(0xff, factory, salt, keccak(creation code, arguments)): the same
whoever sends, in whatever order, and again after a run that broke off. Source: EIP-1014; factory: Arachnid's deterministic deployment proxy.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from eth_abi.abi import encode

from oracle.domain.committee import CommitteeConfig
from oracle.domain.ids import Address, Hash32, keccak256, parse_address, parse_hash, to_checksum, to_hex
from oracle.node.deployment.bytecode import Code, tables_code
from oracle.node.deployment.market_spec import (
    GATE_TYPE,
    MARKET_TYPE,
    NOBODY,
    SCORE_TYPE,
    encode_gate,
    encode_market,
    encode_scores,
)
from oracle.node.deployment.spec import ChainSpec, DeploymentSpec, StakingSpec

FACTORY = parse_address("0x4e59b44847b379578588920ca78fbf26c0b4956c")
GENESIS_TYPE = "(bytes32,address[],uint8,uint8,bytes32,uint64,uint64,uint64,uint64,uint64,uint64,uint64,address)"
STAKING_TYPE = "(address,address,uint256,uint256,uint256,uint256)"
REGISTRY_TYPES = POT_TYPES = ("address", "address", "uint256")
DISPUTE_TYPES = ("address", "address", "address", "uint256", "uint256")
CONTRACTS = (
    "RewardPot", "RiskOracle", "ModelRegistry", "ScoreDispute", "ScoreTables", "Staking", "RiskGate", "LendingMarket",
)  # fmt: skip
BASE_GAS, CREATE_GAS, CODE_BYTE_GAS, DATA_BYTE_GAS, ROOM_GAS = 21_000, 32_000, 200, 16, 700_000
"""A creation costs at most these, and `ROOM_GAS` for what the constructor does: a committee of 31 writes 35 words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One contract to create. `key` is its name in the addresses file."""

    key: str
    code: Code
    arguments: bytes
    salt: Hash32

    @property
    def creation(self) -> bytes:
        """Return creation code with arguments."""
        return self.code.creation + self.arguments

    @property
    def address(self) -> Address:
        """Return where it will stand."""
        return Address(keccak256(b"\xff" + FACTORY + self.salt + keccak256(self.creation))[12:])

    @property
    def call(self) -> bytes:
        """Return what the factory is called with."""
        return self.salt + self.creation

    @property
    def gas_limit(self) -> int:
        """Return an upper bound of what creating it costs, reckoned and not asked for: what it refers to may not stand yet."""
        words = len(self.code.runtime) * CODE_BYTE_GAS + len(self.call) * (DATA_BYTE_GAS + 1)
        return BASE_GAS + CREATE_GAS + words + ROOM_GAS


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainPlan:
    """Everything that is done on one chain; at last the owner names the dispute contract to the oracle."""

    chain_id: int
    salt: Hash32
    config_digest: Hash32
    owner: Address
    steps: tuple[Step, ...]
    tables: bytes = b""

    def step(self, key: str) -> Step:
        """Return a contract's step."""
        return next(step for step in self.steps if step.key == key)

    @property
    def addresses_text(self) -> str:
        """Return the addresses file: one line for each, keys in order."""
        entries: dict[str, int | str] = {"chain_id": self.chain_id, "config_digest": to_hex(self.config_digest)}
        entries |= {step.key: to_checksum(step.address) for step in sorted(self.steps, key=lambda step: step.key)}
        return json.dumps(entries, indent=2) + "\n"

    @property
    def document(self) -> str:
        """Return the plan as a file, which `contracts/script/Deploy.s.sol` carries out as well."""
        arguments = {step.key: to_hex(step.arguments) for step in self.steps}
        content = {
            "chain_id": self.chain_id, "salt": to_hex(self.salt), "config_digest": to_hex(self.config_digest),
            "has_reward_pot": "reward_pot" in arguments, "has_staking": "staking" in arguments, "borrower_tables": to_hex(self.tables),
            "markets": [key.removeprefix("market_") for key in sorted(arguments) if key.startswith("market_")], "arguments": arguments,
        }  # fmt: skip
        return json.dumps(content, indent=2) + "\n"


def plan_chain(
    spec: DeploymentSpec,
    config: CommitteeConfig,
    chain: ChainSpec,
    codes: Mapping[str, Code],
    tables: bytes | None = None,
) -> ChainPlan:
    """Return what one chain gets: tables factory, oracle, registry, stake (home chain), dispute, pot (if it pays), markets with their gates.

    `tables` are the borrower model's; a chain with markets needs them.
    """
    steps = _Steps(codes=codes, salt=parse_hash(spec.salt))
    steps.add("score_tables", "ScoreTables")
    oracle = steps.add("risk_oracle", "RiskOracle", (GENESIS_TYPE,), _genesis(spec, config))
    registry = steps.add(
        "model_registry",
        "ModelRegistry",
        REGISTRY_TYPES,
        oracle,
        parse_address(spec.curator),
        spec.evidence_window_seconds,
    )
    staking = _add_stake(steps, spec.staking, chain, oracle)
    steps.add(
        "score_dispute",
        "ScoreDispute",
        DISPUTE_TYPES,
        oracle,
        registry,
        staking,
        spec.demand_seconds,
        spec.demand_gas_price_wei,
    )
    if chain.reward is not None:
        steps.add(
            "reward_pot", "RewardPot", POT_TYPES, oracle, parse_address(chain.reward.token), chain.reward.per_report
        )
    if chain.markets and tables is not None:
        _add_markets(steps, chain, oracle, staking, tables_code(tables))
    return ChainPlan(
        chain_id=chain.chain_id, salt=steps.salt, config_digest=config.digest, owner=parse_address(spec.owner),
        steps=tuple(steps.made), tables=tables or b"",
    )  # fmt: skip


@dataclass(kw_only=True)
class _Steps:
    """Steps made so far; each knows the addresses of those before it."""

    codes: Mapping[str, Code]
    salt: Hash32
    made: list[Step] = field(default_factory=list)

    def add(self, key: str, name: str, types: tuple[str, ...] = (), *values: object) -> Address:
        return self.add_code(key, self.codes[name], encode(types, values))

    def add_code(self, key: str, code: Code, arguments: bytes) -> Address:
        step = Step(key=key, code=code, arguments=arguments, salt=self.salt)
        self.made.append(step)
        return step.address


def _add_markets(steps: _Steps, chain: ChainSpec, oracle: Address, staking: Address, tables: Code) -> None:
    place = steps.add_code("borrower_tables", tables, b"")
    for market in chain.markets:
        gate_fields = encode_gate(market, oracle=oracle, staking=staking)
        gate = steps.add(f"gate_{market.name}", "RiskGate", (GATE_TYPE,), gate_fields)
        scores = encode_scores(market, gate=gate, tables=place, tables_hash=keccak256(tables.runtime))
        steps.add(f"market_{market.name}", "LendingMarket", (MARKET_TYPE, SCORE_TYPE), encode_market(market), scores)


def _add_stake(steps: _Steps, stake: StakingSpec | None, chain: ChainSpec, oracle: Address) -> Address:
    """Return where stake is held, nobody's address where the chain is not home to it."""
    if stake is None or stake.home_chain_id != chain.chain_id:
        return NOBODY
    values = (
        oracle, parse_address(stake.token), stake.unbonding_seconds, stake.slowest_publication_seconds, stake.incident_seconds,
        stake.wrong_score_bps,
    )  # fmt: skip
    return steps.add("staking", "Staking", (STAKING_TYPE,), values)


def _genesis(spec: DeploymentSpec, config: CommitteeConfig) -> tuple[object, ...]:
    params = config.params
    return (
        config.prev_digest, list(config.members), config.f, config.q, params.hash, config.from_epoch,
        params.epoch_seconds, params.validity_seconds, spec.grace_seconds, spec.challenge_seconds, spec.digest_seconds,
        spec.recovery_seconds, parse_address(spec.owner),
    )  # fmt: skip
