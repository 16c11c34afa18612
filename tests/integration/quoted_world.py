"""A tiny world with real bundles whose members' keys sign a report, and the API over it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

import httpx
import numpy as np
from eth_abi.abi import decode, encode

from oracle.api.app import create_app
from oracle.api.deps import ApiDeps, NodeStatus, RateLimit
from oracle.api.markets import MarketListing
from oracle.api.rpc_markets import RpcMarkets
from oracle.api.stored import StoredReports
from oracle.api.symbols import ChainSymbols
from oracle.chain.rpc import RpcEndpoint
from oracle.delivery.codec import encode_post, encode_publish, pack_attestations, selector
from oracle.domain.committee import CommitteeConfig
from oracle.domain.ids import ZERO_HASH, Address, borrower_subject, parse_address, to_hex
from oracle.domain.merkle import MerkleTree
from oracle.domain.report import Report
from oracle.domain.score import Score
from oracle.domain.units import ChainId, Epoch, NodeId
from oracle.sandbox.assay import build_committee
from oracle.sandbox.jsonrpc import Transaction, encode_call
from oracle.sandbox.world import World
from oracle.scoring.bundle import Bundle
from oracle.scoring.calibration import score_borrowers, score_collaterals
from oracle.scoring.reference import compute_margins
from oracle.signing.signer import LocalSigner
from oracle.storage.engine import Database
from oracle.storage.reports import ReportStore
from oracle.storage.scores import ScoreStore

CHAIN = ChainId(31_337)
EPOCH_S, VALIDITY_S, GRACE_S = 600, 6_000, 600
PROOF = "(uint64,(uint8,bytes32,int32,int32,uint32,uint32,uint16,uint8,bytes4,bytes32),bytes32[])"
QUOTE = ("bool", "uint8", "uint8", "uint256", "uint32", "uint32", "uint32", "uint256", "uint256", "uint256", "uint256")
WETH_WAD = 2 * 10**18
# Vectors of 13 slots. Calm: long debt, no trouble. Wild: short debt, often near liquidation. Young: no history, so unrated.
CALM = (45_000, 300, 1, 1, 1, 1, 65_534, 1, 9_000, 34_500, 1, 200, 1)
WILD = (33_200, 10, 9_000, 100, 1, 9, 2, 11_000, 100, 32_760, 150, 1, 6_000)
YOUNG = (36_000, 0, 1, 1, 1, 1, 65_534, 1, 1, 34_500, 1, 1, 1)
# A volatile pair, so that the budget binds for some borrowers below the ceiling.
PAIR_VECTOR = (9_000, 11_000, 14_000, 2_600, 2_900, 3_500, 900, 4_200, 2_000, 1, 1, 366, 14_000)


@dataclass(kw_only=True)
class QuotedWorld:
    """A running world, the API over it, and who is who."""

    world: World
    runner: asyncio.Runner
    api: httpx.AsyncClient
    endpoints: tuple[RpcEndpoint, ...]
    market: Address
    borrowers: dict[str, Address]
    database: Database

    def quote(self, who: str, amount: int, *, with_proof: bool = True) -> Any:
        parameters: dict[str, str | int] = {
            "borrower": to_hex(self.borrowers[who]),
            "market": to_hex(self.market),
            "chain_id": CHAIN,
            "amount": amount,
            "proof": with_proof,
        }
        answer = self.runner.run(self.api.get("/v1/quote", params=parameters))
        assert answer.status_code == 200, answer.text
        return answer.json()

    def what_if(self, who: str, amount: int, *, with_proof: bool = True) -> Any:
        parameters: dict[str, str | int] = {
            "borrower": to_hex(self.borrowers[who]),
            "market": to_hex(self.market),
            "amount": amount,
            "proof": with_proof,
        }
        answer = self.runner.run(self.api.get("/v1/what-if", params=parameters))
        assert answer.status_code == 200, answer.text
        return answer.json()

    def encoded_proof(self, who: str) -> bytes | None:
        answer = self.runner.run(self.api.get(f"/v1/borrowers/{to_hex(self.borrowers[who])}/proof"))
        return bytes.fromhex(answer.json()["proof_encoded"][2:]) if answer.status_code == 200 else None

    def contract_quote(self, who: str, amount: int, proof: bytes | None, block_number: int) -> tuple[Any, ...]:
        borrower = self.borrowers[who]
        if proof is None:
            data = selector("quote(address,uint256)") + encode(("address", "uint256"), (to_hex(borrower), amount))
        else:
            (value,) = decode((PROOF,), proof)
            data = selector(f"quote(address,uint256,{PROOF})")
            data += encode(("address", "uint256", PROOF), (to_hex(borrower), amount, value))
        call = ("eth_call", [{"to": to_hex(self.market), "data": to_hex(data)}, hex(block_number)])
        (answer,) = self.runner.run(self.endpoints[0].batch([call]))
        return decode(QUOTE, bytes.fromhex(answer[2:]))

    def send(self, sender: Address, to: str, data: bytes) -> dict[str, Any]:
        transaction = Transaction(sender=to_hex(sender), to=to, data=data, gas=3_000_000)
        (receipt,) = self.runner.run(self.world.execute(CHAIN, [transaction]))
        return receipt


def score_all(config: CommitteeConfig, models: tuple[Bundle, Bundle], who: dict[str, Address]) -> tuple[Score, ...]:
    borrower, collateral = models
    listed = {borrower_subject(who["calm"]): CALM, borrower_subject(who["wild"]): WILD}
    listed[borrower_subject(who["young"])] = YOUNG
    subjects = sorted(listed)
    rows = np.asarray([listed[subject] for subject in subjects], dtype=np.int64)
    scores: list[Score] = [
        *score_borrowers(borrower.model, subjects, rows, compute_margins(borrower.model.trees, rows))
    ]
    pairs = [pair.subject for pair in config.pairs]
    columns = np.asarray([PAIR_VECTOR] * len(pairs), dtype=np.int64)
    scores += score_collaterals(collateral.model, pairs, columns, compute_margins(collateral.model.trees, columns))
    return tuple(sorted(scores, key=lambda score: score.subject))


def store(database: Database, report: Report, scores: tuple[Score, ...], who: dict[str, Address]) -> None:
    ReportStore(database).save(report, committed_at_ms=0)
    accounts = {borrower_subject(address): address for address in who.values()}
    ScoreStore(database).save(report.epoch, scores, vectors={}, accounts=accounts)


def publish(world: World, config: CommitteeConfig, report: Report, scores: tuple[Score, ...]) -> list[Transaction]:
    """Return the transactions that publish a report and post the chain's collateral scores."""
    members = [account for account in world.manifest.accounts if account.role == "member"]
    signers = [LocalSigner(bytes.fromhex(member.private_key.removeprefix("0x"))) for member in members]
    signatures = {NodeId(config.members.index(s.address)): s.sign_digest(report.hash) for s in signers}
    entry = world.manifest.chain(CHAIN).assay
    assert entry is not None
    subjects = {pair.subject for pair in config.pairs if pair.chain_id == CHAIN}
    posted = [score for score in scores if score.subject in subjects]
    proof = MerkleTree(score.leaf for score in scores).multiproof([score.leaf for score in posted])
    calls = (
        encode_publish(report, pack_attestations(signatures, config.q)),
        encode_post(report.epoch, posted, proof),
    )
    sender = members[0].address
    return [Transaction(sender=sender, to=entry.risk_oracle, data=data, gas=10_000_000) for data in calls]


