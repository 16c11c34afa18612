"""Reads the frozen vectors."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from oracle.consensus.bodies import MessageKind
from oracle.consensus.decoding import decode_body
from oracle.consensus.messages import Message, SignedMessage
from oracle.domain.ids import Hash32
from oracle.domain.units import Epoch, NodeId, View

FOLDER = Path(__file__).resolve().parent.parent / "vectors"


@cache
def load(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def raw(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def h32(text: str) -> Hash32:
    return Hash32(raw(text))


def signed_of(case: Any) -> SignedMessage:
    """Return the message of one case of messages.json."""
    message = Message(
        config_digest=h32(case["configDigest"]),
        epoch=Epoch(int(case["epoch"])),
        view=View(case["view"]),
        cut_hash=h32(case["cutHash"]),
        sender=NodeId(case["sender"]),
        body=decode_body(MessageKind(case["kind"]), raw(case["body"])),
    )
    return SignedMessage(message=message, signature=raw(case["signature"]))
