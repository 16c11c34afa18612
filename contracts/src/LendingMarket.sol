// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { MarketBase } from "./MarketBase.sol";
import { ILendingMarket } from "./interfaces/ILendingMarket.sol";
import { IRiskGate } from "./interfaces/IRiskGate.sol";
import { IScoreOracle } from "./interfaces/IScoreOracle.sol";
import { ITerms } from "./interfaces/ITerms.sol";
import { LeafLib } from "./libraries/LeafLib.sol";
import { ScoreMath } from "./libraries/ScoreMath.sol";
import { TermsLib } from "./libraries/TermsLib.sol";

/// @title An isolated market on scored terms
/// @notice The pair's score, as the gate lets it through, sets threshold, ceiling and floor; a borrower's score decides what he gets
///         between floor and ceiling.
/// @dev Nothing done inside one transaction improves terms: scores are of finalised blocks, a posted one is only replaced by a riskier
///      one, whoever splits a loan or moves flash-loaned collateral gets what one loan on what stays would get, stake that backs
///      loans is locked for its unbonding, and allowances of the gate grow with time alone.
contract LendingMarket is MarketBase {
    /// @notice Guard rails of the pair's score.
    IRiskGate public immutable gate;
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

    bytes32 private immutable _borrowerTablesHash;
    /// @dev Copies of the oracle's constants, which never change.
    uint256 private immutable _epochSeconds;
    uint256 private immutable _validitySeconds;

    constructor(MarketConfig memory config, ScoreConfig memory scores) MarketBase(config) {
        if (scores.weightBps > _BPS) revert InvalidConfig("weightBps", scores.weightBps, _BPS);
        ScoreMath.requireTables(scores.borrowerTables, scores.borrowerTablesHash);
        bytes memory code = scores.borrowerTables.code;
        uint256 expected = ScoreMath.BORROWER_TABLES_BYTES + 1;
        if (code.length < expected) revert InvalidConfig("borrowerTables", code.length, expected);
        // Code that begins with STOP never runs, so it can only go with the transaction that made it (EIP-6780).
        if (code[0] != 0) revert InvalidConfig("borrowerTables", uint8(code[0]), 0);
        gate = IRiskGate(scores.gate);
        oracle = gate.oracle();
        collateralSubject = LeafLib.collateralSubject(config.collateralToken, scores.numeraire);
        if (gate.pairSubject() != collateralSubject) {
            revert InvalidConfig("gate", uint256(gate.pairSubject()), uint256(collateralSubject));
        }
        // At the highest threshold the collateral must cover debt and bonus, or whoever liquidates himself gains what suppliers lose.
        uint256 most = _BPS * _BPS / gate.maxLiquidationThresholdBps() - _BPS;
        if (config.liquidationBonusBps > most) {
            revert InvalidConfig("liquidationBonusBps", config.liquidationBonusBps, most);
        }
        borrowerTables = scores.borrowerTables;
        _borrowerTablesHash = scores.borrowerTablesHash;
        severityBps = scores.severityBps;
        budgetPpm = scores.budgetPpm;
        floorPremiumBps = scores.floorPremiumBps;
        borrowerLimit = uint256(scores.borrowerLimit) * scores.weightBps / _BPS;
        _epochSeconds = oracle.epochSeconds();
        _validitySeconds = oracle.validitySeconds();
    }

    /// @inheritdoc ILendingMarket
    /// @custom:invariant M-07 A borrower's score never moves the liquidation threshold.
    function liquidationThresholdBps() public view override returns (uint256) {
        return gate.liquidationThresholdBps();
    }

    /// @notice Most debt above the floor that all borrowers may have now.
    function exposureCap() external view returns (uint256) {
        return gate.exposureCap();
    }

    /// @notice Terms that `askBps` would get in mode `Live`, with nothing to be ramped: what to watch while the mode is `Shadow`.
    /// @return terms Not allowed also while the pair's score is not one to lend on.
    /// @return basis What they stand on.
    function shadowTerms(address borrower, uint256 askBps, Proof calldata proof)
        external
        view
        returns (ITerms.Terms memory terms, Basis basis)
    {
        Standing memory standing = _scoredStanding(borrower, proof);
        IRiskGate.Guarded memory scored = gate.scored();
        if (scored.isOpen) terms = _termsOf(scored.pair, standing, askBps);
        return (terms, standing.basis);
    }

    function _refreshTerms() internal override returns (IRiskGate.Guarded memory) {
        return gate.refresh();
    }

    function _guarded() internal view override returns (IRiskGate.Guarded memory) {
        return gate.guarded();
    }

    /// @dev Where scores do not count none is needed; one that is shown in mode `Shadow` is checked and named in the audit trail.
    function _standingOf(address borrower, Proof calldata proof)
        internal
        view
        override
        returns (Standing memory standing)
    {
        IRiskGate.Mode mode = gate.mode();
        if (mode != IRiskGate.Mode.Off) standing = _scoredStanding(borrower, proof);
        if (mode < IRiskGate.Mode.Capped) (standing.basis, standing.behaviourMargin) = (Basis.NoProof, 0);
    }

    /// @dev Both forms of a borrower's subject are accepted, and the riskier of what is presented and stored counts.
    /// @custom:invariant T-03 An unusable, older or unrated score gives the floor; a stored riskier one cannot be hidden.
    function _scoredStanding(address borrower, Proof calldata proof) private view returns (Standing memory) {
        bytes32 asAccount = LeafLib.borrowerSubject(borrower);
        bytes32 asContract = LeafLib.contractSubject(borrower);
        if (proof.score.subject != asAccount && proof.score.subject != asContract) {
            revert WrongSubject(proof.score.subject, borrower);
        }
        if (!oracle.isUsable(proof.epoch)) return Standing(Basis.Expired, 0, 0, 0);
        bytes32 leaf = LeafLib.hashBorrower(proof.score);
        if (!oracle.verify(proof.epoch, leaf, proof.proof)) revert IScoreOracle.InvalidProof(proof.epoch, leaf);
        Standing memory standing = Standing(Basis.Rated, proof.score.behaviourMargin, proof.epoch, leaf);
        if (proof.score.grade == 0) {
            standing.basis = Basis.Unrated;
            return standing;
        }
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

    /// @custom:invariant M-08 Without an unexpired rated score of the collateral, with a volatility, there is no new borrowing.
    function _decide(uint256 askBps, Standing memory standing, IRiskGate.Guarded memory guarded)
        internal
        view
        override
        returns (Decision memory decision)
    {
        (decision.pairEpoch, decision.policyVersion) = (guarded.epoch, guarded.policyVersion);
        if (!guarded.isOpen) {
            return _refused(decision, Refusal.CollateralUnscored, guarded.epoch, block.timestamp / _epochSeconds);
        }
        ITerms.Pair memory pair = guarded.pair;
        bool isRated = standing.basis == Basis.Rated;
        decision.terms = _termsOf(pair, standing, askBps);
        decision.floorBps = pair.ltvFloorBps;
        decision.thresholdBps = pair.liquidationThresholdBps;
        decision.borrowerLimit = borrowerLimit;
        if (decision.terms.allowed) {
            // Reads prices of stake, which a loan at the floor must not depend on.
            if (askBps > pair.ltvFloorBps) decision.exposureCap = gate.exposureCap();
            return decision;
        }
        if (TermsLib.stepOf(pair, askBps) > pair.ltvCeilingBps) {
            return _refused(decision, Refusal.AboveCeiling, askBps, pair.ltvCeilingBps);
        }
        if (!isRated) return _refused(decision, Refusal.AboveFloor, askBps, pair.ltvFloorBps);
        return _refused(decision, Refusal.OverBudget, decision.terms.elPpm, budgetPpm);
    }

    function _termsOf(ITerms.Pair memory pair, Standing memory standing, uint256 askBps)
        private
        view
        returns (ITerms.Terms memory)
    {
        ITerms.Policy memory policy = ITerms.Policy(severityBps, budgetPpm, floorPremiumBps);
        if (standing.basis != Basis.Rated) return TermsLib.floorTerms(policy, pair, askBps);
        // Tables that were destroyed in the transaction that made them, and the market too, would read as no risk at all.
        ScoreMath.requireTables(borrowerTables, _borrowerTablesHash);
        return TermsLib.ratedTerms(borrowerTables, policy, pair, standing.behaviourMargin, askBps);
    }

    function _freeLtvBps() internal view override returns (uint256) {
        return gate.freeLtvBps();
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
