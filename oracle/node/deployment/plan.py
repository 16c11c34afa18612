"""What a deployment does on one chain, in order, and the addresses that come of it; pure.

Each contract is created through the deterministic factory (CREATE2), so its address is keccak(0xff, factory, salt, keccak(creation code, arguments)): the same
whoever sends, in whatever order, and again after a run that broke off. Source: EIP-1014; factory: Arachnid's deterministic deployment proxy.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from eth_abi.abi import encode

from oracle.domain.committee import CommitteeConfig
from oracle.domain.ids import Address, Hash32, keccak256, parse_address, parse_hash, to_checksum, to_hex
from oracle.node.deployment.bytecode import Code
from oracle.node.deployment.spec import ChainSpec, DeploymentSpec

FACTORY = parse_address("0x4e59b44847b379578588920ca78fbf26c0b4956c")
GENESIS_TYPE = "(bytes32,address[],uint8,uint8,bytes32,uint64,uint64,uint64,uint64,uint64,uint64,uint64,address)"
STAKING_TYPE = "(address,address,uint256,uint256,uint256,uint256)"
CONTRACTS = ("RewardPot", "RiskOracle", "ModelRegistry", "ScoreDispute", "ScoreTables", "Staking")
NOBODY = Address(bytes(20))
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
            "has_reward_pot": "reward_pot" in arguments, "has_staking": "staking" in arguments, "arguments": arguments,
        }  # fmt: skip
        return json.dumps(content, indent=2) + "\n"


def plan_chain(spec: DeploymentSpec, config: CommitteeConfig, chain: ChainSpec, codes: Mapping[str, Code]) -> ChainPlan:
    """Return what one chain gets: tables factory, oracle, registry, stake (home chain), dispute, pot (if it pays)."""
    salt = parse_hash(spec.salt)
    steps: list[Step] = []

    def add(key: str, name: str, types: tuple[str, ...] = (), *values: object) -> Address:
        step = Step(key=key, code=codes[name], arguments=encode(types, values), salt=salt)
        steps.append(step)
        return step.address

    add("score_tables", "ScoreTables")
    oracle = add("risk_oracle", "RiskOracle", (GENESIS_TYPE,), _genesis(spec, config))
    registry = add(
        "model_registry", "ModelRegistry", ("address", "address", "uint256"),
        oracle, parse_address(spec.curator), spec.evidence_window_seconds,
    )  # fmt: skip
    staking, stake = NOBODY, spec.staking
    if stake is not None and stake.home_chain_id == chain.chain_id:
        values = (
            oracle, parse_address(stake.token), stake.unbonding_seconds, stake.slowest_publication_seconds, stake.incident_seconds,
            stake.wrong_score_bps,
        )  # fmt: skip
        staking = add("staking", "Staking", (STAKING_TYPE,), values)
    add(
        "score_dispute", "ScoreDispute", ("address", "address", "address", "uint256", "uint256"),
        oracle, registry, staking, spec.demand_seconds, spec.demand_gas_price_wei,
    )  # fmt: skip
    if chain.reward is not None:
        pays = (oracle, parse_address(chain.reward.token), chain.reward.per_report)
        add("reward_pot", "RewardPot", ("address", "address", "uint256"), *pays)
    return ChainPlan(
        chain_id=chain.chain_id,
        salt=salt,
        config_digest=config.digest,
        owner=parse_address(spec.owner),
        steps=tuple(steps),
    )


def _genesis(spec: DeploymentSpec, config: CommitteeConfig) -> tuple[object, ...]:
    params = config.params
    return (
        config.prev_digest, list(config.members), config.f, config.q, params.hash, config.from_epoch,
        params.epoch_seconds, params.validity_seconds, spec.grace_seconds, spec.challenge_seconds, spec.digest_seconds,
        spec.recovery_seconds, parse_address(spec.owner),
    )  # fmt: skip
