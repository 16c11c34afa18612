"""A node that ran all along, one that restarted, and one that has just begun know the same at every cut, and nothing later (CH-02, CH-04, CH-06)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace

from hypothesis import example, given, settings
from hypothesis import strategies as st

from oracle.chain.checked import CheckedChain
from oracle.chain.histories import Histories
from oracle.chain.reader import ChainReader, fetch_histories
from oracle.chain.rows import MemoryRows
from oracle.domain.committee import CommitteeConfig, Params
from oracle.domain.ids import ZERO_HASH, Address, Hash32
from oracle.domain.report import ChainCut, Cut
from oracle.domain.units import DAY_S, RAY, BlockNumber, Epoch, TimestampS
from tests.chain import morpho_logs
from tests.chain.aave_logs import answer, burn, market_opened, opened_loan, repay, reserve_data, supply
from tests.chain.fake_endpoint import CHAIN_ID, USDC, WETH, FakeChain, FakeEndpoint, FakeLog, address_of, make_params

EPOCH_S = 3_600
OPENED_S = 20_000 * DAY_S - EPOCH_S
ACCOUNTS = [address_of(f"borrower {i}") for i in range(3)]
_AAVE = make_params()
PARAMS = replace(_AAVE, markets=(*_AAVE.markets, *morpho_logs.params_listing()))
"""One chain with a market of each kind: their rows lie between each other."""
CONFIG = CommitteeConfig(
    prev_digest=ZERO_HASH,
    seq=0,
    members=tuple(address_of(f"member {i}") for i in range(4)),
    f=1,
    q=3,
    params=Params(
        chains=(PARAMS,),
        borrower_model_id=ZERO_HASH,
        collateral_model_id=ZERO_HASH,
        epoch_seconds=EPOCH_S,
        validity_seconds=3 * EPOCH_S,
    ),
    from_epoch=Epoch(0),
)
QUIET, LOAN, PRICE, REPAY, RATE, GIFT, ISOLATED_LOAN, ISOLATED_REPAY, ANNOUNCED = range(9)
NOTHING, OBSERVE, STALLED, RESTART = range(4)
SAME_SECOND, HOUR = 0, EPOCH_S


@dataclass(frozen=True)
class Step:
    """A block some time after the one before, with what one account does in it, and what the running node does then."""

    gap_s: int
    action: int
    account: Address
    amount: int
    node: int


steps = st.builds(
    Step,
    gap_s=st.sampled_from([SAME_SECOND, SAME_SECOND, 1, 12, 1_799, HOUR, HOUR, 5_000, DAY_S, 3 * DAY_S + 77]),
    action=st.integers(QUIET, ANNOUNCED),
    account=st.sampled_from(ACCOUNTS),
    amount=st.integers(1, 3_000),
    node=st.integers(NOTHING, RESTART),
)


@dataclass
class Activity:
    """What is owed, so that nobody repays more."""

    owed: dict[Address, int] = field(default_factory=dict)
    isolated: dict[Address, int] = field(default_factory=dict)

    def logs(self, step: Step) -> list[FakeLog]:
        who, amount = step.account, step.amount * 10**6
        match step.action:
            case 1:
                self.owed[who] = self.owed.get(who, 0) + amount
                return opened_loan(who, collateral=step.amount * 10**15, debt=amount)
            case 2:
                return [answer(WETH, step.amount * 10**8)]
            case 3 if self.owed.get(who):
                paid = min(amount, self.owed[who])
                self.owed[who] -= paid
                return [burn(USDC, who, paid, debt=True), repay(USDC, who, paid, caller=who)]
            case 4:
                return [reserve_data(USDC, debt_rate=step.amount * RAY // 10_000)]
            case 5:
                return [supply(WETH, who, amount, caller=ACCOUNTS[0])]
            case 6:
                self.isolated[who] = self.isolated.get(who, 0) + amount
                return morpho_logs.opened_loan(who, collateral=step.amount * 10**15, debt=amount)
            case 7 if self.isolated.get(who):
                paid = min(amount, self.isolated[who])
                self.isolated[who] -= paid
                return [morpho_logs.repaid(morpho_logs.ETHER_MARKET, who, paid, paid * morpho_logs.SHARES)]
            case 8 if step.amount % 2:
                rate = step.amount * 10**7
                return [morpho_logs.rate_adapted(morpho_logs.ETHER_MARKET, rate, rate)]
            case 8:
                return [morpho_logs.rate_announced(morpho_logs.ETHER_MARKET, step.amount * 10**7)]
        return []


def make_reader(chain: FakeChain, rows: MemoryRows) -> ChainReader:
    endpoints = [FakeEndpoint("a", chain), FakeEndpoint("b", chain)]
    return ChainReader(PARAMS, CheckedChain(CHAIN_ID, endpoints), rows)


async def find_cut(reader: ChainReader, chain: FakeChain, *, is_stalled: bool) -> Cut | None:
    """Return the cut of the newest boundary that is over, on a stalled chain its head for the next boundary."""
    head = chain.blocks[-1]
    if is_stalled:
        found = ChainCut(
            chain_id=CHAIN_ID, block_number=BlockNumber(len(chain.blocks) - 1), block_hash=Hash32(head.block_hash)
        )
        return Cut(epoch=Epoch(-(-head.time_s // EPOCH_S)), chains=(found,), stalled_chains=1)
    epoch = Epoch((head.time_s - 1) // EPOCH_S)
    derived = await reader.derive_cut(TimestampS(epoch * EPOCH_S))
    return None if derived is None else Cut(epoch=epoch, chains=(derived,))


async def histories_of(reader: ChainReader, cut: Cut) -> Histories:
    await reader.sync()
    return await fetch_histories(CONFIG, {CHAIN_ID: reader}, cut)


def latest_time_s(histories: Histories) -> int:
    """Return the latest time of anything in the histories."""
    borrowers = histories.borrowers
    events = [e.time_s for h in borrowers for e in h.events]
    samples = [s.time_s for h in borrowers for s in h.samples]
    hours = [series.last_hour_s for h in borrowers for _, series in h.token_prices]
    return max([0, *events, *samples, *hours, *(h.series.last_hour_s for h in histories.collaterals)])


async def live_through(chain: FakeChain, taken: list[Step]) -> None:
    """Let one node observe on its way, and at each cut one that has just begun: they agree."""
    rows, activity = MemoryRows(), Activity()
    running = make_reader(chain, rows)
    for step in [*taken, Step(DAY_S, QUIET, ACCOUNTS[0], 1, OBSERVE)]:
        chain.mine(chain.blocks[-1].time_s + step.gap_s, activity.logs(step))
        if step.node == RESTART:
            running = make_reader(chain, rows)
        if step.node == NOTHING:
            continue
        cut = await find_cut(running, chain, is_stalled=step.node == STALLED)
        if cut is not None:
            fresh = make_reader(chain, MemoryRows())
            known = await histories_of(running, cut)
            is_same = known == await histories_of(fresh, cut)
            assert is_same, f"another history at block {cut.chains[0].block_number}"  # shown whole it fills the screen
            assert latest_time_s(known) <= cut.epoch * EPOCH_S


@settings(max_examples=40)
@given(taken=st.lists(steps, max_size=14))
@example(
    # The head of a stalled chain lies on a full hour, and a further block of the same second follows.
    taken=[
        Step(12, LOAN, ACCOUNTS[0], 500, NOTHING),
        Step(HOUR - 12, QUIET, ACCOUNTS[0], 1, STALLED),
        Step(SAME_SECOND, PRICE, ACCOUNTS[0], 900, NOTHING),
    ]
)
@example(
    # An isolated loan under a rate that only its model told, before and after a restart.
    taken=[
        Step(12, ANNOUNCED, ACCOUNTS[0], 900, NOTHING),
        Step(12, ISOLATED_LOAN, ACCOUNTS[1], 1_500, OBSERVE),
        Step(DAY_S, ISOLATED_REPAY, ACCOUNTS[1], 400, RESTART),
        Step(DAY_S, ISOLATED_LOAN, ACCOUNTS[1], 400, OBSERVE),
    ]
)
def test_histories__running_restarted_and_fresh_node__are_the_same_at_every_cut(taken: list[Step]) -> None:
    chain = FakeChain(first_time_s=OPENED_S - 1)
    chain.mine(OPENED_S, [*market_opened(), *morpho_logs.singleton_opened()])

    asyncio.run(live_through(chain, taken))
