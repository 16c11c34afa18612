// FORMATS.md section 7: the three ways from a quantity to a uint16 slot.
import { quantizeRatio, quantizeSigned, quantizeWide } from './arithmetic.mjs';
import { Stream } from './hashing.mjs';
import { columnsOf } from './format.mjs';

export function generate() {
  const random = new Stream('quantize');
  const wide = [
    0n, 1n, 2n, 3n, 7n, 8n, 1_000n, 10n ** 8n, 10n ** 18n, 2n ** 63n, 2n ** 64n - 2n ** 54n, 2n ** 64n - 1n, 2n ** 64n, 10n ** 27n, 2n ** 255n, 2n ** 256n - 1n,
    ...Array.from({ length: 20 }, () => random.below(2n ** random.between(2n, 66n))),
  ];
  const ratio = [0n, 1n, 50n, 9_999n, 10_000n, 65_532n, 65_533n, 65_534n, 10n ** 6n, 2n ** 256n - 1n, ...Array.from({ length: 8 }, () => random.below(70_000n))];
  const signed = [
    0n, 1n, -1n, 32_765n, 32_766n, 32_767n, -32_766n, -32_767n, -32_768n, 10n ** 9n, -(10n ** 9n), -(2n ** 255n) + 40_000n, 2n ** 255n - 40_000n,
    ...Array.from({ length: 8 }, () => random.between(-40_000n, 40_000n)),
  ];
  const of = (rule, values, quantize) => values.map((value) => ({ rule, value, slot: Number(quantize(value)) }));
  const byRule = { wide: of('wide', wide, quantizeWide), ratio: of('ratio', ratio, quantizeRatio), signed: of('signed', signed, quantizeSigned) };
  return {
    about: 'Slots of wide quantities, ratios in basis points and signed quantities. 0 (missing) never comes out.',
    cases: Object.values(byRule).flat(),
    columns: Object.fromEntries(Object.entries(byRule).map(([rule, cases]) => [rule, columnsOf(cases, ['value', 'slot'])])),
  };
}
