"""The rate that Morpho's adaptive model answers, from what its log told last and the market's totals.

The rate at target moves as e^(speed * error * time) between its bounds; the rate is a curve through it, four times as steep above the target utilization as
below. All divisions round towards zero. Source: morpho-blue-irm, `AdaptiveCurveIrm`, `ExpLib` and `ConstantsLib`; its parameters are constants of the contract.
"""

from __future__ import annotations

from oracle.domain.units import WAD, YEAR_S, Wad, clamp

TARGET_WAD = 9 * WAD // 10
STEEPNESS = 4
SPEED_WAD = 50 * WAD // YEAR_S
LOWEST_AT_TARGET_WAD = WAD // 1_000 // YEAR_S
HIGHEST_AT_TARGET_WAD = 2 * WAD // YEAR_S

_LN_2 = 693_147_180_559_945_309
_LN_OF_A_WEI = -41_446_531_673_892_822_312
_LARGEST_EXPONENT = 93_859_467_695_000_404_319
_LARGEST_POWER = 57_716_089_161_558_943_949_701_069_502_944_508_345_128_422_502_756_744_429_568


def compute_borrow_rate(at_target_wad: Wad, supplied_amount: int, borrowed_amount: int, seconds: int) -> Wad:
    """Return the rate per second for the time since the last accrual, with the totals as they were then."""
    utilization = borrowed_amount * WAD // supplied_amount if supplied_amount else 0
    norm = WAD - TARGET_WAD if utilization > TARGET_WAD else TARGET_WAD
    error = _divide((utilization - TARGET_WAD) * WAD, norm)
    adaptation = _divide(SPEED_WAD * error, WAD) * seconds
    average = at_target_wad
    if adaptation:
        end, middle = _adapt(at_target_wad, adaptation), _adapt(at_target_wad, _divide(adaptation, 2))
        average = Wad((at_target_wad + end + 2 * middle) // 4)
    slope = WAD - WAD // STEEPNESS if error < 0 else (STEEPNESS - 1) * WAD
    return Wad(_divide((_divide(slope * error, WAD) + WAD) * average, WAD))


def compute_power(exponent_wad: int) -> int:
    """Return e^x in wad, by powers of two and a Taylor polynomial of the second order."""
    if exponent_wad < _LN_OF_A_WEI:
        return 0
    if exponent_wad >= _LARGEST_EXPONENT:
        return _LARGEST_POWER
    half = _LN_2 // 2
    doublings = _divide(exponent_wad + (-half if exponent_wad < 0 else half), _LN_2)
    rest = exponent_wad - doublings * _LN_2
    power = WAD + rest + rest * rest // WAD // 2
    return power << doublings if doublings >= 0 else power >> -doublings


def _adapt(at_target_wad: Wad, adaptation: int) -> int:
    grown = at_target_wad * compute_power(adaptation) // WAD
    return clamp(grown, LOWEST_AT_TARGET_WAD, HIGHEST_AT_TARGET_WAD)


def _divide(dividend: int, divisor: int) -> int:
    """Return the quotient rounded towards zero, as the EVM's SDIV; the divisor is positive."""
    return dividend // divisor if dividend >= 0 else -(-dividend // divisor)
