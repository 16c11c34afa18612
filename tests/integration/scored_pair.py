"""A RiskOracle on a local chain whose committee is two keys of the test's, and one pair's score published and posted by them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from eth_abi.abi import encode

from oracle.delivery.codec import encode_publish, pack_attestations
from oracle.domain.ids import Hash32, SubjectId, keccak256, uint_word
from oracle.domain.merkle import MerkleTree
from oracle.domain.report import Report
from oracle.domain.score import Binding, CollateralScore
from oracle.domain.units import HOUR_S, Bps, Epoch, Margin, NodeId, Ppm
from oracle.sandbox.aave import BLOCK_S, Deployer
from oracle.sandbox.accounts import derive_account
from oracle.sandbox.artifacts import load_forge_artifact
from oracle.sandbox.assay import GENESIS_TYPE
from oracle.sandbox.chains import AnvilChain
from oracle.sandbox.jsonrpc import Transaction, encode_call
from oracle.signing.signer import LocalSigner

CHAIN_ID = 31_337
FIRST_EPOCH = 489_555
START_S = FIRST_EPOCH * HOUR_S
VALIDITY_S, CHALLENGE_S = 3 * HOUR_S, HOUR_S
FINAL_AFTER_S = CHALLENGE_S + 60
"""Landing times are kept rounded up by 1/254 of the validity."""
PERIODS_S = (HOUR_S, VALIDITY_S, 600, CHALLENGE_S, 28 * 24 * HOUR_S, 7 * 24 * HOUR_S)
POST = "post(uint64,bytes[],bytes32[],bool[])"
PUBLISHER = derive_account(1, "publisher").address
PAIR = SubjectId(keccak256(b"pair"))
SIGNERS = tuple(LocalSigner(keccak256(b"member %d" % i)) for i in range(4))
SCORE = CollateralScore(
    subject=PAIR, margin=Margin(-9_000), volatility_ppm=Ppm(620_000), drawdown_bps=Bps(1_500), gap_ppm=Ppm(20_000),
    ltv_ceiling_bps=Bps(7_500), ltv_floor_bps=Bps(6_000), liquidation_threshold_bps=Bps(8_000),
    binding=Binding.DRAWDOWN, features_hash=keccak256(b"features"),
)  # fmt: skip


class CallRevertedError(AssertionError):
    """A transaction of a test reverted; the message is the endpoint's."""


@dataclass(kw_only=True)
class ScoredPair:
    """The oracle, who sends, and the clock of the chain."""

    deployer: Deployer
    address: str
    digest: Hash32

    @property
    def chain(self) -> AnvilChain:
        """The chain it is on."""
        return self.deployer.chain

    async def post(self, *, ltv_bps: int, threshold_bps: int, gap_ppm: int = 20_000) -> None:
        """Publish a report of the present epoch that holds this score alone, and post the score."""
        epoch = Epoch(self.deployer.clock_s // HOUR_S)
        score = replace(
            SCORE, ltv_ceiling_bps=Bps(ltv_bps), liquidation_threshold_bps=Bps(threshold_bps), gap_ppm=Ppm(gap_ppm)
        )
        report = Report(
            config_digest=self.digest, epoch=epoch, cut_hash=keccak256(b"cut" + uint_word(epoch)),
            scores_root=MerkleTree([score.leaf]).root, observers=15, borrowers=0, collaterals=1, stalled_chains=0,
        )  # fmt: skip
        signed = {NodeId(i): signer.sign_digest(report.hash) for i, signer in enumerate(SIGNERS)}
        await self.send(PUBLISHER, self.address, encode_publish(report, pack_attestations(signed, 2)))
        await self.send(PUBLISHER, self.address, encode_call(POST, epoch, [score.encoded], [], []))

    async def send(self, sender: str, to: str, data: bytes) -> int:
        """Mine one transaction in a block of its own and return its gas. Raises: CallRevertedError."""
        transaction = Transaction(sender=sender, to=to, data=data, gas=3_000_000)
        self.deployer.clock_s += BLOCK_S
        (receipt,) = await self.chain.execute([transaction], self.deployer.clock_s)
        if receipt["status"] != "0x1":
            reason = await self.chain.explain_failure(transaction)
            self.chain.forget_nonces()
            raise CallRevertedError(reason)
        return int(receipt["gasUsed"], 16)

    async def wait(self, seconds: int) -> None:
        """Let the chain's clock run on."""
        self.deployer.clock_s += seconds
        await self.chain.mine(self.deployer.clock_s)


async def deploy_scored_pair(deployer: Deployer) -> ScoredPair:
    """Deploy the oracle; its first epoch is the present one."""
    members = [signer.address for signer in SIGNERS]
    genesis = (bytes(32), members, 1, 2, bytes(32), deployer.clock_s // HOUR_S, *PERIODS_S, deployer.address)
    code = load_forge_artifact("RiskOracle").link({}) + encode((GENESIS_TYPE,), (genesis,))
    address = deployer.create_raw("RiskOracle", code)
    await deployer.chain.fund([PUBLISHER], 10**21)
    await deployer.run()
    (digest,) = await deployer.chain.read(address, "configDigest()", returns=("bytes32",))
    return ScoredPair(deployer=deployer, address=address, digest=digest)
