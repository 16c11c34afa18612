// FORMATS.md section 8: a model as fields, as bytes, and evaluated on a vector of slots.
import {
  annualLossPpm, clamp, gradeOf, pointsOf, stateOffset, tableIndex,
} from './arithmetic.mjs';
import { featuresHash } from './leaves.mjs';

const HEADER = [['kind', 'u8'], ['nFeatures', 'u8'], ['nTrees', 'u16'], ['depth', 'u8'], ['flags', 'u8'], ['layoutVersion', 'u16'], ['schemaDigest', 'bytes32']];
const TABLES = {
  1: [
    ['stateOffset', 'i32', 257], ['lo', 'i32'], ['shift', 'u8'], ['pdPpm', 'u32', 256], ['pdUpperPpm', 'u32', 256], ['pointsThresholds', 'u32', 700], ['referenceLgdBps', 'u16'],
    ['gradeThresholds', 'u32', 9],
  ],
  2: [
    ['lo', 'i32'], ['shift', 'u8'], ['gapPpm', 'u32', 256], ['drawdownBps', 'u32', 256], ['bonusBps', 'u16'], ['thresholdCapBps', 'u16'], ['bufferBps', 'u16'], ['floorShareBps', 'u16'],
    ['volatilitySlot', 'u8'],
  ],
};
const SUPPORT = [['supportLo', 'u16'], ['supportHi', 'u16'], ['required', 'u8']];
const NODE = [['feature', 'u8'], ['threshold', 'u16'], ['defaultLeft', 'u8']];
const MAGIC = Buffer.from('ASY1', 'ascii');
const TREES_ACTIVE = 1;

class Writer {
  constructor() {
    this.parts = [MAGIC];
  }

  value(type, value) {
    if (type === 'bytes32') {
      this.parts.push(Buffer.from(value.slice(2), 'hex'));
      return;
    }
    const size = Number(type.slice(1)) / 8;
    const part = Buffer.alloc(size);
    if (type[0] === 'i') part.writeIntBE(Number(value), 0, size);
    else part.writeUIntBE(Number(value), 0, size);
    this.parts.push(part);
  }

  fields(layout, record) {
    for (const [name, type, count] of layout) {
      const values = count ? record[name] : [record[name]];
      if (values.length !== (count ?? 1)) throw new Error(`${name} has ${values.length} values`);
      values.forEach((value) => this.value(type, value));
    }
  }
}

export function encodeModel(model) {
  const writer = new Writer();
  writer.fields(HEADER, model);
  writer.fields(TABLES[model.kind], model.tables);
  if (model.support.length !== model.nFeatures || model.trees.length !== model.nTrees) throw new Error('counts');
  model.support.forEach((row) => writer.fields(SUPPORT, row));
  for (const { nodes, leaves } of model.trees) {
    if (nodes.length !== 2 ** model.depth - 1 || leaves.length !== 2 ** model.depth) throw new Error('tree size');
    nodes.forEach((node) => writer.fields(NODE, node));
    leaves.forEach((leaf) => writer.value('i16', leaf));
  }
  return `0x${Buffer.concat(writer.parts).toString('hex')}`;
}

class Reader {
  constructor(hex) {
    this.bytes = Buffer.from(hex.slice(2), 'hex');
    this.at = MAGIC.length;
  }

  value(type) {
    const size = type === 'bytes32' ? 32 : Number(type.slice(1)) / 8;
    const start = this.at;
    this.at += size;
    if (type === 'bytes32') return `0x${this.bytes.subarray(start, this.at).toString('hex')}`;
    return type[0] === 'i' ? this.bytes.readIntBE(start, size) : this.bytes.readUIntBE(start, size);
  }

  fields(layout) {
    return Object.fromEntries(layout.map(([name, type, count]) => [name, count ? Array.from({ length: count }, () => this.value(type)) : this.value(type)]));
  }
}

