"""A tiny world whose committee has something to lose: on its first chain stake, the models in a registry, and a dispute contract that the oracle names.

Mining is the caller's, so that finality comes when the test wants it. The members' keys are the world's, and the test signs with them what it likes.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from oracle.delivery.codec import encode_post, encode_publish, pack_attestations
from oracle.delivery.dispute_codec import Standing
from oracle.domain.committee import CommitteeConfig
from oracle.domain.merkle import MerkleTree
from oracle.domain.report import Report
from oracle.domain.score import BorrowerScore, Score
from oracle.domain.units import Epoch, NodeId
from oracle.node.inspection import open_verifier
from oracle.node.observe import Observed
from oracle.node.provision import MemberFiles, provision_sandbox
from oracle.node.settings import load_settings
from oracle.sandbox.aave import Deployer
from oracle.sandbox.accounts import derive_account
from oracle.sandbox.artifacts import load_forge_artifact
from oracle.sandbox.assay import DIGEST_S, build_committee
from oracle.sandbox.chains import AnvilChain
from oracle.sandbox.config import TINY_HISTORY, CommitteeSpec, SandboxConfig, find_sandbox_models
from oracle.sandbox.deploy import MAX_UINT
from oracle.sandbox.jsonrpc import Transaction, encode_call
from oracle.sandbox.world import World, start_world
from oracle.scoring.evm import read_self_test, self_test_batches, self_test_hashes, split_model
from oracle.signing import keystore
from oracle.signing.signer import LocalSigner
from tests.integration.committee_processes import PATIENCE_S, ROOT

EPOCH_S, VALIDITY_S, CHALLENGE_S, DEMAND_S = 60, 1_200, 20, 240
UNBONDING_S = 2 * DIGEST_S
WRONG_SCORE_BPS = 500
STAKE = 1_000 * 10**18
GAS_LIMIT = 16_000_000
CASES_PER_BATCH = 128
CHALLENGER = derive_account(1, "challenger")
PASSWORD = "only-for-this-test"


@dataclass(kw_only=True)
class DisputeWorld:
    """The world, its home chain and what was deployed there besides the world's own."""

    world: World
    deployer: Deployer
    config: CommitteeConfig
    member: MemberFiles
    keystore_path: Path
    oracle: str
    token: str = ""
    registry: str = ""
    staking: str = ""
    dispute: str = ""

    @property
    def chain(self) -> AnvilChain:
        """The home chain."""
        return self.deployer.chain

    @property
    def signers(self) -> tuple[LocalSigner, ...]:
        """The members' keys, in order."""
        accounts = [account for account in self.world.manifest.accounts if account.role == "member"]
        return tuple(LocalSigner(bytes.fromhex(account.private_key.removeprefix("0x"))) for account in accounts)

    async def send(self, to: str, data: bytes) -> None:
        """Mine a call of the deployer a second after the last block."""
        self.deployer.clock_s = max(self.deployer.clock_s + 1, int(time.time()))
        transaction = Transaction(sender=self.deployer.address, to=to, data=data, gas=GAS_LIMIT)
        self.chain.forget_nonces()
        (receipt,) = await self.chain.execute([transaction], self.deployer.clock_s)
        assert receipt["status"] == "0x1", await self.chain.explain_failure(transaction)
        self.deployer.nonce += 1

    async def pass_boundary(self) -> Epoch:
        """Let both chains pass the next boundary far enough for its cut to be final, and return its epoch."""
        heads = [await self.world.chain(chain_id).fetch_head() for chain_id in self.world.chain_ids]
        epoch = Epoch(max(head_s for _, head_s in heads) // EPOCH_S + 1)
        # What was deployed may have brought the chains ahead.
        await asyncio.sleep(max(0, (epoch - 1) * EPOCH_S - time.time()))
        await self.world.mine(5, timestamp_s=epoch * EPOCH_S + 1)
        self.deployer.clock_s = epoch * EPOCH_S + 10
        return epoch

    def report_of(self, observed: Observed, scores: Sequence[Score]) -> Report:
        """Return the report that says `scores` at an observation's cut."""
        borrowers = sum(isinstance(score, BorrowerScore) for score in scores)
        return Report(
            config_digest=self.config.digest, epoch=observed.cut.epoch, cut_hash=observed.cut.hash,
            scores_root=MerkleTree(score.leaf for score in scores).root, observers=0b0111, borrowers=borrowers,
            collaterals=len(scores) - borrowers, stalled_chains=0,
        )  # fmt: skip

    async def publish(self, report: Report, scores: Sequence[Score], posted: Sequence[Score]) -> None:
        """Publish a report, signed by its quorum, and post some of its scores, on the home chain."""
        signed = {NodeId(i): signer.sign_digest(report.hash) for i, signer in enumerate(self.signers)}
        await self.send(self.oracle, encode_publish(report, pack_attestations(signed, self.config.q)))
        proof = MerkleTree(score.leaf for score in scores).multiproof([score.leaf for score in posted])
        await self.send(self.oracle, encode_post(report.epoch, posted, proof))

    async def is_voided(self, report: Report) -> bool:
        """Return whether a report is void on the home chain."""
        (found,) = await self.chain.read(self.oracle, "isVoided(bytes32)", report.hash, returns=("bool",))
        return bool(found)

    async def offences(self, epoch: Epoch) -> list[int]:
        """Return the gravest offence proved of each member in the incident of an epoch; 1 is a wrong score."""
        view = "offenceOf(address,uint64)"
        found = [
            await self.chain.read(self.staking, view, member, epoch, returns=("uint8",))
            for member in self.config.members
        ]
        return [int(offence) for (offence,) in found]

    async def pending(self) -> int:
        """Return what was taken and is not paid yet."""
        (found,) = await self.chain.read(self.staking, "totalPending()", returns=("uint256",))
        return int(found)

    async def balance(self, account: str) -> int:
        """Return what an account has of the stake token."""
        (found,) = await self.chain.read(self.token, "balanceOf(address)", account, returns=("uint256",))
        return int(found)

    async def standing(self, epoch: Epoch, score: Score) -> Standing:
        """Return how far the demand of a leaf has come."""
        _, _, found = await self.chain.read(
            self.dispute, "demandOf(uint64,bytes32)", epoch, score.leaf, returns=("address", "uint40", "uint8")
        )
        return Standing(found)

    async def deploy(self, bundles: Sequence[str]) -> None:
        """Put stake, registry and dispute contract on the home chain, and the committee's models into the registry."""
        create, address = self.deployer.create, self.deployer.address
        self.token = create(load_forge_artifact("SandboxToken"), {}, ("string", "string", "uint8"), "Stake", "STK", 18)
        factory = create(load_forge_artifact("ScoreTables"), {})
        self.registry = create(
            load_forge_artifact("ModelRegistry"), {}, ("address", "address", "uint256"),
            self.oracle, address, UNBONDING_S,
        )  # fmt: skip
        staking = (self.oracle, self.token, UNBONDING_S, EPOCH_S, EPOCH_S, WRONG_SCORE_BPS)
        self.staking = create(
            load_forge_artifact("Staking"), {}, ("(address,address,uint256,uint256,uint256,uint256)",), staking
        )
        self.dispute = create(
            load_forge_artifact("ScoreDispute"), {}, ("address", "address", "address", "uint256", "uint256"),
            self.oracle, self.registry, self.staking, DEMAND_S, 10**9,
        )  # fmt: skip
        self.deployer.call(self.oracle, "setDispute(address)", self.dispute)
        self.deployer.call(self.token, "mint(address,uint256)", address, STAKE * self.config.n)
        self.deployer.call(self.token, "approve(address,uint256)", self.staking, MAX_UINT)
        for member in self.config.members:
            self.deployer.call(self.staking, "bond(address,uint256)", member, STAKE)
        await self.deployer.run()
        for bundle in bundles:
            await self._register(factory, bundle)
        config = self.config
        fields = (config.prev_digest, config.seq, list(config.members), config.f, config.q, config.from_epoch)
        call = encode_call("pin((bytes32,uint64,address[],uint8,uint8,uint64),bytes)", fields, config.params.encoded)
        await self.send(self.registry, call)

    async def _register(self, factory: str, bundle: str) -> None:
        data, cases = read_self_test(bundle, allow_sandbox=True)
        code, addresses = split_model(data), []
        for part in code.parts:
            (address, _) = await self.chain.read(factory, "deploy(bytes)", part, returns=("address", "bytes32"))
            addresses.append(address)
            await self.send(factory, encode_call("deploy(bytes)", part))
        register = encode_call("register(bytes,address,address[])", code.header, addresses[0], addresses[1:])
        await self.send(self.registry, register)
        named = encode_call("nameSelfTest(bytes32,bytes32)", code.model_id, self_test_hashes(cases)[0])
        await self.send(self.registry, named)
        for batch in self_test_batches(cases, cases_per_batch=CASES_PER_BATCH):
            call = encode_call(
                "runSelfTest(bytes32,(bytes,bytes)[],bytes32)", code.model_id,
                [(case.vector, case.leaf) for case in batch.cases], batch.rest,
            )  # fmt: skip
            await self.send(self.registry, call)


async def observe(court: DisputeWorld) -> Observed:
    """Return what an honest node finds at the next boundary."""
    epoch = await court.pass_boundary()
    async with open_verifier(load_settings(court.member.config_path)) as (verifier, _, _):
        return (await verifier.verify(epoch)).observed


@dataclass(frozen=True, kw_only=True)
class RunningNode:
    """The member's node as a process of its own."""

    process: asyncio.subprocess.Process
    log: Path

    async def wait_for[T](self, look: Callable[[], Awaitable[T | None]]) -> T:
        """Return what `look` finds as soon as it finds something; fails with the node's last words."""
        for _ in range(int(PATIENCE_S)):
            if (found := await look()) is not None:
                return found
            assert self.process.returncode is None, self.log.read_text()[-2_000:]
            await asyncio.sleep(1)
        raise AssertionError(self.log.read_text()[-2_000:])


@asynccontextmanager
async def running_node(court: DisputeWorld) -> AsyncIterator[RunningNode]:
    """Run the member's node; alone it agrees on nothing, but does what it does beside the protocol."""
    path = court.member.config_path.parent / "log.jsonl"
    command = (sys.executable, "-m", "oracle.cli", "node", "run", "--config", str(court.member.config_path))
    its_own = {key: value for key, value in os.environ.items() if key != "ASSAY_KEYSTORE_PASSWORD"}
    with path.open("ab") as log:
        process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=log, stderr=log, env=its_own)
    try:
        yield RunningNode(process=process, log=path)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


