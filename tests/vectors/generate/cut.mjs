// FORMATS.md section 2: the hash of a cut.
import { keccakAbi, keccakText, Stream, ZERO32 } from './hashing.mjs';

export const CUT_TYPE = '(uint64 chainId, uint64 blockNumber, bytes32 blockHash)[]';
export const cutHash = (epoch, cuts, stalledChains) => keccakAbi(`uint64, ${CUT_TYPE}, uint32`, [epoch, cuts, stalledChains]);

// The cut that report.json and messages.json are about.
export const CUT = {
  epoch: 489_555n,
  cuts: [
    { chainId: 31337n, blockNumber: 1_204n, blockHash: keccakText('block 1204 of chain 31337') },
    { chainId: 31338n, blockNumber: 987n, blockHash: keccakText('block 987 of chain 31338') },
  ],
  stalledChains: 0,
};
export const CUT_HASH = cutHash(CUT.epoch, CUT.cuts, CUT.stalledChains);

export function generate() {
  const random = new Stream('cut');
  const block = (chainId) => ({ chainId, blockNumber: random.below(2n ** 40n), blockHash: random.word() });
  const max = 2n ** 64n - 1n;
  const inputs = [
    CUT,
    { ...CUT, stalledChains: 1 },
    { ...CUT, stalledChains: 2 },
    { ...CUT, epoch: CUT.epoch + 1n },
    { epoch: 0n, cuts: [], stalledChains: 0 },
    { epoch: 0n, cuts: [{ chainId: 0n, blockNumber: 0n, blockHash: ZERO32 }], stalledChains: 0 },
    { epoch: max, cuts: [{ chainId: max, blockNumber: max, blockHash: `0x${'ff'.repeat(32)}` }], stalledChains: 2 ** 32 - 1 },
    { epoch: 1n, cuts: [1n, 10n, 8453n, 42161n].map(block), stalledChains: 0b1010 },
    { epoch: 77n, cuts: Array.from({ length: 32 }, (_, index) => block(BigInt(index + 1))), stalledChains: 2 ** 31 },
  ];
  const cases = inputs.map(({ epoch, cuts, stalledChains }) => ({ epoch, cuts, stalledChains, cutHash: cutHash(epoch, cuts, stalledChains) }));
  return { about: 'cutHash of an epoch number, the cuts ascending by chain id and the bitmap of stalled chains.', columnFields: ['epoch', 'stalledChains', 'cutHash'], cases };
}
