"""`assay node check` against real sockets: every precondition is tried, and each trouble is one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from oracle.node.transport import bind_socket
from oracle.signing import keystore
from tests.node.test_commands import CHEAP_SCRYPT, member, run

__all__ = ["member"]
pytestmark = pytest.mark.enable_socket


def test_check__wrong_password__names_it_and_looks_further(member: Path) -> None:
    (member.parent / "password").write_text("wrong\n")

    code, output = run("check", "--config", str(member))

    assert code == 1
    assert "bad  keystore" in output
    assert "ok   database" in output


def test_check__key_of_nobody__says_so(member: Path) -> None:
    (member.parent / "keystore.json").unlink()
    keystore.create(member.parent / "keystore.json", "open sesame", scrypt_cost=CHEAP_SCRYPT)

    code, output = run("check", "--config", str(member))

    assert code == 1
    assert "bad  membership" in output


def test_check__other_model_than_the_committee__says_so(member: Path) -> None:
    code, output = run("check", "--config", str(member))

    assert code == 1
    assert "bad  bundles" in output


def test_check__unreachable_endpoints__are_named_by_host(member: Path) -> None:
    code, output = run("check", "--config", str(member))

    assert code == 1
    assert "bad  chain 31337" in output


def test_check__peers_left_out__says_who_is_missing(member: Path) -> None:
    code, output = run("check", "--config", str(member))

    assert code == 1
    assert "bad  peers: [peers] must name each other member once: missing" in output


def test_check__port_in_use__is_named(member: Path) -> None:
    taken = bind_socket("127.0.0.1", 0)
    port = taken.getsockname()[1]
    member.write_text(member.read_text().replace("listen_port = 7105", f"listen_port = {port}"))

    code, output = run("check", "--config", str(member))
    taken.close()

    assert code == 1
    assert f"bad  port: 127.0.0.1:{port} is in use" in output
