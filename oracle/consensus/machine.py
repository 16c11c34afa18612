"""`step`: one event in, the new state and the effects out.

Theory of operation. An event records a fact: a cut, a salt, a message, an elapsed timer. Then the rules below run until none applies. A rule looks at the facts only, so
the order in which messages arrive does not matter, and repeating or losing one changes nothing but time. Epochs are independent; the current and the previous one live.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from oracle.consensus import (
    admission,
    agreement,
    attestation,
    blame,
    commitment,
    content,
    cut,
    proposal,
    resend,
    stall,
    transmission,
    view,
)
from oracle.consensus.events import (
    Alarm,
    AlarmReason,
    AttestationSigned,
    BoundaryReached,
    CutChecked,
    CutDerived,
    Effect,
    Event,
    LandedOnChain,
    MessageReceived,
    ObservationReady,
    RequestCut,
    SaltDrawn,
    StalledCutFound,
    Timer,
    TimerFired,
    TimerKind,
)
from oracle.consensus.messages import SignedMessage
from oracle.consensus.observation import build_observation
from oracle.consensus.state import EpochState, Local, NodeState, Step, once, put
from oracle.domain.report import Cut
from oracle.domain.score import Score
from oracle.domain.units import Epoch
from oracle.errors import LocalProtocolError, PeerProtocolError

RETAINED_EPOCHS = 2
MAX_RULES_APPLIED_COUNT = 10_000

RULES: tuple[Callable[[Local, EpochState], Step | None], ...] = (
    stall.find,
    stall.check,
    cut.adopt,
    commitment.request_observation,
    commitment.check_observation,
    view.wish,
    view.enter,
    view.announce,
    commitment.draw_salt,
    commitment.commit,
    commitment.close_set,
    commitment.reveal,
    proposal.propose,
    proposal.check_proposal,
    agreement.prepare,
    agreement.commit_report,
    agreement.decide,
    cut.compare,
    agreement.agree,
    attestation.attest,
    attestation.complete,
    blame.blame,
)


def step(state: NodeState, event: Event) -> tuple[NodeState, tuple[Effect, ...]]:
    """Return the state after an event, and what the shell must do, in this order.

    Raises:
        PeerProtocolError: if a received message breaks the protocol: drop it, count it, attribute it; the state is unchanged.
        LocalProtocolError: if the shell or this room is wrong.
    """
    match event:
        case BoundaryReached(epoch=epoch):
            return _on_boundary(state, epoch)
        case LandedOnChain():
            return _on_landed(state, event), ()
        case MessageReceived(signed=signed):
            return _on_message(state, signed)
        case CutDerived(cut=found):
            return _in_epoch(state, found.epoch, lambda s: cut.on_derived(state.local, s, found))
        case StalledCutFound(cut=found):
            return _in_epoch(state, found.epoch, lambda s: _on_confirmed(s, found))
        case CutChecked(cut=found, is_confirmed=is_confirmed):
            return _in_epoch(state, found.epoch, lambda s: _on_confirmed(s, found) if is_confirmed else (s, ()))
        case ObservationReady(scores=scores):
            return _in_epoch(state, event.epoch, lambda s: _on_observation(s, scores))
        case SaltDrawn():
            return _in_epoch(state, event.epoch, lambda s: (replace(s, salts=put(s.salts, event.view, event.salt)), ()))
        case TimerFired(timer=timer):
            return _in_epoch(state, timer.epoch, lambda s: _on_timer(state.local, s, timer))
        case AttestationSigned():
            return _in_epoch(
                state,
                event.epoch,
                lambda s: attestation.send_attestation(state.local, s, event.report_hash, event.signature),
            )


def settle(local: Local, state: EpochState) -> Step:
    """Apply rules until none has anything to do."""
    effects: list[Effect] = []
    for _ in range(MAX_RULES_APPLIED_COUNT):
        result = next((r for r in (rule(local, state) for rule in RULES) if r is not None), None)
        if result is None:
            return state, tuple(effects)
        state = result[0]
        effects += result[1]
    raise LocalProtocolError(f"epoch {state.epoch}: the rules do not come to rest")


def _in_epoch(
    node: NodeState, epoch: Epoch, record: Callable[[EpochState], Step]
) -> tuple[NodeState, tuple[Effect, ...]]:
    """Record a fact in one epoch and settle it; an epoch that is retired ignores it."""
    if epoch not in node.epochs:
        return node, ()
    state, effects = record(node.epochs[epoch])
    state, more = settle(node.local, state)
    return replace(node, epochs=put(node.epochs, epoch, state)), effects + more


def _on_boundary(node: NodeState, epoch: Epoch) -> tuple[NodeState, tuple[Effect, ...]]:
    """Open the epoch, retire old ones, and ask for every cut that is still unknown."""
    newest = epoch if node.epoch is None else max(epoch, node.epoch)
    epochs = {epoch: EpochState(epoch=epoch), **node.epochs}
    kept = {e: s for e, s in epochs.items() if e > newest - RETAINED_EPOCHS}
    effects: list[Effect] = [
        Alarm(epoch=e, reason=AlarmReason.EPOCH_MISSED)
        for e, s in sorted(epochs.items())
        if e not in kept and s.decision is None
    ]
    for e in sorted(kept):
        if e <= newest and kept[e].cut is None and "cut" not in kept[e].done:
            kept[e] = once(kept[e], "cut")
            # Repetition begins here: the proof of a decision may come, and its entries be lost, before the cut is known.
            effects += [RequestCut(epoch=e), resend.first_repetition(node.local, e), stall.first_turn(node.local, e)]
        elif e <= newest and "cut" not in kept[e].done:
            # Restored: the stalled cut that this node took is on its disk.
            state, taken = cut.take(node.local, once(kept[e], "cut"))
            kept[e], more = settle(node.local, state)
            effects += [*taken, *more]
    return replace(node, epoch=newest, epochs=kept), tuple(effects)


def _on_message(node: NodeState, signed: SignedMessage) -> tuple[NodeState, tuple[Effect, ...]]:
    committee = node.local.committee
    if signed.message.config_digest != committee.config_digest:
        raise PeerProtocolError(signed.sender, "a message of another committee")
    if signed.sender >= committee.n or any(m.sender >= committee.n for m in signed.nested):
        raise PeerProtocolError(None, f"no member has the id {signed.sender}")
    if node.epoch is None:
        return node, ()
    if signed.epoch > node.epoch + 1:
        raise PeerProtocolError(signed.sender, f"epoch {signed.epoch} is far ahead of {node.epoch}")
    if signed.epoch == node.epoch + 1 and signed.epoch not in node.epochs:
        # Its clock is a little ahead of ours: keep what it says until our boundary.
        node = replace(node, epochs=put(node.epochs, signed.epoch, EpochState(epoch=signed.epoch)))
    return _in_epoch(node, signed.epoch, lambda s: admission.receive(node.local, s, signed))


def _on_landed(node: NodeState, event: LandedOnChain) -> NodeState:
    """Stop transmitting this and every older report to the chain."""
    epochs = {
        e: replace(s, landed=s.landed | {event.chain_id}) if e <= event.epoch else s for e, s in node.epochs.items()
    }
    return replace(node, epochs=epochs)


def _on_confirmed(state: EpochState, found: Cut) -> Step:
    return replace(state, stalled_cuts=put(state.stalled_cuts, found.hash, found)), ()


def _on_observation(state: EpochState, scores: tuple[Score, ...]) -> Step:
    observation = build_observation(scores)
    return replace(state, observation=observation, store=content.keep_observation(state.store, observation)), ()


def _on_timer(local: Local, state: EpochState, timer: Timer) -> Step:
    if timer.kind is TimerKind.RESEND:
        return resend.on_resend(local, state)
    if timer.kind is TimerKind.STALL:
        return stall.on_turn(local, state)
    if timer.kind is TimerKind.TRANSMIT:
        return transmission.on_turn(local, state, timer, attestation.signatures_of(state))
    if timer.view != state.view:
        return state, ()
    return replace(state, fired=state.fired | {timer}), ()
