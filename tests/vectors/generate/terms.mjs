// FORMATS.md section 9: what a loan gets, with the borrower tables of the first model of model.json.
import { ceilDiv, stateOffset, WAD, zOf } from './arithmetic.mjs';
import { Stream } from './hashing.mjs';
import { BORROWER } from './model.mjs';
import { borrowerIndex } from './tables.mjs';

const STEP = 50;
const KNOTS = BORROWER.tables.stateOffset.map(BigInt);

function risk(input, ltvBps) {
  const healthFactorWad = ltvBps === 0 ? 0n : (BigInt(input.liquidationThresholdBps) * WAD) / BigInt(ltvBps);
  const z = ltvBps === 0 ? 65_534n : zOf(healthFactorWad, BigInt(input.volatilityPpm));
  const margin = stateOffset(KNOTS, z) + input.behaviourMargin;
  const pdUpperPpm = BigInt(BORROWER.tables.pdUpperPpm[borrowerIndex(BORROWER, margin)]);
  const elPpm = ceilDiv(ceilDiv(pdUpperPpm * BigInt(input.gapPpm), 1_000_000n) * BigInt(input.severityBps), 10_000n);
  return { healthFactorWad, z: Number(z), pdUpperPpm: Number(pdUpperPpm), elPpm: Number(elPpm), premiumBps: Number(ceilDiv(elPpm * 365n, 3_000n)) };
}

const NO_RISK = { healthFactorWad: 0n, z: 0, pdUpperPpm: 0, elPpm: 0, premiumBps: 0 };

function maxLtv(input) {
  const { ltvFloorBps: floor, ltvCeilingBps: ceiling } = input;
  if (input.proof !== 'rated') return floor;
  const menu = Array.from({ length: (ceiling - floor) / STEP + 1 }, (_, k) => floor + STEP * k);
  const losses = menu.map((ltvBps) => risk(input, ltvBps).elPpm);
  if (losses.some((loss, k) => k && loss < losses[k - 1])) throw new Error('expected loss falls as the loan grows');
  return menu.reduce((best, ltvBps, k) => (losses[k] <= input.budgetPpm ? ltvBps : best), floor);
}

// One answer; ltvBps and premiumBps are 0 if refused, elPpm is that of the L asked for wherever it was computed.
export function termsOf(input) {
  const { askBps, ltvFloorBps: floor, ltvCeilingBps: ceiling } = input;
  const refuse = (reason, ltv, at = NO_RISK) => ({ refused: true, reason, ltvBps: 0, premiumBps: 0, maxLtvBps: ltv, ...pick(at) });
  if (!input.isCollateralRated || input.volatilityPpm === 0) return refuse('collateral', 0);
  const max = maxLtv(input);
  const isAtFloor = askBps <= floor;
  const ltvBps = isAtFloor ? floor : floor + STEP * Math.ceil((askBps - floor) / STEP);
  if (ltvBps > ceiling) return refuse('ceiling', max);
  const at = input.proof === 'rated' ? risk(input, ltvBps) : NO_RISK;
  const isInBudget = input.proof === 'rated' && at.elPpm <= input.budgetPpm;
  if (!isAtFloor && input.proof !== 'rated') return refuse('proof', max);
  if (!isAtFloor && !isInBudget) return refuse('budget', max, at);
  const floorPremium = isInBudget ? Math.min(at.premiumBps, input.floorPremiumBps) : input.floorPremiumBps;
  return { refused: false, reason: 'granted', ltvBps, premiumBps: isAtFloor ? floorPremium : at.premiumBps, maxLtvBps: max, ...pick(at) };
}

const pick = ({ healthFactorWad, z, pdUpperPpm, elPpm }) => ({ healthFactorWad, z, pdUpperPpm, elPpm });

const COLLATERALS = [
  { ltvCeilingBps: 7_700, ltvFloorBps: 4_600, liquidationThresholdBps: 8_300, volatilityPpm: 620_000, gapPpm: 180_000 },
  { ltvCeilingBps: 6_500, ltvFloorBps: 3_250, liquidationThresholdBps: 7_025, volatilityPpm: 950_000, gapPpm: 420_000 },
  { ltvCeilingBps: 9_000, ltvFloorBps: 8_000, liquidationThresholdBps: 9_300, volatilityPpm: 9_700, gapPpm: 2_500 },
  { ltvCeilingBps: 5_000, ltvFloorBps: 5_000, liquidationThresholdBps: 5_400, volatilityPpm: 300_000, gapPpm: 60_000 },
  { ltvCeilingBps: 300, ltvFloorBps: 0, liquidationThresholdBps: 350, volatilityPpm: 2_500_000, gapPpm: 900_000 },
  { ltvCeilingBps: 7_000, ltvFloorBps: 3_000, liquidationThresholdBps: 7_500, volatilityPpm: 100, gapPpm: 1_000_000 },
];
const MARKETS = [
  { severityBps: 1_000, budgetPpm: 400, floorPremiumBps: 300 }, { severityBps: 2_500, budgetPpm: 2_000, floorPremiumBps: 75 }, { severityBps: 10_000, budgetPpm: 30_000, floorPremiumBps: 0 },
];
const MARGINS = [-14_000n, -4_000n, -1n, 0n, 5_000n, 16_000n];

