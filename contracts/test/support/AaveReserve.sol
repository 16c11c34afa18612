// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {
    IAavePoolAddressesProvider,
    IAavePoolConfigurator,
    IAavePoolDataProvider
} from "../../src/interfaces/IAaveV3.sol";

/// @notice One reserve of Aave v3, its configurator and registry in one, with the configurator's own checks; the real ones are met
///         on a local chain (`tests/integration`).
contract AaveReserve is IAavePoolAddressesProvider, IAavePoolConfigurator, IAavePoolDataProvider {
    uint256 public ltv;
    uint256 public threshold;
    uint256 public bonus;
    uint256 public supplyCap;
    uint256 public borrowCap;
    uint256 public writes;

    function set(uint256 ltv_, uint256 threshold_, uint256 bonus_, uint256 supplyCap_, uint256 borrowCap_) external {
        (ltv, threshold, bonus, supplyCap, borrowCap) = (ltv_, threshold_, bonus_, supplyCap_, borrowCap_);
    }

    function getPoolConfigurator() external view returns (address) {
        return address(this);
    }

    function getPoolDataProvider() external view returns (address) {
        return address(this);
    }

    function configureReserveAsCollateral(address, uint256 ltv_, uint256 threshold_, uint256 bonus_) external {
        require(ltv_ <= threshold_, "20");
        require(bonus_ > 10_000, "20");
        require((threshold_ * bonus_ + 5000) / 10_000 <= 10_000, "20");
        (ltv, threshold, bonus) = (ltv_, threshold_, bonus_);
        ++writes;
    }

    function setSupplyCap(address, uint256 cap) external {
        require(cap < 2 ** 36, "69");
        supplyCap = cap;
        ++writes;
    }

    function setBorrowCap(address, uint256 cap) external {
        require(cap < 2 ** 36, "68");
        borrowCap = cap;
        ++writes;
    }

    function getReserveConfigurationData(address)
        external
        view
        returns (uint256, uint256, uint256, uint256, uint256, bool, bool, bool, bool, bool)
    {
        return (18, ltv, threshold, bonus, 1000, threshold != 0, true, false, true, false);
    }

    function getReserveCaps(address) external view returns (uint256, uint256) {
        return (borrowCap, supplyCap);
    }
}
