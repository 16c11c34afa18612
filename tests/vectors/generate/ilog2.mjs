// FORMATS.md section 7: ilog2, by its algorithm and by an exact power.
import { exactLog2, ilog2 } from './arithmetic.mjs';
import { Stream } from './hashing.mjs';

const MAX = 2n ** 256n - 1n;

function squareRoot(value) {
  let guess = 1n << BigInt(Math.ceil((4 * value.toString(16).length) / 2) + 1);
  for (;;) {
    const next = (guess + value / guess) >> 1n;
    if (next >= guess) return guess;
    guess = next;
  }
}

// floor(value^(1/1024)): ten square roots, each rounded down.
const root1024 = (value) => Array.from({ length: 10 }).reduce(squareRoot, value);

export function generate() {
  const random = new Stream('ilog2');
  const powers = Array.from({ length: 256 }, (_, n) => 2n ** BigInt(n)).filter((_, n) => n < 12 || n % 8 === 0 || [63, 65, 126, 127, 129, 255].includes(n));
  const around = powers.flatMap((power) => [power - 1n, power, power + 1n]);
  const decimals = [3, 6, 8, 18, 27, 36, 77].flatMap((n) => [10n ** BigInt(n) - 1n, 10n ** BigInt(n), 10n ** BigInt(n) + 1n]);
  // Just below and above 2^(n + 1/1024), 2^(n + 1/2) and 2^(n + 1023/1024), where the last bits of the mantissa decide.
  const roots = [1n, 512n, 1023n].flatMap((k) => [20n, 60n, 120n, 200n].flatMap((n) => {
    const root = root1024(2n ** (1024n * n + k));
    return [root, root + 1n];
  }));
  const drawn = Array.from({ length: 60 }, () => random.below(2n ** random.between(2n, 256n)));
  const values = [...new Set([...around, ...decimals, ...roots, ...drawn, MAX, MAX - 1n])].filter((x) => x >= 1n && x <= MAX).sort((a, b) => (a < b ? -1 : 1));
  const cases = values.map((x) => ({ x, ilog2: Number(ilog2(x)), exact: Number(exactLog2(x)) }));
  if (cases.some((item) => item.exact < item.ilog2 || item.exact > item.ilog2 + 1)) throw new Error('ilog2 is off by more than its truncation');
  return {
    about: 'ilog2 of 1..2^256-1. exact is floor(1024 * log2 x), from the highest bit of x^1024: the algorithm, which is the definition, may be one lower because it truncates.',
    columnFields: ['x', 'ilog2', 'exact'],
    cases,
  };
}
