"""How Byzantine nodes of the simulation misbehave; they run the protocol and then send something else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from oracle.consensus import quorum
from oracle.consensus.bodies import (
    BodiesBody,
    ClosedSetBody,
    CommitBody,
    CommitmentBody,
    CutBody,
    MessageKind,
    PrepareBody,
    ProposalBody,
    ViewWishBody,
)
from oracle.consensus.messages import Message, decode_message
from oracle.domain.ids import Hash32, keccak256, uint_word
from oracle.domain.score import BorrowerScore, Score
from oracle.domain.units import Margin, NodeId, Ppm, View
from tests.simulation.network import Fault, Network
from tests.simulation.world import borrower, stalled_cut_of


def lie_about_one(scores: tuple[Score, ...]) -> tuple[Score, ...]:
    first = next(score for score in scores if isinstance(score, BorrowerScore))
    lie = replace(first, state_offset=Margin(first.state_offset - 9_999), pd_ppm=Ppm(1))
    return tuple(lie if score is first else score for score in scores)


def lie_about_all(scores: tuple[Score, ...]) -> tuple[Score, ...]:
    changed = [replace(s, features_hash=keccak256(b"lie")) for s in scores[:-1]]
    return (*changed, borrower(999_999, -1))


def silent(network: Network, node: NodeId, message: Message, peer: NodeId) -> list[Message]:
    return []


def withhold_bodies(network: Network, node: NodeId, message: Message, peer: NodeId) -> list[Message]:
    """Reveal, but never say what was revealed."""
    return [] if message.kind in (MessageKind.DIGESTS, MessageKind.BODIES, MessageKind.OUTCOME) else [message]


def send_garbage_bodies(network: Network, node: NodeId, message: Message, peer: NodeId) -> list[Message]:
    body = message.body
    if not isinstance(body, BodiesBody):
        return [message]
    return [replace(message, body=replace(body, bodies=tuple(b"\x01" * 64 for _ in body.bodies)))]


def repeat_everything(network: Network, node: NodeId, message: Message, peer: NodeId) -> list[Message]:
    """Replay, also under another epoch and far ahead."""
    ahead = replace(message, view=View(message.view + 1_000))
    return [message, message, ahead, replace(message, epoch=type(message.epoch)(message.epoch + 5))]


def equivocate(network: Network, node: NodeId, message: Message, peer: NodeId) -> list[Message]:
    """Tell odd peers one thing and even peers another; as voter, vote for both."""
    body = message.body
    odd = peer % 2 == 1
    if isinstance(body, ClosedSetBody) and network.rng.randrange(2):
        return [_smaller_set(network, message, body) if odd else message]
    if isinstance(body, ProposalBody):
        first, second = message, _other_proposal(network, message, body)
        return [second if odd else first]
    if isinstance(body, PrepareBody | CommitBody):
        hashes = _rival_hashes(network, message, body)
        return [replace(message, body=type(body)(report_hash=h)) for h in (reversed(hashes) if odd else hashes)]
    if isinstance(body, CommitmentBody):
        return [message, replace(message, body=CommitmentBody(commitment=keccak256(uint_word(peer))))]
    if isinstance(body, ViewWishBody) and odd:
        return [replace(message, body=ViewWishBody(prepared_view=View(0), prepared=None, prepares=()))]
    return [message]


def play_favourites(network: Network, node: NodeId, message: Message, peer: NodeId) -> list[Message]:
    """Tell some peers only, and others another time: each message reaches about half of them."""
    return [message] if network.rng.randrange(2) else []


def misname_the_stall(network: Network, node: NodeId, message: Message, peer: NodeId) -> list[Message]:
    """Have a chain that goes on left out too: as first to propose where a chain stands still, and where none does."""
    cut = replace(stalled_cut_of(message.epoch), stalled_chains=0b01 if peer % 2 else 0b11)
    body = CutBody(chains=cut.chains, stalled_chains=cut.stalled_chains)
    false = replace(message, view=View(0), cut_hash=cut.hash, body=body)
    return [false] if message.kind is MessageKind.CUT else [false, message]


def _smaller_set(network: Network, message: Message, body: ClosedSetBody) -> Message:
    kept = body.commitments[: network.committee.observation_quorum]
    members = quorum.bitmap(decode_message(wire).sender for wire in kept)
    return replace(message, body=ClosedSetBody(members=members, commitments=kept))


def _other_proposal(network: Network, message: Message, body: ProposalBody) -> Message:
    """Return a proposal over other observers; valid too if enough revealed and their roots agree."""
    least = network.committee.observation_quorum
    reveals = body.reveals[-least:] if len(body.reveals) > least else body.reveals
    observers = quorum.bitmap(decode_message(wire).sender for wire in reveals)
    report = replace(
        body.report, observers=observers, borrowers=body.report.borrowers + (len(reveals) == len(body.reveals))
    )
    other = replace(message, body=replace(body, report=report, reveals=reveals))
    network.rivals.setdefault((message.epoch, message.view), []).append(report.hash)
    return other


def _rival_hashes(network: Network, message: Message, body: PrepareBody | CommitBody) -> list[Hash32]:
    rivals = network.rivals.get((message.epoch, message.view), [])
    return [body.report_hash, *dict.fromkeys(h for h in rivals if h != body.report_hash)]


def both(*faults: Fault) -> Fault:
    """Return one fault after the other."""

    def combined(network: Network, node: NodeId, message: Message, peer: NodeId) -> list[Message]:
        messages = [message]
        for fault in faults:
            messages = [told for m in messages for told in fault(network, node, m, peer)]
        return messages

    return combined


LIES: dict[str, Callable[[tuple[Score, ...]], tuple[Score, ...]]] = {"one": lie_about_one, "all": lie_about_all}
FAULTS: dict[str, Fault] = {
    "silent": silent,
    "equivocate": equivocate,
    "withhold": withhold_bodies,
    "garbage": send_garbage_bodies,
    "replay": repeat_everything,
    "stall": misname_the_stall,
    "favourites": play_favourites,
}
