// FORMATS.md section 13: the frozen models as contract code, and the chain of hashes that names a self-test.
import { concatHex, keccak, ZERO32 } from './hashing.mjs';
import { generate as generateModels } from './model.mjs';

const HEADER_BYTES = 44;
const TABLES_BYTES = { 1: 5_919, 2: 2_062 };
const MAX_PART_BYTES = 24_575;

const cut = (hex, start, end) => `0x${hex.slice(2 + 2 * start, 2 + 2 * end)}`;
const sizeOf = (hex) => (hex.length - 2) / 2;
const codeHash = (part) => keccak(concatHex(['0x00', part]));

function sections(bin, kind) {
  const body = cut(bin, HEADER_BYTES + TABLES_BYTES[kind], sizeOf(bin));
  const parts = [cut(bin, HEADER_BYTES, HEADER_BYTES + TABLES_BYTES[kind])];
  for (let start = 0; start < sizeOf(body); start += MAX_PART_BYTES) parts.push(cut(body, start, Math.min(start + MAX_PART_BYTES, sizeOf(body))));
  return { header: cut(bin, 0, HEADER_BYTES), parts };
}

// Any bytes do for the chain: it does not look into a leaf.
function selfTest(vectors) {
  const items = vectors.map((vector, index) => ({ vector, leaf: keccak(concatHex([vector, `0x0${index % 10}`])) }));
  const hashes = [ZERO32];
  for (const { vector, leaf } of items.toReversed()) hashes.unshift(keccak(concatHex([keccak(vector), keccak(leaf), hashes[0]])));
  return { vectors, leaves: items.map(({ leaf }) => leaf), hashes };
}

export function generate() {
  const { models, cases } = generateModels();
  return {
    about: 'The models of model.json as contract code: header, size and code hash of each data contract (tables first), their digest; and a self-test of five cases, with the hash of each case and all after it.',
    columnFields: ['kind', 'modelId', 'codeDigest'],
    cases: models.map(({ bin, kind, modelId }, index) => {
      const { header, parts } = sections(bin, kind);
      const codeHashes = parts.map(codeHash);
      const vectors = cases[index].slice(0, 5).map(({ packed }) => packed);
      return { kind, modelId, header, partBytes: parts.map(sizeOf), codeHashes, codeDigest: keccak(concatHex(codeHashes)), ...selfTest(vectors) };
    }),
  };
}