function inputsOf(random) {
  const edges = COLLATERALS.flatMap((collateral) => {
    const { ltvFloorBps: floor, ltvCeilingBps: ceiling } = collateral;
    const asks = [1, floor - 1, floor, floor + 1, floor + 49, floor + 50, floor + 51, Math.floor((floor + ceiling) / 2) + 7, ceiling - 1, ceiling, ceiling + 1, 10_000];
    return [...new Set(asks)].filter((ask) => ask >= 1).flatMap((askBps) => ['rated', 'unrated', 'none'].map((proof) => ({
      ...collateral, ...random.pick(MARKETS), isCollateralRated: true, proof, behaviourMargin: proof === 'none' ? 0n : random.pick(MARGINS), askBps,
    })));
  });
  const drawn = Array.from({ length: 240 }, () => {
    const collateral = random.pick(COLLATERALS);
    const { ltvFloorBps: floor, ltvCeilingBps: ceiling } = collateral;
    return {
      ...collateral, ...random.pick(MARKETS), isCollateralRated: true, proof: 'rated', behaviourMargin: random.between(-16_000n, 16_000n), askBps: random.number(Math.max(1, floor - 200), ceiling + 40),
    };
  });
  const unusable = drawn.slice(0, 6).map((input, index) => ({ ...input, isCollateralRated: false, askBps: index ? input.askBps : 1 }));
  const still = drawn.slice(6, 12).map((input, index) => ({ ...input, volatilityPpm: 0, askBps: index ? input.askBps : 1 }));
  const extremes = [-(2n ** 31n), 2n ** 31n - 1n].map((behaviourMargin) => ({ ...drawn[0], behaviourMargin, askBps: drawn[0].ltvCeilingBps }));
  const zeroAsk = [{ ...COLLATERALS[4], ...MARKETS[0], isCollateralRated: true, proof: 'rated', behaviourMargin: 0n, askBps: 0 }];
  return [...edges, ...drawn, ...unusable, ...extremes.map(shrunk), ...zeroAsk, ...still].map((input) => ({ ...input, ...atTheBudget(input, random) }));
}

// int32 behaviour margins that still add up to an int32 with every offset.
const shrunk = (input) => ({ ...input, behaviourMargin: input.behaviourMargin / 2n });

// One case in five has a budget equal to its own expected loss, or one less, so that <= is told from <.
function atTheBudget(input, random) {
  const outcome = input.proof === 'rated' ? termsOf({ ...input, budgetPpm: 2 ** 32 - 1 }) : { elPpm: 0 };
  if (outcome.elPpm === 0 || random.below(5) !== 0n) return {};
  return { budgetPpm: outcome.elPpm - random.number(0, 1) };
}

function checkLaws(cases) {
  for (const { refused, premiumBps, floorPremiumBps, ltvBps, ltvFloorBps, proof, ...rest } of cases) {
    const input = { ...rest, ltvFloorBps, floorPremiumBps };
    const without = termsOf({ ...input, proof: 'none', behaviourMargin: 0n });
    if (!without.refused && (refused || (ltvBps === ltvFloorBps && premiumBps > without.premiumBps))) throw new Error(`a ${proof} proof made terms worse`);
  }
}

export function generate() {
  const cases = inputsOf(new Stream('terms')).map((input) => ({ ...input, ...termsOf(input) }));
  checkLaws(cases);
  return {
    about: 'Terms with the borrower tables of models[0] in model.json. proof: rated, unrated, none (or expired). Results: refused, why (reason), ltvBps granted and premiumBps (0 if refused), maxLtvBps, and healthFactorWad, z, pdUpperPpm, elPpm at the L asked for (all 0 where they were not needed: no rated proof, above the ceiling, unusable collateral).',
    modelId: 'models[0]',
    columnFields: Object.keys(cases[0]),
    cases,
  };
}
