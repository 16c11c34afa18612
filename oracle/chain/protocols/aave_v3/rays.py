"""Aave's fixed-point arithmetic, bit for bit: rays, percentages, linear and compounded interest.

Rounding is half up, as the contracts do, except where a comment says down.
Source: Aave v3 core 1.19, `WadRayMath`, `PercentageMath`, `MathUtils`, `ReserveLogic.getNormalizedIncome/Debt`.
"""

from __future__ import annotations

from oracle.domain.units import BPS, RAY, WAD, YEAR_S, Bps, Ray, Wad

HALF_RAY = RAY // 2
HALF_BPS = BPS // 2


def ray_mul(a: int, b: int) -> int:
    """Return a * b / RAY, half up."""
    return (a * b + HALF_RAY) // RAY


def ray_div(a: int, b: int) -> int:
    """Return a * RAY / b, half up."""
    return (a * RAY + b // 2) // b


def percent_mul(value: int, percentage_bps: Bps) -> int:
    """Return value * percentage / 10^4, half up."""
    return (value * percentage_bps + HALF_BPS) // BPS


def wad_div(a: int, b: int) -> Wad:
    """Return a * WAD / b, half up."""
    return Wad((a * WAD + b // 2) // b)


def compute_linear_interest(rate_ray: Ray, seconds: int) -> Ray:
    """Return the growth factor of supply over `seconds`; the interest is rounded down."""
    return Ray(RAY + rate_ray * seconds // YEAR_S)


def compute_compounded_interest(rate_ray: Ray, seconds: int) -> Ray:
    """Return the growth factor of debt over `seconds`: the first four terms of (1 + rate / year) ^ seconds.

    The powers of the rate per second are rounded before they are multiplied, so the order of operations is part of the result.
    """
    if seconds == 0:
        return Ray(RAY)
    less_one = seconds - 1
    less_two = max(0, seconds - 2)
    power_two = ray_mul(rate_ray, rate_ray) // (YEAR_S * YEAR_S)
    power_three = ray_mul(power_two, rate_ray) // YEAR_S
    second_term = seconds * less_one * power_two // 2
    third_term = seconds * less_one * less_two * power_three // 6
    return Ray(RAY + rate_ray * seconds // YEAR_S + second_term + third_term)


def compute_normalized_income(index_ray: Ray, rate_ray: Ray, seconds: int) -> Ray:
    """Return the liquidity index `seconds` after its last update."""
    return index_ray if seconds == 0 else Ray(ray_mul(compute_linear_interest(rate_ray, seconds), index_ray))


def compute_normalized_debt(index_ray: Ray, rate_ray: Ray, seconds: int) -> Ray:
    """Return the variable borrow index `seconds` after its last update."""
    return index_ray if seconds == 0 else Ray(ray_mul(compute_compounded_interest(rate_ray, seconds), index_ray))
