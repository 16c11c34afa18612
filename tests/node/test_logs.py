"""Logs: one line an event; what sounds secret is cut out; bytes are short hex."""

from __future__ import annotations

import json

import pytest
import structlog

from oracle.node.logs import configure_logs, get_log, redact_secrets, suffix_ms
from oracle.node.running import show_url


@pytest.mark.parametrize("key", ["password", "keystore_password", "private_key", "Secret", "mnemonic"])
def test_redact_secrets__telling_key__hides_its_value(key: str) -> None:
    assert redact_secrets(None, "info", {"event": "x", key: "open sesame"}) == {"event": "x", key: "[redacted]"}


def test_redact_secrets__bytes__become_short_hex() -> None:
    shown = redact_secrets(None, "info", {"root": b"\xab" * 32, "id": b"\x01"})

    assert shown == {"root": "0xabababababababab…", "id": "0x01"}


def test_suffix_ms__stages__carry_their_unit() -> None:
    assert suffix_ms({"code": 4, "landed:1": 900}) == {"code_ms": 4, "landed:1_ms": 900}


@pytest.mark.parametrize(("host", "url"), [("127.0.0.1", "http://127.0.0.1:7101"), ("::1", "http://[::1]:7101")])
def test_show_url__either_kind_of_host__can_be_opened(host: str, url: str) -> None:
    assert show_url(host, 7_101) == url


def test_configure_logs__json__writes_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(log_format="json", log_level="info")
    get_log(node=2).info("cut", epoch=7, password="open sesame")
    get_log(node=2).debug("unseen")
    structlog.reset_defaults()

    (line,) = capsys.readouterr().err.strip().splitlines()
    document = json.loads(line)
    assert {k: document[k] for k in ("event", "epoch", "node", "password")} == {
        "event": "cut",
        "epoch": 7,
        "node": 2,
        "password": "[redacted]",
    }
