// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// @notice The newest report and the landing of the fifteen epochs before it, in one word.
/// @dev From the low end: epoch (40 bits), its landing time (40), newest epoch that was ever voided (40), 8 spare bits, then
///      sixteen bytes: byte i belongs to epoch `head - i`, 0 if no report of it landed, else how late it landed.
type HeadWord is uint256;

using HeadLib for HeadWord global;

/// @title The head as one word
/// @notice `publish` reads and writes it once, so that a report costs one slot for the head and one for its root.
/// @dev Lateness counts from 60 s before the boundary, in units of `unitS`, rounded up: 1 .. 254. So the landing time that
///      follows from it is never earlier than the true one, and the challenge window never ends early.
library HeadLib {
    /// @notice Epochs whose landing is kept, and slots of the ring of roots.
    uint256 internal constant RING = 16;
    /// @notice How far a report's boundary may lie ahead of the block time.
    uint256 internal constant CLOCK_TOLERANCE_S = 60;

    uint256 private constant _TIME_MASK = type(uint40).max;
    uint256 private constant _LANDED_AT_SHIFT = 40;
    uint256 private constant _VOIDED_SHIFT = 80;
    uint256 private constant _LATENESS_SHIFT = 128;
    uint256 private constant _STEPS = 254;

    /// @notice Unit of lateness such that the latest landing takes 254 units.
    function unitOf(uint256 validitySeconds) internal pure returns (uint256 unitS) {
        return (validitySeconds + CLOCK_TOLERANCE_S) / _STEPS + 1;
    }

    /// @notice Epoch of the newest report, 0 before the first.
    function epoch(HeadWord head) internal pure returns (uint256) {
        return HeadWord.unwrap(head) & _TIME_MASK;
    }

    /// @notice Block time at which the newest report landed.
    function landedAt(HeadWord head) internal pure returns (uint256) {
        return (HeadWord.unwrap(head) >> _LANDED_AT_SHIFT) & _TIME_MASK;
    }

    /// @notice Newest epoch of which a report was voided, landed or not. Above it nothing needs a look at the voided ones.
    function newestVoided(HeadWord head) internal pure returns (uint256) {
        return (HeadWord.unwrap(head) >> _VOIDED_SHIFT) & _TIME_MASK;
    }

    /// @notice Lateness of the report of `epoch_`, 0 if none landed or it is out of the ring.
    function latenessOf(HeadWord head, uint256 epoch_) internal pure returns (uint256) {
        uint256 newest = epoch(head);
        if (epoch_ > newest || newest - epoch_ >= RING) return 0;
        return (HeadWord.unwrap(head) >> (_LATENESS_SHIFT + 8 * (newest - epoch_))) & 0xff;
    }

    /// @notice The epoch that was the head before, 0 if there was none among the fifteen before it.
    function previousEpoch(HeadWord head) internal pure returns (uint256) {
        uint256 newest = epoch(head);
        uint256 older = HeadWord.unwrap(head) >> (_LATENESS_SHIFT + 8);
        if (older == 0) return 0;
        uint256 age = 1;
        for (; older & 0xff == 0; older >>= 8) {
            ++age;
        }
        return newest - age;
    }

    /// @notice The head after the report of `epoch_` landed at `timestamp`, `lateness` units late.
    /// @dev The caller checked that `epoch_` is above the head's, that both fit 40 bits, and that `lateness` fits 8.
    function landed(HeadWord head, uint256 epoch_, uint256 timestamp, uint256 lateness)
        internal
        pure
        returns (HeadWord)
    {
        uint256 word = HeadWord.unwrap(head);
        uint256 distance = epoch_ - epoch(head);
        uint256 latenesses = distance < RING ? (word >> _LATENESS_SHIFT) << (_LATENESS_SHIFT + 8 * distance) : 0;
        uint256 kept = word & (_TIME_MASK << _VOIDED_SHIFT);
        return
            HeadWord.wrap(latenesses | (lateness << _LATENESS_SHIFT) | kept | (timestamp << _LANDED_AT_SHIFT) | epoch_);
    }

    /// @notice The head after a report of `epoch_` was voided.
    function voided(HeadWord head, uint256 epoch_) internal pure returns (HeadWord) {
        if (epoch_ <= newestVoided(head)) return head;
        uint256 capped = epoch_ < _TIME_MASK ? epoch_ : _TIME_MASK;
        return HeadWord.wrap((HeadWord.unwrap(head) & ~(_TIME_MASK << _VOIDED_SHIFT)) | (capped << _VOIDED_SHIFT));
    }
}
