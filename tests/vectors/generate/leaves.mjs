// FORMATS.md section 4: entries, their ABI encoding, features hash and leaf.
import { StandardMerkleTree } from '@openzeppelin/merkle-tree';
import { abi, concatHex, keccak, Stream, ZERO32 } from './hashing.mjs';
import { columnsOf } from './format.mjs';
import { borrowerSubject, bucketOf, collateralSubject, contractBorrowerSubject, NUMERAIRES } from './subjects.mjs';

const FIELDS = {
  1: {
    kind: 'uint8', subject: 'bytes32', stateOffset: 'int32', behaviourMargin: 'int32', pdPpm: 'uint32', pdUpperPpm: 'uint32', points: 'uint16', grade: 'uint8', reasons: 'bytes4',
    featuresHash: 'bytes32',
  },
  2: {
    kind: 'uint8', subject: 'bytes32', margin: 'int32', volatilityPpm: 'uint32', drawdownBps: 'uint32', gapPpm: 'uint32', ltvCeilingBps: 'uint16', ltvFloorBps: 'uint16',
    liquidationThresholdBps: 'uint16', binding: 'uint8', featuresHash: 'bytes32',
  },
};

const hex16 = (value) => Number(value).toString(16).padStart(4, '0');
export const featuresHash = (vector) => keccak(`0x${vector.map(hex16).join('')}`);

export const fieldsOf = (entry) => Object.fromEntries(Object.keys(FIELDS[entry.kind]).map((name) => [name, entry[name]]));

export function encodeEntry(entry) {
  const types = FIELDS[entry.kind];
  return abi(Object.values(types).join(', '), Object.keys(types).map((name) => entry[name]));
}

// The double hash by hand, checked against the library that defines it.
function computeLeaf(entry) {
  const types = FIELDS[entry.kind];
  const values = Object.keys(types).map((name) => (typeof entry[name] === 'bigint' ? entry[name].toString() : entry[name]));
  const leaf = keccak(keccak(encodeEntry(entry)));
  if (new StandardMerkleTree([], [], Object.values(types)).leafHash(values) !== leaf) throw new Error('leaf differs from StandardMerkleTree');
  return leaf;
}

const leafCache = new WeakMap();

export function leafOf(entry) {
  if (!leafCache.has(entry)) leafCache.set(entry, computeLeaf(entry));
  return leafCache.get(entry);
}

// An entry with plausible fields; overrides win.
export function randomEntry(random, kind, overrides = {}) {
  const vector = Array.from({ length: random.number(8, 12) }, () => random.number(0, 9) && random.number(1, 65534));
  const pdPpm = random.number(1, 900_000);
  const ltvCeilingBps = 50 * random.number(60, 170);
  const fields = kind === 1
    ? {
      kind, subject: borrowerSubject(random.address()), stateOffset: random.between(-30_000, 20_000), behaviourMargin: random.between(-9_000, 9_000), pdPpm,
      pdUpperPpm: random.number(pdPpm, 999_999), points: random.number(300, 1000), grade: random.number(0, 10), reasons: random.word().slice(0, 10),
    }
    : {
      kind, subject: collateralSubject(31337n, random.address(), random.pick(Object.values(NUMERAIRES))), margin: random.between(-40_000, 10_000),
      volatilityPpm: 100 * random.number(1, 20_000), drawdownBps: random.number(0, 9_000), gapPpm: random.number(1, 500_000), ltvCeilingBps,
      ltvFloorBps: 50 * random.number(10, ltvCeilingBps / 50), liquidationThresholdBps: ltvCeilingBps + 50 * random.number(2, 10), binding: random.number(1, 2),
    };
  return { ...fields, featuresHash: featuresHash(vector), vector, ...overrides };
}

const INT32_MIN = -(2n ** 31n);
const INT32_MAX = 2n ** 31n - 1n;
const ONES = `0x${'ff'.repeat(32)}`;

