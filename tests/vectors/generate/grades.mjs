// FORMATS.md section 7: grades on annual expected loss at a reference loss given default.
import { annualLossPpm, GRADE_THRESHOLDS, gradeOf } from './arithmetic.mjs';
import { Stream } from './hashing.mjs';

// The smallest pd whose annual loss exceeds the threshold, and its neighbours.
function edges(lgdBps, threshold) {
  let pd = 1n;
  let step = 1n << 19n;
  for (; step > 0n; step >>= 1n) if (annualLossPpm(pd + step, lgdBps) <= threshold) pd += step;
  return [pd - 1n, pd, pd + 1n, pd + 2n].filter((value) => value >= 1n && value <= 999_999n);
}

export function generate() {
  const random = new Stream('grades');
  const rates = [1n, 150n, 3_500n, 10_000n];
  const inputs = rates.flatMap((lgdBps) => {
    const values = [1n, 2n, 999_999n, ...GRADE_THRESHOLDS.flatMap((threshold) => edges(lgdBps, threshold)), ...Array.from({ length: 8 }, () => random.between(1n, 999_999n))];
    return [...new Set(values)].map((pd) => ({ pd, lgdBps }));
  });
  const rated = inputs.map(({ pd, lgdBps }) => ({
    isRated: true, pdPpm: Number(pd), lgdBps: Number(lgdBps), annualLossPpm: Number(annualLossPpm(pd, lgdBps)), grade: gradeOf(pd, lgdBps),
  }));
  const unrated = rated.slice(0, 3).map((item) => ({ ...item, isRated: false, grade: 0 }));
  return {
    about: 'Grades 1 (best) to 10 of a pd and a reference loss given default; 0 if unrated. A loss equal to a threshold is still the better grade.',
    gradeThresholds: GRADE_THRESHOLDS.map(Number),
    columnFields: ['isRated', 'pdPpm', 'lgdBps', 'annualLossPpm', 'grade'],
    cases: [...rated, ...unrated],
  };
}
