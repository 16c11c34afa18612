// FORMATS.md section 8: small complete models made by hand, and what they say of vectors at every edge.
import { GRADE_THRESHOLDS, POINTS_THRESHOLDS } from './arithmetic.mjs';
import { columnsOf } from './format.mjs';
import { keccak, keccakText, Stream } from './hashing.mjs';
import { SMOOTH } from './state_offset.mjs';
import { decodeModel, encodeModel, scoreBorrower, scoreCollateral } from './tables.mjs';

const PAD = { feature: 0, threshold: 65_535, defaultLeft: 1 };
const split = (feature, threshold, defaultLeft) => ({ feature, threshold, defaultLeft });
const table = (value) => Array.from({ length: 256 }, (_, i) => value(i));

// Keys of a feature sorted, no spaces: JSON.stringify keeps the order in which they are written here.
const feature = (slot, name, kind, unit, lo, hi, monotone) => ({ hi, kind, lo, monotone, name, slot, unit });
const schemaText = (features) => JSON.stringify(features);

const BORROWER_SCHEMA = schemaText([
  feature(0, 'z', 'signed', 'sigma_1024', 1, 65_534, -1), feature(1, 'debt_age', 'wide', 'seconds', 1, 65_534, -1), feature(2, 'low_health_share', 'ratio', 'bps', 1, 10_001, 1),
  feature(3, 'liquidations', 'wide', 'count', 1, 65_534, 1),
]);
const COLLATERAL_SCHEMA = schemaText([
  feature(0, 'max_drawdown', 'ratio', 'bps', 1, 10_001, 1), feature(1, 'volatility', 'ratio', 'ppm_100', 1, 65_534, 1), feature(2, 'issuer_risk', 'ratio', 'level', 1, 4, 1),
]);

const pd = (i) => 1 + 15 * i * i;
const BORROWER = {
  name: 'borrower',
  kind: 1,
  nFeatures: 4,
  nTrees: 3,
  depth: 3,
  flags: 0b11,
  layoutVersion: 1,
  schemaDigest: keccakText(BORROWER_SCHEMA),
  tables: {
    stateOffset: SMOOTH.map(Number),
    lo: -30_000,
    shift: 8,
    pdPpm: table(pd),
    pdUpperPpm: table((i) => Math.min(999_999, pd(i) + Math.floor(pd(i) / 4) + 10)),
    pointsThresholds: POINTS_THRESHOLDS.map(Number),
    referenceLgdBps: 150,
    gradeThresholds: GRADE_THRESHOLDS.map(Number),
  },
  support: [
    { supportLo: 1, supportHi: 65_534, required: 1 }, { supportLo: 5_000, supportHi: 30_000, required: 1 }, { supportLo: 1, supportHi: 10_001, required: 0 },
    { supportLo: 1, supportHi: 14_000, required: 0 },
  ],
  trees: [
    { // complete
      nodes: [split(1, 20_000, 1), split(2, 501, 0), split(3, 3, 1), split(3, 1_026, 1), split(2, 2_001, 1), split(1, 25_000, 0), split(2, 9_000, 0)],
      leaves: [-700, 350, 900, 2_600, -1_900, -400, 125, 1_875],
    },
    { // the left branch ends after two levels, the right one after one
      nodes: [split(2, 1, 0), split(1, 12_000, 1), PAD, PAD, PAD, PAD, PAD],
      leaves: [240, 240, -310, -310, 55, 55, 55, 55],
    },
    { // the ends of int16 and of a threshold; one split twice on a path
      nodes: [split(3, 2_050, 0), split(1, 65_535, 0), split(2, 65_535, 1), split(1, 8_000, 1), PAD, split(3, 12_000, 0), PAD],
      leaves: [610, -480, -32_768, -32_768, 1, 32_767, -4_096, -4_096],
    },
  ],
};

