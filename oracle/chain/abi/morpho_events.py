"""Topics of Morpho Blue and of its interest rate models.

Source: morpho-blue 1.0.0, `EventsLib`; morpho-blue-irm, `IFixedRateIrm`, `AdaptiveCurveIrm`.
"""

from __future__ import annotations

from oracle.chain.abi.events import topic_of

CREATE_MARKET = topic_of("CreateMarket(bytes32,(address,address,address,address,uint256))")
ENABLE_IRM = topic_of("EnableIrm(address)")
SET_FEE = topic_of("SetFee(bytes32,uint256)")
ACCRUE_INTEREST = topic_of("AccrueInterest(bytes32,uint256,uint256,uint256)")
SUPPLY = topic_of("Supply(bytes32,address,address,uint256,uint256)")
WITHDRAW = topic_of("Withdraw(bytes32,address,address,address,uint256,uint256)")
SUPPLY_COLLATERAL = topic_of("SupplyCollateral(bytes32,address,address,uint256)")
WITHDRAW_COLLATERAL = topic_of("WithdrawCollateral(bytes32,address,address,address,uint256)")
BORROW = topic_of("Borrow(bytes32,address,address,address,uint256,uint256)")
REPAY = topic_of("Repay(bytes32,address,address,uint256,uint256)")
LIQUIDATE = topic_of("Liquidate(bytes32,address,address,uint256,uint256,uint256,uint256,uint256)")

# Logs of models: what a fixed one will answer from now on, and from where an adaptive one goes on.
SET_BORROW_RATE = topic_of("SetBorrowRate(bytes32,uint256)")
BORROW_RATE_UPDATE = topic_of("BorrowRateUpdate(bytes32,uint256,uint256)")
