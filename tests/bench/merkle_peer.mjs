// The peer of tests/bench/merkle.py: OpenZeppelin's own tree over the same leaves. Arguments: how many leaves, how many runs.
// Prints the root and the CPU seconds of the fastest run. Leaf i is the SHA-256 of i as four bytes.
import { createHash } from 'node:crypto';
import { SimpleMerkleTree } from '@openzeppelin/merkle-tree';

const [count, runs] = process.argv.slice(2).map(Number);
const leafOf = (index) => {
  const word = Buffer.alloc(4);
  word.writeUInt32BE(index);
  return `0x${createHash('sha256').update(word).digest('hex')}`;
};
const leaves = Array.from({ length: count }, (_, index) => leafOf(index));
let best = Infinity;
let root = '';
for (let run = 0; run < runs; run += 1) {
  const begin = process.cpuUsage();
  root = SimpleMerkleTree.of(leaves).root;
  const { user, system } = process.cpuUsage(begin);
  best = Math.min(best, (user + system) / 1e6);
}
console.log(JSON.stringify({ root, cpu_s: best }));
