"""Topics of the logs that are indexed, and the size of each: bytes of topics and of data.

Source: `@venusprotocol/venus-protocol` 10.3, `VTokenInterfaces`, `MarketFacet`, `SetterFacet`, `VAIController`.
"""

from __future__ import annotations

from oracle.chain.abi.events import topic_of
from oracle.domain.ids import Hash32

# Comptroller.
MARKET_LISTED = topic_of("MarketListed(address)")
MARKET_UNLISTED = topic_of("MarketUnlisted(address)")
MARKET_ENTERED = topic_of("MarketEntered(address,address)")
MARKET_EXITED = topic_of("MarketExited(address,address)")
NEW_LIQUIDATION_THRESHOLD = topic_of("NewLiquidationThreshold(uint96,address,uint256,uint256)")
POOL_SELECTED = topic_of("PoolSelected(address,uint96,uint96)")
POOL_ACTIVE_STATUS_UPDATED = topic_of("PoolActiveStatusUpdated(uint96,bool,bool)")
POOL_FALLBACK_STATUS_UPDATED = topic_of("PoolFallbackStatusUpdated(uint96,bool,bool)")
POOL_MARKET_INITIALIZED = topic_of("PoolMarketInitialized(uint96,address)")
POOL_MARKET_REMOVED = topic_of("PoolMarketRemoved(uint96,address)")
NEW_VAI_CONTROLLER = topic_of("NewVAIController(address,address)")

# VAIController.
MINT_VAI = topic_of("MintVAI(address,uint256)")

# vTokens.
ACCRUE_INTEREST = topic_of("AccrueInterest(uint256,uint256,uint256,uint256)")
MINT = topic_of("Mint(address,uint256,uint256,uint256)")
MINT_BEHALF = topic_of("MintBehalf(address,address,uint256,uint256,uint256)")
REDEEM = topic_of("Redeem(address,uint256,uint256,uint256)")
REDEEM_FEE = topic_of("RedeemFee(address,uint256,uint256)")
BORROW = topic_of("Borrow(address,uint256,uint256,uint256)")
REPAY_BORROW = topic_of("RepayBorrow(address,address,uint256,uint256,uint256)")
LIQUIDATE_BORROW = topic_of("LiquidateBorrow(address,address,uint256,address,uint256)")
TRANSFER = topic_of("Transfer(address,address,uint256)")
NEW_RESERVE_FACTOR = topic_of("NewReserveFactor(uint256,uint256)")
RESERVES_ADDED = topic_of("ReservesAdded(address,uint256,uint256)")
RESERVES_REDUCED = topic_of("ReservesReduced(address,uint256,uint256)")
CASH_SYNCED = topic_of("CashSynced(uint256,uint256)")
FLASH_LOAN_OUT = topic_of("TransferOutUnderlyingFlashLoan(address,address,uint256)")
FLASH_LOAN_IN = topic_of("TransferInUnderlyingFlashLoan(address,address,uint256,uint256,uint256)")

COMPTROLLER_SHAPES: dict[Hash32, tuple[int, int]] = {
    MARKET_LISTED: (64, 0),
    MARKET_UNLISTED: (64, 0),
    MARKET_ENTERED: (96, 0),
    MARKET_EXITED: (96, 0),
    NEW_LIQUIDATION_THRESHOLD: (96, 64),
    POOL_SELECTED: (96, 32),
    POOL_ACTIVE_STATUS_UPDATED: (64, 64),
    POOL_FALLBACK_STATUS_UPDATED: (64, 64),
    POOL_MARKET_INITIALIZED: (96, 0),
    POOL_MARKET_REMOVED: (96, 0),
    NEW_VAI_CONTROLLER: (32, 64),
}
VAI_SHAPES: dict[Hash32, tuple[int, int]] = {MINT_VAI: (32, 64)}
VTOKEN_SHAPES: dict[Hash32, tuple[int, int]] = {
    ACCRUE_INTEREST: (32, 128),
    MINT: (32, 128),
    MINT_BEHALF: (32, 160),
    REDEEM: (32, 128),
    REDEEM_FEE: (32, 96),
    BORROW: (32, 128),
    REPAY_BORROW: (32, 160),
    LIQUIDATE_BORROW: (32, 160),
    TRANSFER: (96, 32),
    NEW_RESERVE_FACTOR: (32, 64),
    RESERVES_ADDED: (32, 96),
    RESERVES_REDUCED: (32, 96),
    CASH_SYNCED: (32, 64),
    FLASH_LOAN_OUT: (32, 96),
    FLASH_LOAN_IN: (96, 96),
}