async def supply(world: World, who: dict[str, Address], market: str) -> None:
    """Give each borrower collateral in the market."""
    weth = world.manifest.chain(CHAIN).token("WETH").address
    await world.chain(CHAIN).fund([to_hex(address) for address in who.values()], 10**18)
    transactions = [
        Transaction(sender=to_hex(address), to=to, data=data, gas=500_000)
        for address in who.values()
        for to, data in (
            (weth, encode_call("mint(address,uint256)", to_hex(address), WETH_WAD)),
            (weth, encode_call("approve(address,uint256)", market, WETH_WAD)),
            (market, encode_call("supplyCollateral(uint256,address)", WETH_WAD, to_hex(address))),
        )
    ]
    receipts = await world.execute(CHAIN, transactions)
    assert {receipt["status"] for receipt in receipts} == {"0x1"}


class WallClock:
    """Block times of the world are the wall clock's."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000


class WellStatus:
    """Nothing is wrong."""

    def status(self) -> NodeStatus:
        return NodeStatus(node=None, version="test")


async def open_api(
    world: World, database: Database, models: tuple[Bundle, Bundle], runner: asyncio.Runner
) -> QuotedWorld:
    """Score, sign, publish, post, supply, and put the API over it."""
    config = build_committee(world.manifest)
    entry = world.manifest.chain(CHAIN)
    assert entry.assay is not None
    market = next(m.address for m in entry.assay.markets if m.terms == "scored" and m.collateral == "WETH")
    who = {name: Address(bytes([0xD0 + i]) * 20) for i, name in enumerate(("calm", "wild", "young", "stranger"))}
    scores = score_all(config, models, who)
    _, time_s = await world.chain(CHAIN).fetch_head()
    report = Report(
        config_digest=config.digest,
        epoch=Epoch(time_s // EPOCH_S),
        cut_hash=ZERO_HASH,
        scores_root=MerkleTree(score.leaf for score in scores).root,
        observers=15,
        borrowers=3,
        collaterals=len(config.pairs),
        stalled_chains=0,
    )
    store(database, report, scores, who)
    await world.refresh_prices()
    receipts = await world.execute(CHAIN, publish(world, config, report, scores))
    assert {receipt["status"] for receipt in receipts} == {"0x1"}
    await supply(world, who, market)
    endpoints = tuple(RpcEndpoint(url, CHAIN) for url in entry.rpc_urls)
    deps = make_deps(config, models, database, endpoints, parse_address(market.lower()))
    api = httpx.AsyncClient(transport=httpx.ASGITransport(app=create_app(deps)), base_url="http://node")
    return QuotedWorld(
        world=world,
        runner=runner,
        api=api,
        endpoints=endpoints,
        market=parse_address(market.lower()),
        borrowers=who,
        database=database,
    )


def make_deps(
    config: CommitteeConfig,
    models: tuple[Bundle, Bundle],
    database: Database,
    endpoints: tuple[RpcEndpoint, ...],
    market: Address,
) -> ApiDeps:
    markets, clock = RpcMarkets({CHAIN: endpoints}), WallClock()
    return ApiDeps(
        config=config,
        borrower_bundle=models[0],
        collateral_bundle=models[1],
        scores=StoredReports(database),
        markets=markets,
        status=WellStatus(),
        rate_limit=RateLimit(burst_count=10**6),
        clock=clock,
        listings=(MarketListing(chain_id=CHAIN, market=market),),
        symbols=ChainSymbols(markets, [(CHAIN, asset.token) for asset in config.params.chains[0].assets], clock),
    )
