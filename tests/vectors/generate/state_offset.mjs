// FORMATS.md section 7: interpolation in the state offset table, and the index into a margin table.
import { stateOffset, tableIndex } from './arithmetic.mjs';
import { Stream } from './hashing.mjs';
import { columnsOf } from './format.mjs';

// Falls steeply around z = 32768 and is flat at both ends, as an odds curve is; made up, not fitted.
export const SMOOTH = Array.from({ length: 257 }, (_, i) => {
  const x = BigInt(i) - 128n;
  const magnitude = x < 0n ? -x : x;
  return -3_000n - (x * 26_000n) / (40n + magnitude);
});
const STEP = Array.from({ length: 257 }, (_, i) => (i < 100 ? 7n : i < 200 ? 6n : -1_000_000n));

export function generate() {
  const random = new Stream('state_offset');
  const tables = { smooth: SMOOTH, step: STEP };
  for (const knots of Object.values(tables)) {
    if (knots.some((knot, i) => i && knot > knots[i - 1])) throw new Error('knots rise');
  }
  const knotEdges = [0, 1, 2, 99, 100, 127, 128, 129, 199, 200, 254, 255].flatMap((i) => [256 * i, 256 * i + 1, 256 * i + 128, 256 * i + 255]);
  const inputs = [...new Set([...knotEdges, 65_534, ...Array.from({ length: 40 }, () => random.number(0, 65_534))])].filter((z) => z <= 65_534);
  const cases = Object.entries(tables).flatMap(([table, knots]) => inputs.map((z) => ({ table, z, offset: stateOffset(knots, BigInt(z)) })));
  const indexInputs = [
    ...[-1n, 0n, 1n, 255n, 256n, 511n, 512n, 65_279n, 65_280n, 65_535n, 65_536n].map((above) => [-30_000n + above, -30_000n, 8]),
    ...[-(2n ** 31n), 2n ** 31n - 1n].flatMap((margin) => [[margin, -30_000n, 8], [margin, 2n ** 31n - 1n, 0], [margin, -(2n ** 31n), 24]]),
    ...Array.from({ length: 30 }, () => [random.between(-70_000n, 70_000n), random.between(-40_000n, 0n), random.number(0, 9)]),
  ];
  const index = indexInputs.map(([margin, lo, shift]) => ({ margin, lo, shift, index: tableIndex(margin, lo, shift) }));
  return {
    about: 'cases: state_offset(z) in two made-up tables of 257 knots. indexCases: the index of a margin in a table of 256.',
    tables,
    indexCases: index,
    cases,
    columns: { ...columnsOf(cases, ['table', 'z', 'offset']), index: columnsOf(index, ['margin', 'lo', 'shift', 'index']) },
  };
}
