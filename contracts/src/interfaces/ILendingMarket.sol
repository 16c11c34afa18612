// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import { IScoreOracle } from "./IScoreOracle.sol";

/// @title An isolated market: one collateral, one loan token
/// @notice Suppliers use the ERC-4626 functions of the same contract (`deposit`, `mint`, `withdraw`, `redeem`).
/// @dev Amounts of debt and value are in units of the loan token. Nothing here ever blocks repayment; a withdrawal of
///      free collateral and a liquidation need a price, never an unexpired score.
interface ILendingMarket {
    // --- types --------------------------------------------------------------------------------

    /// @notice What every market needs, whatever its terms.
    /// @param loanToken Token that is supplied and borrowed; fee-on-transfer tokens are refused at the first transfer.
    /// @param collateralToken Token that secures loans.
    /// @param loanFeed Price of the loan token in the market's numeraire.
    /// @param collateralFeed Price of the collateral in the same numeraire.
    /// @param loanPriceMaxAgeSeconds Oldest answer of `loanFeed` that is used.
    /// @param collateralPriceMaxAgeSeconds Oldest answer of `collateralFeed` that is used.
    /// @param closeFactorBps Share of the debt that one liquidation may repay while the collateral still covers the debt.
    /// @param liquidationBonusBps Collateral that a liquidator gets above what he repays; at most what the collateral model's
    ///        thresholds leave room for (its `bonusBps`), or liquidations at the threshold leave bad debt.
    /// @param baseRateBps Annual rate at zero utilization.
    /// @param slopeLowBps Annual rate added from zero utilization to the kink.
    /// @param slopeHighBps Annual rate added from the kink to full utilization.
    /// @param kinkBps Utilization at which the slope changes.
    /// @param name Name of the supply share.
    /// @param symbol Symbol of the supply share.
    struct MarketConfig {
        address loanToken;
        address collateralToken;
        address loanFeed;
        address collateralFeed;
        uint32 loanPriceMaxAgeSeconds;
        uint32 collateralPriceMaxAgeSeconds;
        uint16 closeFactorBps;
        uint16 liquidationBonusBps;
        uint32 baseRateBps;
        uint32 slopeLowBps;
        uint32 slopeHighBps;
        uint16 kinkBps;
        string name;
        string symbol;
    }

    /// @notice What a market with scored terms needs besides.
    /// @param gate Guard rails of the pair's score (`RiskGate`), for this market alone; it names the oracle.
    /// @param numeraire Numeraire of the pair; the collateral's subject is keccak(abi(2, chain id, collateral token, numeraire)).
    /// @param borrowerTables Data contract with the borrower model's tables; its code begins with a zero byte, so that it stays.
    /// @param borrowerTablesHash Its code hash.
    /// @param severityBps See `ITerms.Policy`.
    /// @param budgetPpm See `ITerms.Policy`.
    /// @param floorPremiumBps See `ITerms.Policy`.
    /// @param weightBps This market's share of a borrower's limit; the weights of all markets sum to at most 10,000.
    /// @param borrowerLimit Most debt above the floor of one borrower over all markets.
    struct ScoreConfig {
        address gate;
        address numeraire;
        address borrowerTables;
        bytes32 borrowerTablesHash;
        uint32 severityBps;
        uint32 budgetPpm;
        uint32 floorPremiumBps;
        uint16 weightBps;
        uint128 borrowerLimit;
    }

    /// @notice A borrower's score with its proof. An unusable epoch counts as no proof.
    struct Proof {
        uint64 epoch;
        IScoreOracle.BorrowerScore score;
        bytes32[] proof;
    }

    /// @notice What the terms of a loan stand on. All but `Rated` give the floor.
    enum Basis {
        NoProof,
        Expired,
        Superseded,
        Unrated,
        Rated
    }

    /// @notice Why a loan is refused.
    enum Refusal {
        None,
        NoCollateral,
        CollateralUnscored,
        AboveFloor,
        AboveCeiling,
        OverBudget,
        OverBorrowerLimit,
        OverExposureCap,
        NotEnoughCash
    }

