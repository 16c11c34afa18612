// FORMATS.md section 7: the integer functions between a quantity and a score. BigInt throughout; >> on BigInt rounds to minus infinity.
export const MAX_SLOT = 65_534n;
export const WAD = 10n ** 18n;
const Z_FACTOR = 2_417_749n;

export const clamp = (value, low, high) => (value < low ? low : value > high ? high : value);
const min = (a, b) => (a < b ? a : b);
export const ceilDiv = (a, b) => (a + b - 1n) / b;
export const floorDiv = (a, b) => a / b - (a % b !== 0n && (a < 0n) !== (b < 0n) ? 1n : 0n);
const bitLength = (x) => {
  const hex = x.toString(16);
  return 4 * (hex.length - 1) + parseInt(hex[0], 16).toString(2).length;
};

export function ilog2(x) {
  const n = BigInt(bitLength(x) - 1);
  let m = n > 127n ? x >> (n - 127n) : x << (127n - n);
  let r = n << 10n;
  for (let i = 9n; i >= 0n; i -= 1n) {
    m = (m * m) >> 127n;
    if (m >= 1n << 128n) {
      m >>= 1n;
      r += 1n << i;
    }
  }
  return r;
}

// floor(1024 * log2(x)) without logarithms: the highest bit of x^1024.
export const exactLog2 = (x) => BigInt(bitLength(x ** 1024n) - 1);

export const quantizeWide = (x) => (x === 0n ? 1n : min(MAX_SLOT, 2n + ilog2(x)));
export const quantizeRatio = (bps) => 1n + min(65_533n, bps);
export const quantizeSigned = (value) => clamp(32_768n + value, 1n, MAX_SLOT);

const orOne = (x) => (x === 0n ? 1n : x);
export const logHealth = (healthFactorWad) => ilog2(orOne(healthFactorWad)) - ilog2(WAD);
export const zOf = (healthFactorWad, volatilityPpm) => clamp(32_768n + floorDiv(logHealth(healthFactorWad) * Z_FACTOR, orOne(volatilityPpm)), 1n, MAX_SLOT);

export function stateOffset(knots, z) {
  const i = Number(z >> 8n);
  return knots[i] + (((knots[i + 1] - knots[i]) * (z & 255n)) >> 8n);
}

export const tableIndex = (margin, lo, shift) => Number(clamp((margin - lo) >> BigInt(shift), 0n, 255n));

function isReached(pd, points) {
  const left = (1_000_000n - pd) ** 50n;
  const right = (30n * pd) ** 50n;
  const power = points - 600n;
  return power >= 0n ? left >= right * 2n ** power : left * 2n ** -power >= right;
}

// The largest pd in 1..999999 that reaches the points, 0 if none, by bisection: fewer points are reached as pd grows.
function largestReaching(points) {
  let [reached, missed] = [0n, 1_000_000n];
  while (missed - reached > 1n) {
    const middle = (reached + missed) / 2n;
    if (isReached(middle, points)) reached = middle;
    else missed = middle;
  }
  return reached;
}

export const POINTS_THRESHOLDS = Array.from({ length: 700 }, (_, index) => largestReaching(BigInt(301 + index)));
export const pointsOf = (pd) => 300 + POINTS_THRESHOLDS.filter((threshold) => threshold >= pd).length;

export const GRADE_THRESHOLDS = [500n, 1_500n, 3_000n, 6_000n, 12_000n, 25_000n, 50_000n, 100_000n, 250_000n];
export const annualLossPpm = (pd, lgdBps) => (((pd * lgdBps) / 10_000n) * 365n) / 30n;
export const gradeOf = (pd, lgdBps) => 1 + GRADE_THRESHOLDS.filter((threshold) => threshold < annualLossPpm(pd, lgdBps)).length;