@asynccontextmanager
async def dispute_world(folder: Path) -> AsyncIterator[DisputeWorld]:
    """Yield a world that stands still but for what the test mines; transactions that others send are mined at once."""
    borrower_model, collateral_model = find_sandbox_models()
    assert borrower_model is not None
    assert collateral_model is not None
    sandbox = SandboxConfig(
        history=TINY_HISTORY,
        committee=CommitteeSpec(
            epoch_seconds=EPOCH_S, validity_seconds=VALIDITY_S, grace_seconds=300, challenge_seconds=CHALLENGE_S
        ),
        borrower_model=borrower_model,
        collateral_model=collateral_model,
        block_interval_s=0,
        run_directory=folder / "world",
    )
    async with await start_world(sandbox) as world:
        made = await _make(world, folder)
        await made.deploy([borrower_model.parent.name, collateral_model.parent.name])
        for chain_id in world.chain_ids:
            await world.chain(chain_id).rpc("evm_setAutomine", True)
        yield made


async def _make(world: World, folder: Path) -> DisputeWorld:
    home = world.manifest.chains[0]
    assert home.assay is not None
    chain = world.chain(home.chain_id)
    owner = world.manifest.account("deployer", str(home.chain_id)).address
    _, head_s = await chain.fetch_head()
    nonce = int(await chain.rpc("eth_getTransactionCount", owner, "latest"), 16)
    path = folder / "challenger.json"
    secret = bytes.fromhex(CHALLENGER.private_key.removeprefix("0x"))
    keystore.create(path, PASSWORD, secret=secret, scrypt_cost=4_096)
    await chain.fund([CHALLENGER.address], 10**21)
    return DisputeWorld(
        world=world,
        deployer=Deployer(chain=chain, address=owner, clock_s=max(head_s, int(time.time())), block_s=1, nonce=nonce),
        config=build_committee(world.manifest),
        member=provision_sandbox(world.manifest, folder / "committee", log_format="json")[0],
        keystore_path=path,
        oracle=home.assay.risk_oracle,
    )
