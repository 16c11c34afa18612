"""Pieces of `assay export`: tables that grow by batches, and schedules of cuts. What is in them is checked against a node in tests/integration."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import polars as pl
import pytest

from oracle.domain import canonical
from oracle.domain.report import ChainCut, Cut
from oracle.domain.units import DAY_S, BlockNumber, Epoch
from oracle.errors import ConfigurationError, ExportScheduleError
from oracle.node.export import prepare_folder
from oracle.node.export_schedule import derive_cuts
from oracle.node.export_tables import TableFolder
from oracle.node.verification import Verifier
from tests.node.committee import quick_config

pytestmark = pytest.mark.anyio

CONFIG = quick_config()
EPOCH_S = CONFIG.params.epoch_seconds
NEWEST = Epoch(30 * DAY_S // EPOCH_S + 7)
NEWEST_S = NEWEST * EPOCH_S


class FakeVerifier:
    """Cuts of any epoch; the chains' markets began at `first_s`, one of them a day earlier."""

    def __init__(self, first_s: int) -> None:
        self.readers = {
            chain.chain_id: SimpleNamespace(
                params=SimpleNamespace(markets=[SimpleNamespace(start_block=BlockNumber(5))]),
                chain=SimpleNamespace(fetch_header=self._header(first_s - number * DAY_S)),
            )
            for number, chain in enumerate(CONFIG.params.chains)
        }

    def _header(self, time_s: int) -> Any:
        async def fetch_header(number: BlockNumber) -> Any:
            return SimpleNamespace(number=number, time_s=time_s)

        return fetch_header

    async def derive_cut(self, epoch: Epoch) -> Cut:
        chain = ChainCut(
            chain_id=CONFIG.params.chains[0].chain_id, block_number=BlockNumber(epoch), block_hash=CONFIG.digest
        )
        return Cut(epoch=epoch, chains=(chain,))


async def schedule(first_s: int, *, cuts: int | None, every_days: int | None) -> list[int]:
    verifier = cast(Verifier, FakeVerifier(first_s))
    return [cut.epoch for cut in await derive_cuts(verifier, CONFIG, NEWEST, cuts=cuts, every_days=every_days)]


def epoch_before(days: int) -> int:
    return int((NEWEST_S - days * DAY_S) // EPOCH_S)


async def test_derive_cuts__nothing_asked__is_the_newest_alone() -> None:
    assert await schedule(0, cuts=None, every_days=None) == [NEWEST]


async def test_derive_cuts__number_alone__is_a_day_apart_ascending() -> None:
    assert await schedule(0, cuts=3, every_days=None) == [epoch_before(2), epoch_before(1), NEWEST]


async def test_derive_cuts__number_and_days__counts_back() -> None:
    assert await schedule(0, cuts=3, every_days=7) == [epoch_before(14), epoch_before(7), NEWEST]


async def test_derive_cuts__days_alone__goes_back_to_where_the_markets_began() -> None:
    """The newest is 10 days after the younger chain's first block: 0, 4 and 8 days back fit, 12 do not."""
    assert await schedule(NEWEST_S - 10 * DAY_S, cuts=None, every_days=4) == [epoch_before(8), epoch_before(4), NEWEST]


async def test_derive_cuts__more_than_the_history_holds__says_how_many_fit() -> None:
    with pytest.raises(ExportScheduleError, match=r"5 cuts 4 days apart do not fit: .* began 10 days .* room for 3;"):
        await schedule(NEWEST_S - 10 * DAY_S, cuts=5, every_days=4)


@pytest.mark.parametrize(
    ("cuts", "every_days", "named"), [(0, None, "--cuts 0"), (3, 0, "--every 0"), (-1, 1, "--cuts")]
)
async def test_derive_cuts__number_below_one__is_refused(cuts: int, every_days: int | None, named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        await schedule(0, cuts=cuts, every_days=every_days)


def listed(number: int) -> canonical.Row:
    return {"as_of_s": number, "subject": number.to_bytes(32, "big")}


@pytest.mark.parametrize("count", [0, 1, 3, 7, 9])
def test_table_folder__any_number_of_batches__is_one_file_in_order(tmp_path: Path, count: int) -> None:
    with TableFolder(tmp_path, batch_rows=3) as tables:
        for number in range(count):
            tables.add(canonical.LISTED, [listed(number)])
        tables.close()

    frame = pl.read_parquet(tmp_path / "listed.parquet")
    assert frame["as_of_s"].to_list() == list(range(count))
    assert frame.schema == {"as_of_s": pl.Int64(), "subject": pl.Binary()}
    assert tables.counts[canonical.LISTED] == count
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(f"{table}.parquet" for table in canonical.TABLES)


def test_table_folder__rows_wait__for_one_batch_at_most(tmp_path: Path) -> None:
    """A generator of rows is never held as a whole: before the eighth is asked for, two batches of three are on disk."""
    seen: list[int] = []

    def produce() -> Any:
        for number in range(8):
            seen.append(len(list((tmp_path / ".parts").iterdir())))
            yield listed(number)

    with TableFolder(tmp_path, batch_rows=3) as tables:
        tables.add(canonical.LISTED, produce())
        tables.close()

    assert seen == [0, 0, 0, 1, 1, 1, 2, 2]


def test_table_folder__failure__leaves_nothing(tmp_path: Path) -> None:
    def fail() -> Any:
        yield listed(1)
        raise ZeroDivisionError

    def attempt() -> None:
        with TableFolder(tmp_path, batch_rows=1) as tables:
            tables.add(canonical.LISTED, fail())

    with pytest.raises(ZeroDivisionError):
        attempt()

    assert list(tmp_path.iterdir()) == []


def test_prepare_folder__finished_export_or_strange_file__is_left_alone(tmp_path: Path) -> None:
    (tmp_path / canonical.META).write_text("{}")
    with pytest.raises(ConfigurationError, match="holds a finished export already: name a new folder"):
        prepare_folder(tmp_path)
    (tmp_path / canonical.META).rename(tmp_path / "notes.txt")
    with pytest.raises(ConfigurationError, match=r"holds notes\.txt already"):
        prepare_folder(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_prepare_folder__left_by_an_unfinished_export__is_taken(tmp_path: Path) -> None:
    (tmp_path / canonical.ASSETS).write_text("{}")

    prepare_folder(tmp_path)


def test_prepare_folder__cannot_be_made__says_why(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(ConfigurationError, match="name a folder that can be made"):
        prepare_folder(tmp_path / "file" / "out")


@pytest.mark.anyio
async def test_derive_cuts__epoch_before_the_markets__names_the_first_possible() -> None:
    with pytest.raises(
        ConfigurationError, match=r"--epoch \d+ is before the youngest chain's markets began: give \d+ or later"
    ):
        await schedule(NEWEST_S + EPOCH_S, cuts=None, every_days=None)
