"""Topics of the logs that are indexed, from the signatures in the protocols' interfaces.

Source: Aave v3 `IPool`, `IPoolConfigurator`, `IAToken`, `IScaledBalanceToken` (core-v3 1.19); Chainlink `AggregatorInterface`.
"""

from __future__ import annotations

from oracle.domain.ids import Hash32, keccak256


def topic_of(signature: str) -> Hash32:
    """Return topic 0 of an event signature, e.g. `Transfer(address,address,uint256)`."""
    return keccak256(signature.encode())


# Chainlink feeds. The first two arguments are indexed.
ANSWER_UPDATED = topic_of("AnswerUpdated(int256,uint256,uint256)")

# Aave v3 Pool.
SUPPLY = topic_of("Supply(address,address,address,uint256,uint16)")
WITHDRAW = topic_of("Withdraw(address,address,address,uint256)")
BORROW = topic_of("Borrow(address,address,address,uint256,uint8,uint256,uint16)")
SWAP_BORROW_RATE_MODE = topic_of("SwapBorrowRateMode(address,address,uint8)")
REPAY = topic_of("Repay(address,address,address,uint256,bool)")
LIQUIDATION_CALL = topic_of("LiquidationCall(address,address,address,uint256,uint256,address,bool)")
RESERVE_DATA_UPDATED = topic_of("ReserveDataUpdated(address,uint256,uint256,uint256,uint256,uint256)")
COLLATERAL_ENABLED = topic_of("ReserveUsedAsCollateralEnabled(address,address)")
COLLATERAL_DISABLED = topic_of("ReserveUsedAsCollateralDisabled(address,address)")
USER_EMODE_SET = topic_of("UserEModeSet(address,uint8)")

# Aave v3 PoolConfigurator.
RESERVE_INITIALIZED = topic_of("ReserveInitialized(address,address,address,address,address)")
COLLATERAL_CONFIGURATION_CHANGED = topic_of("CollateralConfigurationChanged(address,uint256,uint256,uint256)")
EMODE_CATEGORY_ADDED = topic_of("EModeCategoryAdded(uint8,uint256,uint256,uint256,address,string)")
EMODE_ASSET_CATEGORY_CHANGED = topic_of("EModeAssetCategoryChanged(address,uint8,uint8)")
SUPPLY_CAP_CHANGED = topic_of("SupplyCapChanged(address,uint256,uint256)")
BORROW_CAP_CHANGED = topic_of("BorrowCapChanged(address,uint256,uint256)")

# Aave v3 aTokens and variable debt tokens.
MINT = topic_of("Mint(address,address,uint256,uint256,uint256)")
BURN = topic_of("Burn(address,address,uint256,uint256,uint256)")
BALANCE_TRANSFER = topic_of("BalanceTransfer(address,address,uint256,uint256)")
