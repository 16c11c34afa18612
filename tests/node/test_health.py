"""Health: what an operator must look at, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from oracle.consensus.events import AlarmReason
from oracle.domain.units import ChainId, Epoch, TimestampS
from oracle.node import health as health_module
from oracle.node.clock import ChainClock, SystemClock
from oracle.node.health import Health
from oracle.node.status import NodeStatus
from tests.node.committee import quick_config

CHAIN = ChainId(31337)


@pytest.fixture
def status() -> NodeStatus:
    return NodeStatus((CHAIN,))


def codes(status: NodeStatus, folder: Path, clock: SystemClock | ChainClock | None = None) -> set[str]:
    health = Health(quick_config(), status, clock or SystemClock(), folder / "node.db")
    return {trouble.code for trouble in health.troubles()}


def test_troubles__all_well__are_none(status: NodeStatus, tmp_path: Path) -> None:
    status.begin(Epoch(9))
    status.agreed_epoch = Epoch(8)

    assert codes(status, tmp_path) == set()


@pytest.mark.parametrize(("agreed", "expected"), [(7, set()), (6, {"no_agreement"})])
def test_troubles__epochs_without_agreement__red_from_the_third_on(
    status: NodeStatus, tmp_path: Path, agreed: int, expected: set[str]
) -> None:
    status.begin(Epoch(9))
    status.agreed_epoch = Epoch(agreed)

    assert codes(status, tmp_path) == expected


def test_troubles__clock_never_reaches_an_epoch__is_named(status: NodeStatus, tmp_path: Path) -> None:
    status.started_ms -= 60_000

    assert codes(status, tmp_path) == {"no_epoch"}


def test_troubles__endpoints_disagree_or_fail__are_told_apart(status: NodeStatus, tmp_path: Path) -> None:
    status.chains[CHAIN].error = "endpoints disagree on block 7"
    unreadable = codes(status, tmp_path)
    status.chains[CHAIN].is_disagreeing = True

    assert (unreadable, codes(status, tmp_path)) == ({"chain_unreadable"}, {"endpoints_disagree"})


def test_troubles__error_that_names_its_chain__names_it_once(status: NodeStatus, tmp_path: Path) -> None:
    status.chains[CHAIN].error = f"chain {CHAIN}: gone"

    (trouble,) = Health(quick_config(), status, SystemClock(), tmp_path / "node.db").troubles()

    assert trouble.detail == f"chain {CHAIN}: gone"


def test_troubles__block_from_the_future__says_that_the_clock_is_off(status: NodeStatus, tmp_path: Path) -> None:
    status.chains[CHAIN].head_time_s = TimestampS(SystemClock().now_ms() // 1_000 + 90)

    assert codes(status, tmp_path) == {"clock_off"}


def test_troubles__halted_storage_and_alarm__are_all_named(status: NodeStatus, tmp_path: Path) -> None:
    status.begin(Epoch(9))
    status.agreed_epoch = Epoch(9)
    status.halted = "a finalised block was replaced"
    status.storage_error = "disk is full"
    status.raise_alarm(Epoch(8), AlarmReason.CUT_MISMATCH)
    status.raise_alarm(Epoch(2), AlarmReason.NO_ENTRIES)

    assert codes(status, tmp_path) == {"halted", "storage", "cut_mismatch"}


def test_troubles__little_disk_left__is_named(
    status: NodeStatus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health_module, "LEAST_FREE_BYTES", 1 << 80)

    assert codes(status, tmp_path) == {"disk_low"}


def test_chain_clock__blocks__never_run_backwards() -> None:
    clock = ChainClock()
    before = clock.now_ms()

    clock.observe_block(TimestampS(1_000))
    first = clock.now_ms()
    clock.observe_block(TimestampS(900))

    assert before == 0
    assert first >= 1_000_000
    assert clock.now_ms() >= first