const COLLATERAL = {
  name: 'collateral',
  kind: 2,
  nFeatures: 3,
  nTrees: 3,
  depth: 2,
  flags: 0b01,
  layoutVersion: 1,
  schemaDigest: keccakText(COLLATERAL_SCHEMA),
  tables: {
    lo: -2_000, shift: 4, gapPpm: table((i) => 7 * i * i), drawdownBps: table((i) => 500 + 40 * i), bonusBps: 750, thresholdCapBps: 7_525, bufferBps: 700, floorShareBps: 6_000, volatilitySlot: 1,
  },
  support: [{ supportLo: 2, supportHi: 10_001, required: 0 }, { supportLo: 1, supportHi: 40_000, required: 1 }, { supportLo: 1, supportHi: 3, required: 0 }],
  trees: [
    { nodes: [split(0, 3_001, 1), split(1, 4_001, 0), split(1, 12_001, 1)], leaves: [-1_700, -300, 250, 1_450] },
    { nodes: [split(2, 2, 1), split(0, 1_200, 0), PAD], leaves: [-220, 40, 310, 310] },
    { nodes: [split(1, 700, 0), split(0, 65_535, 0), split(0, 6_000, 1)], leaves: [-900, -37, 16, 915] },
  ],
};

const SHADOW = { ...BORROWER, name: 'borrower, trees not active', flags: 0 };

// Every slot at, below and above each split and support bound, and missing, the others at a rated base; then random ones.
function vectorsFor(model, bases, random) {
  const edges = Array.from({ length: model.nFeatures }, (_, slot) => {
    const { supportLo, supportHi } = model.support[slot];
    const thresholds = model.trees.flatMap(({ nodes }) => nodes.filter((node) => node.feature === slot).map(({ threshold }) => threshold));
    const values = [supportLo, supportHi, ...thresholds].flatMap((value) => [value - 1, value, value + 1]);
    return [...new Set([0, 1, 65_534, ...values])].filter((value) => value >= 0 && value <= 65_534);
  });
  const fromBases = bases.flatMap((base) => [base, ...edges.flatMap((values, slot) => values.map((value) => base.map((other, index) => (index === slot ? value : other))))]);
  const within = ({ supportLo, supportHi }) => (random.below(6) ? random.number(supportLo, supportHi) : 0);
  const drawn = Array.from({ length: 30 }, () => model.support.map((row, slot) => (random.below(3) ? within(row) : random.pick(edges[slot]))));
  const all = [...fromBases, ...drawn, model.support.map(() => 0), model.support.map(() => 65_534)];
  return [...new Map(all.map((vector) => [vector.join(), vector])).values()];
}

const packed = (vector) => `0x${vector.map((slot) => slot.toString(16).padStart(4, '0')).join('')}`;

export function describe(model, schema, vectors, score) {
  const bin = encodeModel(model);
  const decoded = decodeModel(bin);
  const cases = vectors.map((vector) => {
    const fields = score(model, vector);
    const again = score(decoded, vector);
    if (Object.keys(fields).some((name) => fields[name] !== again[name])) throw new Error('bytes and fields disagree');
    return { vector, packed: packed(vector), ...fields };
  });
  const columns = columnsOf(cases, Object.keys(cases[0]).filter((name) => name !== 'vector'));
  return { fields: { ...model, schema, bin, modelId: keccak(bin) }, cases, columns };
}

export { BORROWER };

export function generate() {
  const random = new Stream('model');
  const zs = [1, 2, 255, 256, 20_000, 32_767, 32_768, 32_769, 36_000, 45_000, 65_279, 65_280];
  const history = [18_000, 700, 1];
  const borrowerVectors = [...vectorsFor(BORROWER, [[34_000, ...history], [33_000, 26_000, 2_500, 2_050]], random), ...zs.map((z) => [z, ...history])];
  const collateralVectors = vectorsFor(COLLATERAL, [[2_500, 5_001, 1], [4_000, 900, 3]], random);
  const models = [
    describe(BORROWER, BORROWER_SCHEMA, borrowerVectors, scoreBorrower),
    describe(COLLATERAL, COLLATERAL_SCHEMA, collateralVectors, scoreCollateral),
    describe(SHADOW, BORROWER_SCHEMA, borrowerVectors.slice(0, 20), scoreBorrower),
  ];
  return {
    about: 'Complete small models: fields, model.bin, modelId, and what they give for vectors at every edge. cases[i], columns[i] belong to models[i]; packed is the vector as bytes. treesMargin is the sum of the leaves even if trees are not active. reasons are not covered.',
    models: models.map(({ fields }) => fields),
    cases: models.map(({ cases }) => cases),
    columns: models.map(({ columns }) => columns),
  };
}
