// FORMATS.md section 7: z, the distance of a health factor from liquidation in units of its volatility.
import { logHealth, MAX_SLOT, WAD, zOf } from './arithmetic.mjs';
import { Stream } from './hashing.mjs';

export function generate() {
  const random = new Stream('z');
  const factors = [
    0n, 1n, 2n, WAD / 1_000n, WAD / 2n, (WAD * 9n) / 10n, (WAD * 99n) / 100n, WAD - 1n, WAD, WAD + 1n, (WAD * 101n) / 100n, (WAD * 105n) / 100n, (WAD * 15n) / 10n, 2n * WAD, 10n * WAD,
    10n ** 24n, 2n ** 128n, 2n ** 256n - 1n,
  ];
  const volatilities = [0n, 1n, 100n, 5_000n, 300_000n, 777_777n, 2_417_749n, 6_553_300n, 2n ** 32n - 1n];
  const inputs = factors.flatMap((hf) => volatilities.map((volatility) => [hf, volatility]));
  // Small |h| over large volatilities: quotients in (-1, 0) must become -1.
  const nearOne = Array.from({ length: 40 }, () => [WAD + random.between(-(WAD / 100n), WAD / 100n), random.between(2_000_000n, 9_000_000n)]);
  const drawn = Array.from({ length: 60 }, () => [random.below(10n ** random.between(17n, 20n)), random.between(1_000n, 3_000_000n)]);
  const cases = [...inputs, ...nearOne, ...drawn].map(([hf, volatility]) => ({
    hasDebt: true, healthFactorWad: hf, volatilityPpm: Number(volatility), h: logHealth(hf), z: Number(zOf(hf, volatility)),
  }));
  cases.push({ hasDebt: false, healthFactorWad: 0n, volatilityPpm: 0, h: 0n, z: Number(MAX_SLOT) });
  return {
    about: 'z of a health factor and an annual volatility. h is the difference of two ilog2. A health factor of 0 and a volatility of 0 count as 1. hasDebt false: z is 65534 whatever the rest.',
    columnFields: ['hasDebt', 'healthFactorWad', 'volatilityPpm', 'h', 'z'],
    cases,
  };
}