    /// @notice What `borrow` would grant, for the whole position after the loan.
    /// @param allowed Whether the loan is granted; `refusal` says why not.
    /// @param basis What the terms stand on.
    /// @param askBps LTV after the loan, rounded up.
    /// @param ltvBps Step of the menu that is granted.
    /// @param premiumBps Annual premium of the whole position from then on.
    /// @param elPpm Expected loss per 30 days.
    /// @param debtAfter Debt after the loan, interest included; the books round it up, by two units at most while the index
    ///        is below 2 ray.
    /// @param exposureAfter The part of it above the floor.
    /// @param given What is too much if the loan is refused: an LTV, an expected loss or an amount.
    /// @param limit What would have been the most.
    struct Quote {
        bool allowed;
        Refusal refusal;
        Basis basis;
        uint256 askBps;
        uint32 ltvBps;
        uint32 premiumBps;
        uint32 elPpm;
        uint256 debtAfter;
        uint256 exposureAfter;
        uint256 given;
        uint256 limit;
    }

    /// @notice A borrower's books.
    /// @param collateral Collateral tokens.
    /// @param debtScaled Debt without premium, divided by the index.
    /// @param premiumDebt Premium settled and unpaid.
    /// @param premiumCheckpoint Value of the premium accumulator at which it was settled.
    /// @param premiumBps Annual premium in force.
    /// @param exposure Debt granted above the floor and not repaid.
    struct Position {
        uint128 collateral;
        uint128 debtScaled;
        uint128 premiumDebt;
        uint128 exposure;
        uint224 premiumCheckpoint;
        uint32 premiumBps;
    }

    // --- errors -------------------------------------------------------------------------------

    /// @notice Thrown when a constructor argument is out of range. `limit` is the bound that it breaks, or what it must be or not be.
    error InvalidConfig(string field, uint256 given, uint256 limit);

    /// @notice Thrown when a token, or the feed of its price, is no contract.
    error NotAContract(address given);

    /// @notice Thrown when an amount is zero.
    error ZeroAmount();

    /// @notice Thrown when a token delivers another amount than was sent, as fee-on-transfer tokens do.
    error UnsupportedToken(address token, uint256 sent, uint256 received);

    /// @notice Thrown when a price is older than the market accepts.
    error StalePrice(address feed, uint256 updatedAt, uint256 oldestAllowed);

    /// @notice Thrown when a price is zero, negative, absurdly large or from the future.
    error InvalidPrice(address feed, int256 answer);

    /// @notice Thrown when a score is another subject's.
    error WrongSubject(bytes32 given, address borrower);

    /// @notice Thrown when a loan, or a withdrawal under debt, is refused; `given` and `limit` as in `Quote`.
    error TermsRefused(Refusal refusal, Basis basis, uint256 given, uint256 limit);

    /// @notice Thrown when more collateral is withdrawn than the position has.
    error NotEnoughCollateral(uint256 asked, uint256 collateral);

    /// @notice Thrown when a repayment or liquidation finds no debt.
    error NoDebt(address borrower);

    /// @notice Thrown when a position is not liquidatable.
    error HealthyPosition(uint256 debt, uint256 debtAtThreshold);

    // --- events -------------------------------------------------------------------------------

    /// @notice Interest was added to the books.
    event InterestAccrued(uint256 indexRay, uint256 interest, uint256 premium);

    /// @notice Collateral was added.
    event CollateralSupplied(address indexed borrower, address indexed sender, uint256 amount);

    /// @notice Collateral was taken back.
    event CollateralWithdrawn(address indexed borrower, address indexed receiver, uint256 amount);

    /// @notice A loan was granted.
    event Borrowed(
        address indexed borrower,
        address indexed receiver,
        uint256 amount,
        Basis basis,
        uint32 ltvBps,
        uint32 premiumBps,
        uint32 elPpm
    );

