"""Files of a sandbox committee."""

from __future__ import annotations

from pathlib import Path

from oracle.node.provision import write_password


def test_write_password__new_or_open_file__is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    new, old = tmp_path / "new", tmp_path / "old"
    old.write_text("a longer word than that")
    old.chmod(0o644)

    write_password(new)
    write_password(old)

    assert [path.stat().st_mode & 0o777 for path in (new, old)] == [0o600, 0o600]
    assert [path.read_text() for path in (new, old)] == ["sandbox\n", "sandbox\n"]
