// FORMATS.md section 10: who sends a report to a chain first.
import { CONFIG_DIGEST } from './committee.mjs';
import { CUT } from './cut.mjs';
import { keccakAbi, Stream, ZERO32 } from './hashing.mjs';

const keyOf = (configDigest, epoch, chainId, node) => keccakAbi('bytes32, uint64, uint64, uint8', [configDigest, epoch, chainId, node]);

export function generate() {
  const random = new Stream('transmission');
  const inputs = [
    ...[0n, 1n, 2n].flatMap((later) => [31337n, 31338n].map((chainId) => ({ configDigest: CONFIG_DIGEST, epoch: CUT.epoch + later, chainId, n: 4 }))),
    { configDigest: ZERO32, epoch: 0n, chainId: 0n, n: 1 },
    { configDigest: random.word(), epoch: 2n ** 64n - 1n, chainId: 2n ** 64n - 1n, n: 7 },
    { configDigest: random.word(), epoch: 5n, chainId: 1n, n: 13 },
    { configDigest: random.word(), epoch: 6n, chainId: 8453n, n: 31 },
  ];
  const cases = inputs.map(({ n, ...input }) => {
    const keys = Array.from({ length: n }, (_, node) => keyOf(input.configDigest, input.epoch, input.chainId, node));
    const order = Array.from({ length: n }, (_, node) => node).sort((a, b) => (keys[a] < keys[b] ? -1 : 1));
    return { ...input, n, keys, order };
  });
  return { about: 'order: node ids in the order in which they send the report of an epoch to a chain; keys[i] is the hash of node i that sorts them.', columnFields: ['configDigest', 'epoch', 'chainId', 'n'], cases };
}
