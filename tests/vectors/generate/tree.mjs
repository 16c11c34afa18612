// FORMATS.md section 4: scores roots, proofs and multiproofs of OpenZeppelin's tree over mixed kinds of leaves.
import { SimpleMerkleTree, StandardMerkleTree } from '@openzeppelin/merkle-tree';
import { concatHex, keccak, Stream } from './hashing.mjs';
import { encodeEntry, leafOf, randomEntry } from './leaves.mjs';

// A StandardMerkleTree takes one list of types, so mixed leaves go through the same tree over ready hashes.
export const treeOf = (leaves) => SimpleMerkleTree.of(leaves);

// The array layout by hand: leaves ascending fill the array from its end, node k hashes 2k+1 and 2k+2 in ascending order.
function nodesOf(leaves) {
  const nodes = new Array(2 * leaves.length - 1);
  [...leaves].sort().forEach((leaf, index) => { nodes[nodes.length - 1 - index] = leaf; });
  for (let k = leaves.length - 2; k >= 0; k -= 1) nodes[k] = keccak(concatHex([nodes[2 * k + 1], nodes[2 * k + 2]].sort()));
  return nodes;
}

function multiproof(tree, indices) {
  const { leaves, proof, proofFlags } = tree.getMultiProof(indices);
  if (!tree.verifyMultiProof({ leaves, proof, proofFlags })) throw new Error('multiproof');
  return { indices: [...indices].sort((a, b) => a - b), leaves, proof, proofFlags };
}

function describe(entries, random) {
  const leaves = entries.map(leafOf);
  const tree = treeOf(leaves);
  const nodes = nodesOf(leaves);
  if (nodes.join() !== tree.dump().tree.join()) throw new Error('layout differs from the library');
  const size = leaves.length;
  const all = Array.from({ length: size }, (_, index) => index);
  const subsets = [[0], all, all.filter((index) => index % 2 === 0), all.filter(() => random.below(4) === 0n), [0, size - 1]]
    .map((subset) => [...new Set(subset)]).filter((subset) => subset.length);
  const distinct = [...new Map(subsets.map((subset) => [subset.join(), subset])).values()];
  return {
    size,
    kinds: entries.map((entry) => entry.kind),
    entries: entries.map(encodeEntry),
    leaves,
    nodes,
    root: tree.root,
    proofs: all.map((index) => tree.getProof(index)),
    multiproofs: distinct.map((subset) => multiproof(tree, subset)),
  };
}

function checkAgainstStandardTree(random) {
  const entries = Array.from({ length: 9 }, () => randomEntry(random, 1));
  const types = ['uint8', 'bytes32', 'int32', 'int32', 'uint32', 'uint32', 'uint16', 'uint8', 'bytes4', 'bytes32'];
  const values = entries.map((entry) => [
    entry.kind, entry.subject, entry.stateOffset.toString(), entry.behaviourMargin.toString(), entry.pdPpm, entry.pdUpperPpm, entry.points, entry.grade, entry.reasons, entry.featuresHash,
  ]);
  if (StandardMerkleTree.of(values, types).root !== treeOf(entries.map(leafOf)).root) throw new Error('root differs from StandardMerkleTree');
}

export function generate() {
  const random = new Stream('tree');
  checkAgainstStandardTree(random);
  const shapes = [[1], [2], [1, 2], [2, 1, 1], [1, 2, 1, 2, 1], [1, 1, 1, 1, 2, 2, 1, 1], Array.from({ length: 33 }, (_, index) => (index % 5 === 3 ? 2 : 1))];
  const cases = shapes.map((kinds) => describe(kinds.map((kind) => randomEntry(random, kind)), random));
  return {
    about: 'Trees over entries. entries, leaves and proofs are in one given order; nodes is the array of 2n-1 nodes with the root first. A multiproof is for the entries at indices; its leaves are in the order which processMultiProof takes.',
    columnFields: ['size', 'root'],
    cases,
  };
}
