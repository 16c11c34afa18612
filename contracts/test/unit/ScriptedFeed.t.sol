// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { ScriptedFeed } from "../../src/sandbox/ScriptedFeed.sol";
import { Ownable } from "@openzeppelin/contracts/access/Ownable.sol";
import { Test } from "forge-std/Test.sol";

contract ScriptedFeedTest is Test {
    ScriptedFeed private feed;

    function setUp() public {
        vm.warp(1_700_000_000);
        feed = new ScriptedFeed(8, "ETH / USD", 2000e8);
    }

    function test_SetAnswer_NewRound_IsLoggedAndRead() public {
        vm.warp(1_700_003_600);

        vm.expectEmit(address(feed));
        emit ScriptedFeed.AnswerUpdated(1900e8, 2, 1_700_003_600);
        feed.setAnswer(1900e8);

        (uint80 id, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredIn) = feed.latestRoundData();
        assertEq(id, 2);
        assertEq(answer, 1900e8);
        assertEq(startedAt, 1_700_003_600);
        assertEq(updatedAt, 1_700_003_600);
        assertEq(answeredIn, 2);
        assertEq(feed.latestAnswer(), 1900e8);
        assertEq(feed.latestTimestamp(), 1_700_003_600);
        assertEq(feed.decimals(), 8);
    }

    function test_GetRoundData_PastRound_StaysReadable() public {
        feed.setAnswer(-5);

        (, int256 answer,,,) = feed.getRoundData(1);

        assertEq(answer, 2000e8);
        assertEq(feed.latestAnswer(), -5);
    }

    function test_GetRoundData_RevertWhen_NoSuchRound() public {
        vm.expectRevert(abi.encodeWithSelector(ScriptedFeed.NoSuchRound.selector, 2, 1));
        feed.getRoundData(2);
        vm.expectRevert(abi.encodeWithSelector(ScriptedFeed.NoSuchRound.selector, 0, 1));
        feed.getRoundData(0);
    }

    function test_SetAnswer_RevertWhen_NotTheOwner() public {
        address stranger = makeAddr("stranger");

        vm.startPrank(stranger);
        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, stranger));
        feed.setAnswer(1);
        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, stranger));
        feed.setAnswerAt(1, 1);
    }
}
