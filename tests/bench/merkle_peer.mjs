// The peer of tests/bench/merkle.py: OpenZeppelin's own tree over the same leaves. Arguments: how many leaves, how many runs.
// Prints the root and the median CPU seconds of an odd number of runs: a cold first one does not count. Leaf i is the SHA-256 of i as four bytes.
import { createHash } from 'node:crypto';
import { SimpleMerkleTree } from '@openzeppelin/merkle-tree';

const [count, runs] = process.argv.slice(2).map(Number);
const leafOf = (index) => {
  const word = Buffer.alloc(4);
  word.writeUInt32BE(index);
  return `0x${createHash('sha256').update(word).digest('hex')}`;
};
const leaves = Array.from({ length: count }, (_, index) => leafOf(index));
const costs = [];
let root = '';
for (let run = 0; run < runs; run += 1) {
  const begin = process.cpuUsage();
  root = SimpleMerkleTree.of(leaves).root;
  const { user, system } = process.cpuUsage(begin);
  costs.push((user + system) / 1e6);
}
costs.sort((a, b) => a - b);
console.log(JSON.stringify({ root, cpu_s: costs[Math.floor(runs / 2)] }));