export function decodeModel(hex) {
  const reader = new Reader(hex);
  const header = reader.fields(HEADER);
  const tables = reader.fields(TABLES[header.kind]);
  const support = Array.from({ length: header.nFeatures }, () => reader.fields(SUPPORT));
  const trees = Array.from({ length: header.nTrees }, () => ({
    nodes: Array.from({ length: 2 ** header.depth - 1 }, () => reader.fields(NODE)),
    leaves: Array.from({ length: 2 ** header.depth }, () => reader.value('i16')),
  }));
  if (reader.at !== reader.bytes.length) throw new Error('bytes left over');
  return { ...header, tables, support, trees };
}

function treeMargin({ nodes, leaves }, vector) {
  let k = 0;
  while (k < nodes.length) {
    const { feature, threshold, defaultLeft } = nodes[k];
    const slot = vector[feature];
    const goesLeft = slot === 0 ? defaultLeft === 1 : slot < threshold;
    k = goesLeft ? 2 * k + 1 : 2 * k + 2;
  }
  return BigInt(leaves[k - nodes.length]);
}

const treesMargin = ({ trees }, vector) => trees.reduce((sum, tree) => sum + treeMargin(tree, vector), 0n);

export function isUnrated({ support }, vector) {
  return support.some(({ supportLo, supportHi, required }, slot) => (vector[slot] === 0 ? required === 1 : vector[slot] < supportLo || vector[slot] > supportHi));
}

export const borrowerIndex = ({ tables }, margin) => tableIndex(margin, BigInt(tables.lo), tables.shift);

export function scoreBorrower(model, vector) {
  const { tables } = model;
  const offset = stateOffset(tables.stateOffset.map(BigInt), BigInt(vector[0]));
  const behaviourMargin = model.flags & TREES_ACTIVE ? treesMargin(model, vector) : 0n;
  const index = borrowerIndex(model, offset + behaviourMargin);
  const pd = BigInt(tables.pdPpm[index]);
  const unrated = isUnrated(model, vector);
  const grade = unrated ? 0 : gradeOf(pd, BigInt(tables.referenceLgdBps));
  return {
    treesMargin: treesMargin(model, vector), stateOffset: offset, behaviourMargin, pdPpm: Number(pd), pdUpperPpm: Number(tables.pdUpperPpm[index]), points: pointsOf(pd), grade,
    annualLossPpm: Number(annualLossPpm(pd, BigInt(tables.referenceLgdBps))), isUnrated: unrated, featuresHash: featuresHash(vector),
  };
}

const floor50 = (x) => x - (x % 50);
const quotient = (a, b) => Number(BigInt(a) / BigInt(b));

export function scoreCollateral(model, vector) {
  const { lo, shift, gapPpm, drawdownBps, bonusBps, thresholdCapBps, bufferBps, floorShareBps, volatilitySlot } = model.tables;
  const margin = treesMargin(model, vector);
  const index = tableIndex(margin, BigInt(lo), shift);
  const drawdown = Number(drawdownBps[index]);
  const slot = vector[volatilitySlot];
  let threshold = floor50(quotient((10_000 - Number(clamp(drawdown, 0, 10_000))) * 10_000, 10_000 + bonusBps));
  let binding = 1;
  if (threshold > thresholdCapBps) [threshold, binding] = [thresholdCapBps, 2];
  const unrated = isUnrated(model, vector);
  if (unrated) [threshold, binding] = [0, 3];
  const ceiling = floor50(quotient(threshold * (10_000 - bufferBps), 10_000));
  const floor = floor50(quotient(ceiling * floorShareBps, 10_000));
  return {
    margin, volatilityPpm: slot === 0 ? 0 : (slot - 1) * 100, drawdownBps: drawdown, gapPpm: Number(gapPpm[index]), ltvCeilingBps: ceiling, ltvFloorBps: floor,
    liquidationThresholdBps: threshold, binding, isUnrated: unrated, featuresHash: featuresHash(vector),
  };
}