function borrowers(random) {
  const of = (overrides) => randomEntry(random, 1, overrides);
  return [
    of({ stateOffset: 0n, behaviourMargin: 0n, pdPpm: 1, pdUpperPpm: 1, points: 1000, grade: 1, reasons: '0x00000000' }),
    of({ stateOffset: -1n, behaviourMargin: -1n, pdPpm: 999_999, pdUpperPpm: 999_999, points: 300, grade: 10, reasons: '0xffffffff' }),
    of({ stateOffset: INT32_MIN, behaviourMargin: INT32_MAX, grade: 0 }),
    of({ stateOffset: INT32_MAX, behaviourMargin: INT32_MIN, reasons: '0x01020304' }),
    of({ subject: contractBorrowerSubject(31337n, random.address()), reasons: '0x00000001' }),
    of({ subject: contractBorrowerSubject(31338n, random.address()), reasons: '0x80000000' }),
    of({ subject: borrowerSubject('0xffffffffffffffffffffffffffffffffffffffff') }),
    ...Array.from({ length: 15 }, () => of({})),
    of({
      inRange: false, subject: ONES, stateOffset: INT32_MAX, behaviourMargin: INT32_MAX, pdPpm: 2 ** 32 - 1, pdUpperPpm: 2 ** 32 - 1, points: 65_535, grade: 255, reasons: '0xffffffff',
      featuresHash: ONES, vector: [],
    }),
    of({
      inRange: false, subject: ZERO32, stateOffset: 0n, behaviourMargin: 0n, pdPpm: 0, pdUpperPpm: 0, points: 0, grade: 0, reasons: '0x00000000', featuresHash: ZERO32, vector: [],
    }),
  ];
}

function collaterals(random) {
  const of = (overrides) => randomEntry(random, 2, overrides);
  return [
    of({ margin: 0n, volatilityPpm: 0, drawdownBps: 0, gapPpm: 0 }),
    of({ margin: -1n, volatilityPpm: 6_553_300, drawdownBps: 10_000, gapPpm: 1_000_000 }),
    of({ margin: INT32_MIN, binding: 1 }),
    of({ margin: INT32_MAX, binding: 2 }),
    of({ ltvCeilingBps: 0, ltvFloorBps: 0, liquidationThresholdBps: 0, binding: 3 }),
    of({ subject: collateralSubject(1n, '0x7f39c581f595b53c5cb19bd0b3f8da6c935e2ca0', NUMERAIRES.ETH) }),
    ...Array.from({ length: 14 }, () => of({})),
    of({
      inRange: false, subject: ONES, margin: INT32_MIN, volatilityPpm: 2 ** 32 - 1, drawdownBps: 2 ** 32 - 1, gapPpm: 2 ** 32 - 1, ltvCeilingBps: 65_535, ltvFloorBps: 65_535,
      liquidationThresholdBps: 65_535, binding: 255, featuresHash: ONES, vector: [],
    }),
    of({
      inRange: false, subject: ZERO32, margin: 0n, volatilityPpm: 0, drawdownBps: 0, gapPpm: 0, ltvCeilingBps: 0, ltvFloorBps: 0, liquidationThresholdBps: 0, binding: 0, featuresHash: ZERO32,
      vector: [],
    }),
  ];
}

function describe(entry) {
  const encoded = encodeEntry(entry);
  return { ...fieldsOf(entry), inRange: entry.inRange ?? true, vector: entry.vector, encoded, bucket: bucketOf(entry.subject), leaf: leafOf(entry) };
}

export function generate() {
  const byKind = { borrower: borrowers(new Stream('leaves/borrower')), collateral: collaterals(new Stream('leaves/collateral')) };
  const described = Object.fromEntries(Object.entries(byKind).map(([name, entries]) => [name, entries.map(describe)]));
  const names = (kind) => [...Object.keys(FIELDS[kind]), 'inRange', 'encoded', 'bucket', 'leaf'];
  const empty = keccak('0x');
  if (featuresHash([1, 65534]) !== keccak(concatHex(['0x0001', '0xfffe']))) throw new Error('packing of uint16 slots');
  return {
    about: 'Entries of both kinds with ABI encoding, feature vector (featuresHash is its keccak, where it is given) and leaf. inRange false: fits the ABI types and tests the encoding, but no score has such values.',
    emptyVectorHash: empty,
    cases: [...described.borrower, ...described.collateral],
    columns: { borrower: columnsOf(described.borrower, names(1)), collateral: columnsOf(described.collateral, names(2)) },
  };
}
