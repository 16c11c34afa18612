"""Shares of lines and branches, by hand from LCOV."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contracts.coverage import count_covered, main, shares


def lcov(lines_hit: int, branches_hit: int) -> str:
    """Return two files of 100 lines and 50 branches together, the second one fully covered."""
    first = f"SF:a.sol\nDA:1,4\nLF:60\nLH:{lines_hit - 40}\nBRF:30\nBRH:{branches_hit - 20}\nend_of_record\n"
    return first + "SF:b.sol\nLF:40\nLH:40\nBRF:20\nBRH:20\nend_of_record\n"


def test_shares__two_files__are_of_their_sums() -> None:
    assert shares(count_covered(lcov(98, 47))) == (0.98, 0.94)


@pytest.mark.parametrize(("lines", "branches", "code"), [(97, 46, 0), (96, 50, 1), (100, 45, 1)])
def test_main__below_a_least_share__fails(lines: int, branches: int, code: int, tmp_path: Path) -> None:
    path = tmp_path / "lcov.info"
    path.write_text(lcov(lines, branches))

    assert main([str(path)]) == code


def test_main__nothing_measured__fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "lcov.info"
    path.write_text("SF:a.sol\nend_of_record\n")

    assert main([str(path)]) == 1
    assert "no line was measured" in capsys.readouterr().err


def test_main__no_file__says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "absent")]) == 1
    assert "absent" in capsys.readouterr().err
