// FORMATS.md section 7: points, as thresholds of pd found with exact integers.
import { POINTS_THRESHOLDS, pointsOf } from './arithmetic.mjs';
import { Stream } from './hashing.mjs';

export function generate() {
  const random = new Stream('points');
  const edges = POINTS_THRESHOLDS.filter((_, index) => index % 20 === 0 || index >= 690).flatMap((threshold) => [threshold - 1n, threshold, threshold + 1n]);
  const values = [1n, 2n, 62_500n, 62_501n, 32_258n, 500_000n, 999_998n, 999_999n, ...edges, ...Array.from({ length: 40 }, () => random.between(1n, 999_999n))];
  const cases = [...new Set(values)].sort((a, b) => (a < b ? -1 : 1)).map((pd) => ({ pdPpm: Number(pd), points: pointsOf(pd) }));
  return {
    about: 'thresholds[i] is the largest pd in ppm that reaches 301 + i points; cases are points of a pd. At 62500 ppm, odds of 15, both sides of the rule for 550 points are equal.',
    thresholds: POINTS_THRESHOLDS.map(Number),
    columnFields: ['pdPpm', 'points'],
    cases,
  };
}
