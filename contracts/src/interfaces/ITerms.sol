// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// @title Values of the terms policy
/// @notice Shared by `TermsLib`, markets and consumers. Mirrors `oracle/terms`.
interface ITerms {
    /// @notice Constants of a market.
    /// @param severityBps Share of a loan lost when a borrower falls through the gap.
    /// @param budgetPpm Most expected loss per 30 days of a loan above the floor.
    /// @param floorPremiumBps Annual premium of a loan at or below the floor without a rated score.
    struct Policy {
        uint32 severityBps;
        uint32 budgetPpm;
        uint32 floorPremiumBps;
    }

    /// @notice What the pair of collateral and numeraire sets, from its score.
    struct Pair {
        uint16 liquidationThresholdBps;
        uint16 ltvCeilingBps;
        uint16 ltvFloorBps;
        uint32 volatilityPpm;
        uint32 gapPpm;
    }

    /// @notice Terms of one loan.
    /// @param allowed Whether the loan is granted.
    /// @param ltvBps The step of the menu that the ask was rounded up to; 0 if refused.
    /// @param premiumBps Annual premium over the base rate; 0 if refused.
    /// @param elPpm Expected loss per 30 days at the step asked for; 0 without a rated score and above the ceiling.
    struct Terms {
        bool allowed;
        uint32 ltvBps;
        uint32 premiumBps;
        uint32 elPpm;
    }
}
