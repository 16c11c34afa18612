// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { MarketBase } from "./MarketBase.sol";
import { ILendingMarket } from "./interfaces/ILendingMarket.sol";
import { IScoreOracle } from "./interfaces/IScoreOracle.sol";
import { ITerms } from "./interfaces/ITerms.sol";
import { LeafLib } from "./libraries/LeafLib.sol";
import { ScoreMath } from "./libraries/ScoreMath.sol";
import { TermsLib } from "./libraries/TermsLib.sol";

/// @title An isolated market on scored terms
/// @notice The pair sets threshold, ceiling and floor; a borrower's score decides what he gets between floor and ceiling.
contract LendingMarket is MarketBase {
    uint256 private constant _BPS = 10_000;

    /// @notice Scores.
    IScoreOracle public immutable oracle;
    /// @notice Subject of the pair that this market lends on.
    bytes32 public immutable collateralSubject;
    /// @notice Data contract with the borrower model's tables.
    address public immutable borrowerTables;
    /// @notice See `ITerms.Policy`.
    uint32 public immutable severityBps;
    /// @notice See `ITerms.Policy`.
    uint32 public immutable budgetPpm;
    /// @notice See `ITerms.Policy`.
    uint32 public immutable floorPremiumBps;
    /// @notice Most debt above the floor of one borrower in this market: his limit times this market's weight.
    uint256 public immutable borrowerLimit;
    /// @notice Most debt above the floor of all borrowers.
    uint256 public immutable exposureCap;

    /// @dev Copies of the oracle's constants, which never change.
    uint256 private immutable _epochSeconds;
    uint256 private immutable _validitySeconds;

    constructor(MarketConfig memory config, ScoreConfig memory scores) MarketBase(config) {
        if (scores.weightBps > _BPS) revert InvalidConfig("weightBps", scores.weightBps);
        ScoreMath.requireTables(scores.borrowerTables, scores.borrowerTablesHash);
        uint256 size = scores.borrowerTables.code.length;
        if (size < ScoreMath.BORROWER_TABLES_BYTES + 1) revert InvalidConfig("borrowerTables", size);
        oracle = IScoreOracle(scores.oracle);
        collateralSubject = LeafLib.collateralSubject(config.collateralToken, scores.numeraire);
        borrowerTables = scores.borrowerTables;
        severityBps = scores.severityBps;
        budgetPpm = scores.budgetPpm;
        floorPremiumBps = scores.floorPremiumBps;
        borrowerLimit = uint256(scores.borrowerLimit) * scores.weightBps / _BPS;
        exposureCap = scores.exposureCap;
        _epochSeconds = IScoreOracle(scores.oracle).epochSeconds();
        _validitySeconds = IScoreOracle(scores.oracle).validitySeconds();
    }

    /// @inheritdoc ILendingMarket
    /// @custom:invariant M-07 A borrower's score never moves the liquidation threshold.
    function liquidationThresholdBps() public view override returns (uint256) {
        return oracle.collateralScore(collateralSubject).liquidationThresholdBps;
    }

    /// @dev Both forms of a borrower's subject are accepted, and the riskier of what is presented and stored counts.
    /// @custom:invariant T-03 An unusable, older or unrated score gives the floor; a stored riskier one cannot be hidden.
    function _standingOf(address borrower, Proof calldata proof) internal view override returns (Standing memory) {
        bytes32 asAccount = LeafLib.borrowerSubject(borrower);
        bytes32 asContract = LeafLib.contractSubject(borrower);
        if (proof.score.subject != asAccount && proof.score.subject != asContract) {
            revert WrongSubject(proof.score.subject, borrower);
        }
        if (!oracle.isUsable(proof.epoch)) return Standing(Basis.Expired, 0);
        oracle.verifyBorrower(proof.epoch, proof.score, proof.proof);
        if (proof.score.grade == 0) return Standing(Basis.Unrated, 0);

        Standing memory standing = Standing(Basis.Rated, proof.score.behaviourMargin);
        _weigh(standing, asAccount, proof.epoch);
        // An account without code had none at the cut either: code never goes away (EIP-6780), and a delegation (EIP-7702)
        // is none to the scores. So nothing is stored under that form.
        if (borrower.code.length != 0) _weigh(standing, asContract, proof.epoch);
        return standing;
    }

    /// @dev Lowers `standing` to what an unexpired stored score of `subject` leaves of it.
    function _weigh(Standing memory standing, bytes32 subject, uint64 epoch) private view {
        IScoreOracle.PostedBorrower memory stored = oracle.borrowerScore(subject);
        if (standing.basis != Basis.Rated || _isExpired(stored.epoch)) return;
        if (epoch < stored.epoch) standing.basis = Basis.Superseded;
        else if (stored.grade == 0) standing.basis = Basis.Unrated;
        else if (stored.behaviourMargin > standing.behaviourMargin) standing.behaviourMargin = stored.behaviourMargin;
    }

    /// @dev A volatility of zero is a price that never moved or was never seen; it must not pass for calm.
    /// @custom:invariant M-08 Without an unexpired rated score of the collateral, with a volatility, there is no new borrowing.
    function _decide(uint256 askBps, Standing memory standing)
        internal
        view
        override
        returns (Decision memory decision)
    {
        IScoreOracle.PostedCollateral memory posted = oracle.collateralScore(collateralSubject);
        bool isMeasured = posted.binding != ScoreMath.BINDING_UNRATED && posted.volatilityPpm != 0;
        if (!isMeasured || oracle.isExpired(posted.epoch) || oracle.isOnHold()) {
            return _refused(decision, Refusal.CollateralUnscored, posted.epoch, block.timestamp / _epochSeconds);
        }
        ITerms.Pair memory pair = ITerms.Pair({
            liquidationThresholdBps: posted.liquidationThresholdBps,
            ltvCeilingBps: posted.ltvCeilingBps,
            ltvFloorBps: posted.ltvFloorBps,
            volatilityPpm: posted.volatilityPpm,
            gapPpm: posted.gapPpm
        });
        ITerms.Policy memory policy = ITerms.Policy(severityBps, budgetPpm, floorPremiumBps);
        bool isRated = standing.basis == Basis.Rated;
        decision.terms = isRated
            ? TermsLib.ratedTerms(borrowerTables, policy, pair, standing.behaviourMargin, askBps)
            : TermsLib.floorTerms(policy, pair, askBps);
        decision.floorBps = pair.ltvFloorBps;
        decision.borrowerLimit = borrowerLimit;
        decision.exposureCap = exposureCap;
        if (decision.terms.allowed) return decision;
        if (TermsLib.stepOf(pair, askBps) > pair.ltvCeilingBps) {
            return _refused(decision, Refusal.AboveCeiling, askBps, pair.ltvCeilingBps);
        }
        if (!isRated) return _refused(decision, Refusal.AboveFloor, askBps, pair.ltvFloorBps);
        return _refused(decision, Refusal.OverBudget, decision.terms.elPpm, budgetPpm);
    }

    function _lastFloorBps() internal view override returns (uint256) {
        IScoreOracle.PostedCollateral memory posted = oracle.collateralScore(collateralSubject);
        if (!oracle.isEpochVoided(posted.epoch)) return posted.ltvFloorBps;
        // A voided floor may be a forged one; what stood before it is all that is known.
        IScoreOracle.PostedCollateral memory stood = oracle.finalisedCollateralScore(collateralSubject);
        if (oracle.isEpochVoided(stood.epoch)) return 0;
        return posted.ltvFloorBps < stood.ltvFloorBps ? posted.ltvFloorBps : stood.ltvFloorBps;
    }

    function _isExpired(uint256 epoch) private view returns (bool) {
        return epoch == 0 || block.timestamp > epoch * _epochSeconds + _validitySeconds;
    }

    function _refused(Decision memory decision, Refusal refusal, uint256 given, uint256 limit)
        private
        pure
        returns (Decision memory)
    {
        decision.refusal = refusal;
        decision.given = given;
        decision.limit = limit;
        return decision;
    }
}
