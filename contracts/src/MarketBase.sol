// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { ERC20 } from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import { IERC20 } from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import { ERC4626 } from "@openzeppelin/contracts/token/ERC20/extensions/ERC4626.sol";
import { SafeERC20 } from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import { ReentrancyGuardTransient } from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import { Math } from "@openzeppelin/contracts/utils/math/Math.sol";
import { SafeCast } from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import { ILendingMarket } from "./interfaces/ILendingMarket.sol";
import { IRiskGate } from "./interfaces/IRiskGate.sol";
import { ITerms } from "./interfaces/ITerms.sol";
import { DebtLib } from "./libraries/DebtLib.sol";
import { PriceLib } from "./libraries/PriceLib.sol";

/// @title An isolated market without an opinion on terms
/// @notice Supply side (ERC-4626), collateral, debt, liquidation and bad debt. What a loan gets is the subclass's business.
abstract contract MarketBase is ILendingMarket, ERC4626, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;
    using DebtLib for DebtLib.Books;
    using PriceLib for PriceLib.Price;

    /// @dev What the terms of a loan stand on; `behaviourMargin` counts only if the basis is `Rated`. `epoch` and `leaf` are of
    ///      the score that was shown, zero if none was.
    struct Standing {
        Basis basis;
        int32 behaviourMargin;
        uint64 epoch;
        bytes32 leaf;
    }

    /// @dev What a subclass decides about one ask. `given` and `limit` explain a refusal; the limits count above the floor only.
    struct Decision {
        ITerms.Terms terms;
        uint64 pairEpoch;
        uint32 policyVersion;
        Refusal refusal;
        uint256 floorBps;
        uint256 thresholdBps;
        uint256 borrowerLimit;
        uint256 exposureCap;
        uint256 given;
        uint256 limit;
    }

    uint256 internal constant _BPS = 10_000;
    uint256 private constant _WAD = 1e18;

    /// @notice Token that secures loans.
    IERC20 public immutable collateralToken;
    /// @notice Price of the loan token in the market's numeraire.
    address public immutable loanFeed;
    /// @notice Price of the collateral in the same numeraire.
    address public immutable collateralFeed;
    /// @notice Oldest answer of `loanFeed` that is used.
    uint256 public immutable loanPriceMaxAgeSeconds;
    /// @notice Oldest answer of `collateralFeed` that is used.
    uint256 public immutable collateralPriceMaxAgeSeconds;
    /// @notice Share of the debt that one liquidation may repay.
    uint256 public immutable closeFactorBps;
    /// @notice Collateral that a liquidator gets above what he repays.
    uint256 public immutable liquidationBonusBps;

    /// @dev Decimals of tokens and feeds, folded into both sides of a price.
    uint256 private immutable _scaleNumerator;
    uint256 private immutable _scaleDenominator;

    DebtLib.RateCurve private _curve;
    DebtLib.Books private _books;
    mapping(address borrower => Position) private _positions;

    constructor(MarketConfig memory config) ERC20(config.name, config.symbol) ERC4626(IERC20(config.loanToken)) {
        if (config.loanToken == config.collateralToken) {
            revert InvalidConfig("collateralToken", uint160(config.collateralToken), uint160(config.loanToken));
        }
        if (config.closeFactorBps == 0 || config.closeFactorBps > _BPS) {
            revert InvalidConfig("closeFactorBps", config.closeFactorBps, _BPS);
        }
        if (config.liquidationBonusBps > _BPS) {
            revert InvalidConfig("liquidationBonusBps", config.liquidationBonusBps, _BPS);
        }
        if (config.kinkBps == 0 || config.kinkBps >= _BPS) revert InvalidConfig("kinkBps", config.kinkBps, _BPS - 1);
        collateralToken = IERC20(config.collateralToken);
        loanFeed = config.loanFeed;
        collateralFeed = config.collateralFeed;
        loanPriceMaxAgeSeconds = config.loanPriceMaxAgeSeconds;
        collateralPriceMaxAgeSeconds = config.collateralPriceMaxAgeSeconds;
        closeFactorBps = config.closeFactorBps;
        liquidationBonusBps = config.liquidationBonusBps;
        _scaleNumerator = PriceLib.scaleOf(config.loanToken, config.loanFeed);
        _scaleDenominator = PriceLib.scaleOf(config.collateralToken, config.collateralFeed);
        _curve = DebtLib.RateCurve({
            baseRateBps: config.baseRateBps,
            slopeLowBps: config.slopeLowBps,
            slopeHighBps: config.slopeHighBps,
            kinkBps: config.kinkBps
        });
        _books.indexRay = uint128(DebtLib.RAY);
        _books.accruedAt = uint64(block.timestamp);
    }

    // --- writes -------------------------------------------------------------------------------

    /// @inheritdoc ILendingMarket
    function accrue() external nonReentrant {
        _refreshTerms();
        _books = _accrueWithEvent();
    }

    /// @inheritdoc ILendingMarket
    function supplyCollateral(uint256 amount, address onBehalf) external nonReentrant {
        if (amount == 0) revert ZeroAmount();
        Position storage books = _positions[onBehalf];
        books.collateral = SafeCast.toUint128(books.collateral + amount);
        emit CollateralSupplied(onBehalf, msg.sender, amount);
        _pull(collateralToken, amount);
    }

    /// @inheritdoc ILendingMarket
    function withdrawCollateral(uint256 amount, address receiver) external nonReentrant {
        (DebtLib.Books memory books, Position memory own) = _open(msg.sender);
        _takeCollateral(own, amount);
        uint256 debt = books.debtOf(own);
        if (debt != 0) {
            // No loan is made, so the last known floor serves, even if the score has expired.
            uint256 askBps = PriceLib.ltvBps(debt, _price().valueOf(own.collateral));
            uint256 floorBps = _freeLtvBps();
            if (askBps > floorBps) revert TermsRefused(Refusal.AboveFloor, Basis.NoProof, askBps, floorBps);
        }
        _close(msg.sender, books, own);
        emit CollateralWithdrawn(msg.sender, receiver, amount);
        collateralToken.safeTransfer(receiver, amount);
    }

    /// @inheritdoc ILendingMarket
    function withdrawCollateral(uint256 amount, address receiver, Proof calldata proof) external nonReentrant {
        (DebtLib.Books memory books, Position memory own) = _open(msg.sender);
        _takeCollateral(own, amount);
        Standing memory standing = _standingOf(msg.sender, proof);
        if (books.debtOf(own) != 0) _grant(books, own, 0, standing);
        _close(msg.sender, books, own);
        emit CollateralWithdrawn(msg.sender, receiver, amount);
        collateralToken.safeTransfer(receiver, amount);
    }

    /// @inheritdoc ILendingMarket
    function borrow(uint256 amount, address receiver) external nonReentrant {
        _borrow(amount, receiver, Standing(Basis.NoProof, 0, 0, 0));
    }

    /// @inheritdoc ILendingMarket
    function borrow(uint256 amount, address receiver, Proof calldata proof) external nonReentrant {
        _borrow(amount, receiver, _standingOf(msg.sender, proof));
    }

    /// @inheritdoc ILendingMarket
    /// @custom:invariant M-03 Repayment needs no price and no score, expired or not.
    function repay(uint256 amount, address onBehalf) external nonReentrant returns (uint256 repaid) {
        if (amount == 0) revert ZeroAmount();
        (DebtLib.Books memory books, Position memory own) = _open(onBehalf);
        uint256 debt = books.debtOf(own);
        if (debt == 0) revert NoDebt(onBehalf);
        repaid = Math.min(amount, debt);
        books.reduceDebt(own, repaid, debt);
        books.cash = SafeCast.toUint128(books.cash + repaid);
        _close(onBehalf, books, own);
        emit Repaid(onBehalf, msg.sender, repaid);
        _pull(IERC20(asset()), repaid);
    }

    /// @inheritdoc ILendingMarket
    function liquidate(address borrower, uint256 amount)
        external
        nonReentrant
        returns (uint256 repaid, uint256 seized)
    {
        if (amount == 0) revert ZeroAmount();
        (DebtLib.Books memory books, Position memory own) = _open(borrower);
        uint256 debt = books.debtOf(own);
        if (debt == 0) revert NoDebt(borrower);
        (repaid, seized) = _liquidation(own.collateral, debt, amount);
        books.reduceDebt(own, repaid, debt);
        books.cash = SafeCast.toUint128(books.cash + repaid);
        // Cast is safe: seized is at most the uint128 collateral.
        own.collateral -= uint128(seized);
        emit Liquidated(borrower, msg.sender, repaid, seized);
        if (own.collateral == 0 && repaid < debt) _writeOff(borrower, books, own);
        _close(borrower, books, own);
        _pull(IERC20(asset()), repaid);
        collateralToken.safeTransfer(msg.sender, seized);
    }

    // --- views --------------------------------------------------------------------------------

    /// @inheritdoc ILendingMarket
    function quote(address borrower, uint256 amount) external view returns (Quote memory) {
        return _quote(borrower, amount, Standing(Basis.NoProof, 0, 0, 0));
    }

    /// @inheritdoc ILendingMarket
    function quote(address borrower, uint256 amount, Proof calldata proof) external view returns (Quote memory) {
        return _quote(borrower, amount, _standingOf(borrower, proof));
    }

    /// @inheritdoc ILendingMarket
    function position(address borrower) external view returns (Position memory) {
        return _positions[borrower];
    }

    /// @inheritdoc ILendingMarket
    function debtOf(address borrower) external view returns (uint256) {
        return _accrued().debtOf(_positions[borrower]);
    }

    /// @inheritdoc ILendingMarket
    function collateralValueOf(address borrower) external view returns (uint256) {
        return _price().valueOf(_positions[borrower].collateral);
    }

    /// @inheritdoc ILendingMarket
    function healthFactorWad(address borrower) external view returns (uint256) {
        Position memory own = _positions[borrower];
        uint256 debt = _accrued().debtOf(own);
        if (debt == 0) return type(uint256).max;
        return Math.mulDiv(_debtAtThreshold(_price().valueOf(own.collateral)), _WAD, debt);
    }

    /// @inheritdoc ILendingMarket
    function totalDebt() external view returns (uint256) {
        return _accrued().totalDebt();
    }

    /// @inheritdoc ILendingMarket
    function totalExposure() external view returns (uint256) {
        return _books.exposure;
    }

    /// @inheritdoc ILendingMarket
    function cash() external view returns (uint256) {
        return _books.cash;
    }

    /// @inheritdoc ILendingMarket
    function baseRateWad() external view returns (uint256) {
        return DebtLib.baseRateWad(_accrued(), _curve);
    }

    /// @inheritdoc ILendingMarket
    function liquidationThresholdBps() public view virtual returns (uint256);

    /// @notice What suppliers own: cash and debt up to now.
    function totalAssets() public view override returns (uint256) {
        DebtLib.Books memory books = _accrued();
        return books.cash + books.totalDebt();
    }

    /// @notice Most that can be supplied now, so that the books can hold it and all that is lent.
    function maxDeposit(address) public view override returns (uint256) {
        return Math.saturatingSub(type(uint128).max, totalAssets());
    }

    /// @notice Most shares that can be minted now; see `maxDeposit`.
    function maxMint(address receiver) public view override returns (uint256) {
        return convertToShares(maxDeposit(receiver));
    }

    /// @notice Most that `owner` can take out now, cash permitting.
    function maxWithdraw(address owner) public view override returns (uint256) {
        return Math.min(super.maxWithdraw(owner), _books.cash);
    }

    /// @notice Most shares that `owner` can redeem now, cash permitting.
    function maxRedeem(address owner) public view override returns (uint256) {
        return Math.min(super.maxRedeem(owner), convertToShares(_books.cash));
    }

    // --- terms, by the subclass ---------------------------------------------------------------

    /// @dev Brings what terms are made from up to now, before a loan, and tells it.
    function _refreshTerms() internal virtual returns (IRiskGate.Guarded memory) { }

    /// @dev What `_refreshTerms` would tell.
    function _guarded() internal view virtual returns (IRiskGate.Guarded memory) { }

    /// @dev What a presented score is worth. Reverts if it is another subject's or not in its report.
    function _standingOf(address borrower, Proof calldata proof) internal view virtual returns (Standing memory);

    /// @dev Terms and limits of a loan that leads to `askBps`.
    function _decide(uint256 askBps, Standing memory standing, IRiskGate.Guarded memory guarded)
        internal
        view
        virtual
        returns (Decision memory);

    /// @dev The LTV up to which collateral under a debt is free, with or without an unexpired score.
    function _freeLtvBps() internal view virtual returns (uint256);

    // --- supply side --------------------------------------------------------------------------

    /// @dev Books and shares move together after the transfer: a token that calls back sees a true share price.
    function _deposit(address caller, address receiver, uint256 assets, uint256 shares) internal override nonReentrant {
        _pull(IERC20(asset()), assets);
        DebtLib.Books memory books = _accrueWithEvent();
        books.cash = SafeCast.toUint128(books.cash + assets);
        _books = books;
        _mint(receiver, shares);
        emit Deposit(caller, receiver, assets, shares);
    }

    function _withdraw(address caller, address receiver, address owner, uint256 assets, uint256 shares)
        internal
        override
        nonReentrant
    {
        DebtLib.Books memory books = _accrueWithEvent();
        books.cash = SafeCast.toUint128(books.cash - assets);
        _books = books;
        super._withdraw(caller, receiver, owner, assets, shares);
    }

    /// @dev Virtual shares: a donation or first deposit cannot price later depositors out of theirs.
    function _decimalsOffset() internal pure override returns (uint8) {
        return 6;
    }

    // --- internal -----------------------------------------------------------------------------

    function _borrow(uint256 amount, address receiver, Standing memory standing) private {
        if (amount == 0) revert ZeroAmount();
        (DebtLib.Books memory books, Position memory own) = _open(msg.sender);
        Quote memory granted = _grant(books, own, amount, standing);
        _close(msg.sender, books, own);
        emit Borrowed(msg.sender, receiver, amount, granted.basis, granted.ltvBps, granted.premiumBps, granted.elPpm);
        IERC20(asset()).safeTransfer(receiver, amount);
    }

    /// @dev Books a loan of `amount` on the terms that `_evaluate` gives, or reverts.
    function _grant(DebtLib.Books memory books, Position memory own, uint256 amount, Standing memory standing)
        private
        returns (Quote memory granted)
    {
        Decision memory decision;
        (granted, decision) = _evaluate(books, own, amount, standing, _refreshTerms());
        if (!granted.allowed) {
            revert TermsRefused(granted.refusal, granted.basis, granted.given, granted.limit);
        }
        books.addDebt(own, amount, granted.premiumBps, granted.exposureAfter);
        emit TermsSet(
            msg.sender,
            standing.epoch,
            standing.leaf,
            decision.pairEpoch,
            decision.policyVersion,
            granted.ltvBps,
            granted.premiumBps,
            granted.exposureAfter
        );
    }

    function _quote(address borrower, uint256 amount, Standing memory standing)
        private
        view
        returns (Quote memory result)
    {
        DebtLib.Books memory books = _accrued();
        Position memory own = _positions[borrower];
        books.settle(own);
        (result,) = _evaluate(books, own, amount, standing, _guarded());
    }

    /// @dev The one place where a loan is judged: `quote` and `borrow` cannot differ. As the books round it up it is at the threshold at most.
    function _evaluate(
        DebtLib.Books memory books,
        Position memory own,
        uint256 amount,
        Standing memory standing,
        IRiskGate.Guarded memory guarded
    ) private view returns (Quote memory result, Decision memory decision) {
        result.basis = standing.basis;
        result.debtAfter = Math.saturatingAdd(books.debtOf(own), amount);
        if (amount > books.cash) return _refuse(result, decision, Refusal.NotEnoughCash, amount, books.cash);
        uint256 value = _price().valueOf(own.collateral);
        if (value == 0) return _refuse(result, decision, Refusal.NoCollateral, result.debtAfter, 0);
        result.askBps = PriceLib.ltvBps(result.debtAfter, value);
        decision = _decide(result.askBps, standing, guarded);
        result.ltvBps = decision.terms.ltvBps;
        result.premiumBps = decision.terms.premiumBps;
        result.elPpm = decision.terms.elPpm;
        if (decision.refusal != Refusal.None) {
            return _refuse(result, decision, decision.refusal, decision.given, decision.limit);
        }

        (uint256 booked, uint256 most) = (PriceLib.ltvBps(books.debtAfter(own, amount), value), decision.thresholdBps);
        if (booked > most) return _refuse(result, decision, Refusal.AboveCeiling, booked, most);
        uint256 floorDebt = Math.mulDiv(value, decision.floorBps, _BPS);
        if (result.debtAfter > floorDebt) {
            result.exposureAfter = result.debtAfter - floorDebt;
            if (result.exposureAfter > decision.borrowerLimit) {
                return
                    _refuse(result, decision, Refusal.OverBorrowerLimit, result.exposureAfter, decision.borrowerLimit);
            }
            uint256 total = books.exposure - own.exposure + result.exposureAfter;
            if (total > decision.exposureCap) {
                return _refuse(result, decision, Refusal.OverExposureCap, total, decision.exposureCap);
            }
        }
        result.allowed = true;
    }

    function _refuse(Quote memory result, Decision memory decision, Refusal refusal, uint256 given, uint256 limit)
        private
        pure
        returns (Quote memory, Decision memory)
    {
        result.refusal = refusal;
        result.given = given;
        result.limit = limit;
        return (result, decision);
    }

    /// @dev What a liquidation of `amount` repays and seizes. While the collateral covers the debt and the bonus, the close
    ///      factor bounds it; once it does not, all may go, and what is left of the debt is bad.
    /// @custom:invariant M-04 Only a position whose debt exceeds its threshold-weighted collateral is liquidated.
    function _liquidation(uint256 collateral, uint256 debt, uint256 amount)
        private
        view
        returns (uint256 repaid, uint256 seized)
    {
        PriceLib.Price memory price = _price();
        uint256 value = price.valueOf(collateral);
        uint256 debtAtThreshold = _debtAtThreshold(value);
        if (debt <= debtAtThreshold) revert HealthyPosition(debt, debtAtThreshold);
        uint256 shareWithBonus = _BPS + liquidationBonusBps;
        uint256 coverable = Math.mulDiv(value, _BPS, shareWithBonus, Math.Rounding.Ceil);
        uint256 most = coverable < debt ? coverable : Math.mulDiv(debt, closeFactorBps, _BPS, Math.Rounding.Ceil);
        repaid = Math.min(amount, most);
        seized = repaid == coverable ? collateral : price.collateralFor(Math.mulDiv(repaid, shareWithBonus, _BPS));
        seized = Math.min(seized, collateral);
    }

    /// @custom:invariant M-05 Debt without collateral is written off at once and borne by all suppliers alike.
    function _writeOff(address borrower, DebtLib.Books memory books, Position memory own) private {
        uint256 loss = books.debtOf(own);
        books.reduceDebt(own, loss, loss);
        emit BadDebtSocialized(borrower, loss);
    }

    function _open(address borrower) private returns (DebtLib.Books memory books, Position memory own) {
        books = _accrueWithEvent();
        own = _positions[borrower];
        books.settle(own);
    }

    function _close(address borrower, DebtLib.Books memory books, Position memory own) private {
        _books = books;
        _positions[borrower] = own;
    }

    function _takeCollateral(Position memory own, uint256 amount) private pure {
        if (amount == 0) revert ZeroAmount();
        if (amount > own.collateral) revert NotEnoughCollateral(amount, own.collateral);
        // Cast is safe: amount is at most the uint128 collateral.
        own.collateral -= uint128(amount);
    }

    function _accrueWithEvent() private returns (DebtLib.Books memory books) {
        books = _books;
        (uint256 interest, uint256 premium) = books.accrue(_curve, block.timestamp);
        if (interest + premium != 0) emit InterestAccrued(books.indexRay, interest, premium);
    }

    function _accrued() private view returns (DebtLib.Books memory books) {
        books = _books;
        books.accrue(_curve, block.timestamp);
    }

    /// @dev Takes `amount` from the caller and insists on getting all of it; nothing is not moved, for some tokens refuse to.
    function _pull(IERC20 token, uint256 amount) private {
        if (amount == 0) return;
        uint256 balance = token.balanceOf(address(this));
        token.safeTransferFrom(msg.sender, address(this), amount);
        uint256 received = token.balanceOf(address(this)) - balance;
        if (received != amount) revert UnsupportedToken(address(token), amount, received);
    }

    function _price() private view returns (PriceLib.Price memory) {
        return PriceLib.Price({
            numerator: PriceLib.answerOf(collateralFeed, collateralPriceMaxAgeSeconds) * _scaleNumerator,
            denominator: PriceLib.answerOf(loanFeed, loanPriceMaxAgeSeconds) * _scaleDenominator
        });
    }

    function _debtAtThreshold(uint256 value) private view returns (uint256) {
        return Math.mulDiv(value, liquidationThresholdBps(), _BPS);
    }
}
