"""A chain with a real RiskOracle and a ModelRegistry, and a bundle's way into it: data contracts, self-test in batches, pin."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from oracle.domain.committee import CommitteeConfig
from oracle.domain.ids import to_hex
from oracle.sandbox.aave import Deployer
from oracle.sandbox.artifacts import load_forge_artifact
from oracle.sandbox.assay import DIGEST_S, GENESIS_TYPE, RECOVERY_S
from oracle.sandbox.chains import AnvilChain
from oracle.sandbox.jsonrpc import Transaction, decode_words, encode_call
from oracle.scoring.evm import ModelCode, SelfTestCase, self_test_batches, self_test_hashes, split_model

CHAIN_ID = 31_337
GENESIS_S = 1_760_000_000
CURATOR = "0x00000000000000000000000000000000000c0ffe"
EVIDENCE_WINDOW_S = 21 * 86_400
BATCH_GAS_LIMIT = 16_000_000
TESTED, PINNED = 2, 3
BORROWER_TYPES = ("int32", "int32", "uint32", "uint32", "uint16", "uint8", "bytes32")


@dataclass(kw_only=True)
class RegistryWorld:
    """The contracts, and who deploys; `gas_used` of every transaction by what it was for."""

    chain: AnvilChain
    deployer: Deployer
    factory: str
    registry: str
    gas_used: dict[str, list[int]]

    async def register(self, data: bytes) -> ModelCode:
        """Deploy a model's data contracts and register it."""
        code = split_model(data)
        addresses = []
        for part in code.parts:
            (address, _) = await self.chain.read(self.factory, "deploy(bytes)", part, returns=("address", "bytes32"))
            addresses.append(address)
            await self.send(self.deployer.address, self.factory, "deploy", encode_call("deploy(bytes)", part))
        call = encode_call("register(bytes,address,address[])", code.header, addresses[0], addresses[1:])
        await self.send(self.deployer.address, self.registry, "register", call)
        return code

    async def run_self_test(self, code: ModelCode, cases: tuple[SelfTestCase, ...], *, cases_per_batch: int) -> None:
        """Name the self-test and run it from where it stands."""
        name = encode_call("nameSelfTest(bytes32,bytes32)", code.model_id, self_test_hashes(cases)[0])
        await self.send(CURATOR, self.registry, "name", name)
        for batch in self_test_batches(cases, cases_per_batch=cases_per_batch):
            call = encode_call(
                "runSelfTest(bytes32,(bytes,bytes)[],bytes32)",
                code.model_id,
                [(case.vector, case.leaf) for case in batch.cases],
                batch.rest,
            )
            await self.send(self.deployer.address, self.registry, "self-test", call)

    async def pin(self, config: CommitteeConfig) -> None:
        """Pin the models that a configuration in force names."""
        fields = (config.prev_digest, config.seq, list(config.members), config.f, config.q, config.from_epoch)
        call = encode_call("pin((bytes32,uint64,address[],uint8,uint8,uint64),bytes)", fields, config.params.encoded)
        await self.send(self.deployer.address, self.registry, "pin", call)

    async def send(self, sender: str, to: str, purpose: str, data: bytes) -> None:
        """Mine one call within the gas that any transaction may have."""
        self.deployer.clock_s += 12
        transaction = Transaction(sender=sender, to=to, data=data, gas=BATCH_GAS_LIMIT)
        (receipt,) = await self.chain.execute([transaction], self.deployer.clock_s)
        assert receipt["status"] == "0x1", (purpose, await self.chain.explain_failure(transaction))
        self.gas_used.setdefault(purpose, []).append(int(receipt["gasUsed"], 16))

    async def state_of(self, code: ModelCode) -> int:
        """Return the first word of a model's entry."""
        data = "0x" + encode_call("model(bytes32)", code.model_id).hex()
        answer = await self.chain.rpc("eth_call", {"to": self.registry, "data": data}, "latest")
        # A dynamic struct: its offset comes first.
        return int(decode_words(("uint256", "uint8"), answer)[1])

    async def score(self, code: ModelCode, view: str, vectors: list[bytes]) -> list[bytes]:
        """Return the encoded fields of each vector, by `eth_call`."""
        calls = [
            (
                "eth_call",
                [
                    {"to": self.registry, "data": to_hex(encode_call(f"{view}(bytes32,bytes)", code.model_id, vector))},
                    "latest",
                ],
            )
            for vector in vectors
        ]
        return [bytes.fromhex(answer[2:]) for answer in await self.chain.client.batch(calls)]


@asynccontextmanager
async def registry_world(config: CommitteeConfig, directory: Path) -> AsyncIterator[RegistryWorld]:
    """Start a chain whose committee has `config`, and a registry that follows it."""
    chain = await AnvilChain.start(CHAIN_ID, directory=directory, genesis_s=GENESIS_S)
    try:
        deployer = Deployer(chain=chain, address="0x00000000000000000000000000000000000dead1", clock_s=GENESIS_S)
        await chain.fund([deployer.address, CURATOR], 10**21)
        params = config.params
        genesis = (
            config.prev_digest, list(config.members), config.f, config.q, params.hash, config.from_epoch,
            params.epoch_seconds, params.validity_seconds, 600, 3_600, DIGEST_S, RECOVERY_S, deployer.address,
        )  # fmt: skip
        oracle = deployer.create(load_forge_artifact("RiskOracle"), {}, (GENESIS_TYPE,), genesis)
        factory = deployer.create(load_forge_artifact("ScoreTables"), {})
        registry = deployer.create(
            load_forge_artifact("ModelRegistry"),
            {},
            ("address", "address", "uint256"),
            oracle,
            CURATOR,
            EVIDENCE_WINDOW_S,
        )
        await deployer.run()
        yield RegistryWorld(chain=chain, deployer=deployer, factory=factory, registry=registry, gas_used={})
    finally:
        await chain.stop()
