// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { FeedPairOracle } from "../../src/sandbox/FeedPairOracle.sol";
import { SandboxToken } from "../../src/sandbox/SandboxToken.sol";
import { ScriptedFeed } from "../../src/sandbox/ScriptedFeed.sol";
import { ScriptedIrm } from "../../src/sandbox/ScriptedIrm.sol";
import { Id, Market, MarketParams } from "@morpho-org/morpho-blue/src/interfaces/IMorpho.sol";
import { Ownable } from "@openzeppelin/contracts/access/Ownable.sol";
import { Test } from "forge-std/Test.sol";

/// @dev Morpho Blue itself is compiled for the sandbox by another compiler and is tested there; these are the two parts of ours.
contract MorphoPartsTest is Test {
    SandboxToken private weth = new SandboxToken("Wrapped Ether", "WETH", 18);
    SandboxToken private wbtc = new SandboxToken("Wrapped BTC", "WBTC", 8);
    SandboxToken private usdc = new SandboxToken("USD Coin", "USDC", 6);
    ScriptedFeed private ethFeed = new ScriptedFeed(8, "ETH / USD", 3000e8);
    ScriptedFeed private btcFeed = new ScriptedFeed(8, "BTC / USD", 90_000e8);
    ScriptedFeed private usdFeed = new ScriptedFeed(8, "USDC / USD", 1e8);
    ScriptedIrm private irm = new ScriptedIrm();

    function test_Price_SixDecimalLoan_IsInMorphosScale() public {
        FeedPairOracle ether_ = new FeedPairOracle(ethFeed, weth, usdFeed, usdc);
        FeedPairOracle bitcoin = new FeedPairOracle(btcFeed, wbtc, usdFeed, usdc);

        // 10^18 wei are worth 3,000 * 10^6 units, and 10^8 satoshi 90,000 * 10^6.
        assertEq(ether_.price(), 3000e24);
        assertEq(bitcoin.price(), 90_000e34);
    }

    function test_Price_LoanOffItsPeg_IsDividedRoundingDown() public {
        FeedPairOracle oracle = new FeedPairOracle(ethFeed, weth, usdFeed, usdc);
        usdFeed.setAnswer(0.97e8);

        assertEq(oracle.price(), uint256(3000e32) / 0.97e8);
    }

    function test_Price_FeedsOfUnequalDecimals_Cancel() public {
        ScriptedFeed precise = new ScriptedFeed(18, "ETH / USD", 3000e18);

        assertEq(new FeedPairOracle(precise, weth, usdFeed, usdc).price(), 3000e24);
    }

    function test_Price_RevertWhen_AnswerIsNotPositive() public {
        FeedPairOracle oracle = new FeedPairOracle(ethFeed, weth, usdFeed, usdc);
        ethFeed.setAnswer(0);

        vm.expectRevert(abi.encodeWithSelector(FeedPairOracle.InvalidAnswer.selector, address(ethFeed), 0));
        oracle.price();
    }

    function test_SetBorrowRate_OfOneMarket_IsLoggedAndAnsweredForItAlone() public {
        MarketParams memory params = MarketParams(address(usdc), address(weth), address(1), address(irm), 0.86e18);
        Id id = Id.wrap(keccak256(abi.encode(params)));
        Market memory market;

        vm.expectEmit(address(irm));
        emit ScriptedIrm.SetBorrowRate(id, 5e9);
        irm.setBorrowRate(id, 5e9);

        assertEq(irm.borrowRate(params, market), 5e9);
        assertEq(irm.borrowRateView(params, market), 5e9);
        params.lltv = 0.77e18;
        assertEq(irm.borrowRate(params, market), 0);
    }

    function test_SetBorrowRate_RevertWhen_TooHighOrNotTheOwner() public {
        uint256 maximum = irm.MAX_RATE();
        address stranger = makeAddr("stranger");

        vm.expectRevert(abi.encodeWithSelector(ScriptedIrm.RateTooHigh.selector, maximum + 1, maximum));
        irm.setBorrowRate(Id.wrap(0), maximum + 1);
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, stranger));
        irm.setBorrowRate(Id.wrap(0), 1);
    }
}