    /// @notice Terms were set, for a loan or a withdrawal under debt: what to look up to find why.
    /// @param epoch Epoch of the borrower's score that was shown; 0 if none was, or none that counts.
    /// @param leaf Leaf of that score in its report; with the report's root, its fields can be proved.
    /// @param pairEpoch Epoch of the pair's score.
    /// @param policyVersion Policy of the gate.
    event TermsSet(
        address indexed borrower,
        uint64 indexed epoch,
        bytes32 indexed leaf,
        uint64 pairEpoch,
        uint32 policyVersion,
        uint32 ltvBps,
        uint32 premiumBps,
        uint256 exposure
    );

    /// @notice Debt was repaid.
    event Repaid(address indexed borrower, address indexed sender, uint256 amount);

    /// @notice A position was liquidated.
    event Liquidated(address indexed borrower, address indexed liquidator, uint256 repaid, uint256 seized);

    /// @notice Debt without collateral was written off against the suppliers.
    event BadDebtSocialized(address indexed borrower, uint256 amount);

    // --- writes -------------------------------------------------------------------------------

    /// @notice Adds interest up to now to the books, as every write does first, and lets the gate follow the pair's score.
    function accrue() external;

    /// @notice Adds collateral to `onBehalf`'s position.
    function supplyCollateral(uint256 amount, address onBehalf) external;

    /// @notice Takes back free collateral: all that the debt does not need at the last known floor. While the pair's stored score is
    ///         of a voided report, the lesser of its floor and the last final one counts; without debt, none does.
    function withdrawCollateral(uint256 amount, address receiver) external;

    /// @notice Takes back collateral on scored terms, as if the remaining debt were asked for now.
    function withdrawCollateral(uint256 amount, address receiver, Proof calldata proof) external;

    /// @notice Borrows on floor terms.
    function borrow(uint256 amount, address receiver) external;

    /// @notice Borrows on the terms of the caller's score.
    function borrow(uint256 amount, address receiver, Proof calldata proof) external;

    /// @notice Repays debt of `onBehalf`, premium first. More than the debt repays all.
    /// @return repaid Amount taken from the caller.
    function repay(uint256 amount, address onBehalf) external returns (uint256 repaid);

    /// @notice Repays debt of an unhealthy position for its collateral plus the bonus. More than allowed repays what is.
    /// @return repaid Amount taken from the caller.
    /// @return seized Collateral given to the caller.
    function liquidate(address borrower, uint256 amount) external returns (uint256 repaid, uint256 seized);

    // --- views --------------------------------------------------------------------------------

    /// @notice Exactly what `borrow(amount, receiver)` by `borrower` would grant now.
    function quote(address borrower, uint256 amount) external view returns (Quote memory);

    /// @notice Exactly what `borrow(amount, receiver, proof)` by `borrower` would grant now.
    function quote(address borrower, uint256 amount, Proof calldata proof) external view returns (Quote memory);

    /// @notice A borrower's books, without interest since the last accrual.
    function position(address borrower) external view returns (Position memory);

    /// @notice Debt of a borrower now, rounded up.
    function debtOf(address borrower) external view returns (uint256);

    /// @notice Value of a borrower's collateral in loan tokens, rounded down.
    function collateralValueOf(address borrower) external view returns (uint256);

    /// @notice Threshold-weighted collateral over debt, rounded down; liquidatable below 1e18. Maximum without debt.
    function healthFactorWad(address borrower) external view returns (uint256);

    /// @notice Debt of all borrowers now.
    function totalDebt() external view returns (uint256);

    /// @notice Debt granted above the floor and not repaid, of all borrowers.
    function totalExposure() external view returns (uint256);

    /// @notice Loan tokens that suppliers and borrowers can take out now.
    function cash() external view returns (uint256);

    /// @notice Liquidation threshold in force, whatever a borrower's score is.
    function liquidationThresholdBps() external view returns (uint256);

    /// @notice Annual base rate at the present utilization.
    function baseRateWad() external view returns (uint256);
}
