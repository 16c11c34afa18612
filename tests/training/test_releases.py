"""From a dataset to a bundle that a node loads, and the command line's answers to bad input."""

from __future__ import annotations

from pathlib import Path

import pytest

from oracle.errors import SandboxBundleError
from oracle.scoring.bundle import load_bundle
from tests.training.generated import small_dataset
from training.__main__ import main
from training.datasets.folder import write_dataset


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("dataset")
    write_dataset(small_dataset(), path)
    return path


def train(folder: Path, out: Path) -> int:
    return main(["train", "--dataset", str(folder), "--bundle", "borrower-sandbox-1", "--sandbox", "--out", str(out)])


def test_train__canonical_dataset_twice__gives_the_same_sandbox_bundle(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """R-03, and S-05: the flag is in the model itself."""
    assert train(folder, tmp_path / "a") == train(folder, tmp_path / "b") == 0

    first, second = (load_bundle(tmp_path / run / "borrower-sandbox-1", allow_sandbox=True) for run in "ab")

    assert first.model_id == second.model_id
    assert first.is_sandbox_only
    assert first.trees_active
    assert "generated" in first.card.splitlines()[0]
    assert capsys.readouterr().out.count(first.card.splitlines()[0]) == 2
    with pytest.raises(SandboxBundleError):
        load_bundle(tmp_path / "a" / "borrower-sandbox-1", allow_sandbox=False)


def test_train__data_folder_missing__says_how_to_pass_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["train", "--data", str(tmp_path / "nothing"), "--profile", "small"])

    assert code == 1
    assert "make train DATA=" in capsys.readouterr().err


def test_train__data_set_missing__is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["train", "--data", str(tmp_path), "--profile", "small"])

    assert code == 1
    assert ".parquet is not there" in capsys.readouterr().err


def test_train__too_few_liquidations__says_so(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import polars as pl

    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    events = pl.read_parquet(folder / "events.parquet").filter(pl.col("kind") != 5)
    events.write_parquet(tmp_path / "events.parquet")

    assert train(tmp_path, tmp_path / "out") == 1
    assert "use more data" in capsys.readouterr().err
