// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// @notice The part of Aave v3's registry that a steward reads; both may be replaced by governance.
interface IAavePoolAddressesProvider {
    /// @notice Where a reserve is configured.
    function getPoolConfigurator() external view returns (address);

    /// @notice Where its configuration is read.
    function getPoolDataProvider() external view returns (address);
}

/// @notice What a holder of RISK_ADMIN may move on Aave v3, as far as a steward does.
interface IAavePoolConfigurator {
    /// @notice Sets LTV, liquidation threshold and liquidation bonus (above 10,000), all in bps.
    function configureReserveAsCollateral(
        address asset,
        uint256 ltv,
        uint256 liquidationThreshold,
        uint256 liquidationBonus
    ) external;

    /// @notice Most that may be supplied, in whole tokens; 0 is no cap.
    function setSupplyCap(address asset, uint256 newSupplyCap) external;

    /// @notice Most that may be borrowed, in whole tokens; 0 is no cap.
    function setBorrowCap(address asset, uint256 newBorrowCap) external;
}

/// @notice What Aave v3 tells of a reserve.
interface IAavePoolDataProvider {
    /// @notice Configuration of a reserve; shares in bps.
    function getReserveConfigurationData(address asset)
        external
        view
        returns (
            uint256 decimals,
            uint256 ltv,
            uint256 liquidationThreshold,
            uint256 liquidationBonus,
            uint256 reserveFactor,
            bool usageAsCollateralEnabled,
            bool borrowingEnabled,
            bool stableBorrowRateEnabled,
            bool isActive,
            bool isFrozen
        );

    /// @notice Caps of a reserve in whole tokens; 0 is no cap.
    function getReserveCaps(address asset) external view returns (uint256 borrowCap, uint256 supplyCap);
}
