// FORMATS.md section 11: the outcome of one subject, the majority of roots, and the outcome of whole observations.
import { bucketDigest, bucketsOf, entriesRoot } from './entries_root.mjs';
import { Stream } from './hashing.mjs';
import { encodeEntry, leafOf, randomEntry } from './leaves.mjs';
import { bucketOf } from './subjects.mjs';
import { treeOf } from './tree.mjs';

const marginOf = (entry) => (entry.kind === 1 ? entry.stateOffset + entry.behaviourMargin : entry.margin);
const tally = (items) => items.reduce((counts, item) => counts.set(item, (counts.get(item) ?? 0) + 1), new Map());

// leaves in node order, undefined where a node has no entry for the subject; a leaf or undefined.
function subjectOutcome(leaves, margins, f) {
  const present = leaves.filter((leaf) => leaf !== undefined);
  const support = tally(present);
  const survivors = present.filter((leaf) => support.get(leaf) >= f + 1);
  survivors.sort((a, b) => (margins.get(a) === margins.get(b) ? (a < b ? -1 : 1) : (margins.get(a) < margins.get(b) ? -1 : 1)));
  return survivors[Math.floor(survivors.length / 2)];
}

// The value that more than half of the values are, if at least f + 1 are.
function majority(values, f) {
  const found = [...tally(values)].find(([, count]) => 2 * count > values.length && count >= f + 1);
  return found?.[0];
}

function subjectCase(name, f, pool, byNode) {
  const leaves = pool.map(leafOf);
  const margins = new Map(pool.map((entry, index) => [leaves[index], marginOf(entry)]));
  const outcome = subjectOutcome(byNode.map((index) => (index < 0 ? undefined : leaves[index])), margins, f);
  return { name, f, entries: pool.map(encodeEntry), margins: pool.map(marginOf), leaves, byNode, outcome: outcome === undefined ? -1 : leaves.indexOf(outcome) };
}

function subjectCases(random) {
  const subject = randomEntry(random, 1).subject;
  const pair = randomEntry(random, 2).subject;
  const borrower = (stateOffset, behaviourMargin) => randomEntry(random, 1, { subject, stateOffset, behaviourMargin });
  const pool = [borrower(-900n, 100n), borrower(0n, 50n), borrower(700n, -600n), borrower(3_000n, 4_000n)];
  const ties = [borrower(10n, 20n), borrower(20n, 10n), borrower(-70n, 100n)];
  const collaterals = [-50n, 0n, 12n].map((margin) => randomEntry(random, 2, { subject: pair, margin }));
  return [
    subjectCase('all agree', 1, pool, [1, 1, 1, 1]),
    subjectCase('one liar, lower', 1, pool, [1, 0, 1, 1]),
    subjectCase('one liar, higher', 1, pool, [3, 1, 1, 1]),
    subjectCase('one absent', 1, pool, [1, 1, -1, 1]),
    subjectCase('two against two: the riskier', 1, pool, [0, 2, 0, 2]),
    subjectCase('two against two, the other way round', 1, pool, [2, 2, 0, 0]),
    subjectCase('all different: none', 1, pool, [0, 1, 2, 3]),
    subjectCase('two agree, two differ', 1, pool, [3, 0, 1, 0]),
    subjectCase('one entry only: none', 1, pool, [-1, -1, 2, -1]),
    subjectCase('nobody has it: none', 1, pool, [-1, -1, -1, -1]),
    subjectCase('two have it, identical', 1, pool, [-1, 2, -1, 2]),
    subjectCase('two have it, different: none', 1, pool, [-1, 2, -1, 0]),
    subjectCase('three of a set of three', 1, pool, [0, 0, 2]),
    subjectCase('f = 0: every entry survives', 0, pool, [0, 2, 3]),
    subjectCase('f = 0, two of them: the riskier', 0, pool, [2, 0]),
    subjectCase('f = 2: 3, 2, 2: only three survive', 2, pool, [0, 0, 0, 1, 1, 2, 2]),
    subjectCase('f = 2: 3 against 3, one liar', 2, pool, [0, 2, 0, 2, 0, 2, 3]),
    subjectCase('f = 2: 3 low against 4 high', 2, pool, [0, 2, 0, 2, 0, 2, 2]),
    subjectCase('f = 2: 4 low against 3 high', 2, pool, [0, 2, 0, 2, 0, 0, 2]),
    subjectCase('f = 2: 3, 3, 3 of nine: the middle', 2, pool, [0, 1, 2, 0, 1, 2, 0, 1, 2]),
    subjectCase('f = 2: 4, 3, 3 of ten: position five', 2, pool, [2, 2, 2, 2, 1, 1, 1, 0, 0, 0]),
    subjectCase('equal margins: ordered by leaf hash', 1, ties, [0, 1, 0, 1]),
    subjectCase('equal margins, three of them', 1, ties, [0, 1, 2, 2, 1, 0]),
    subjectCase('equal margins, 3 against 2', 1, ties, [0, 1, 1, 0, 0]),
    subjectCase('collateral, two against two', 1, collaterals, [0, 1, 1, 0]),
    subjectCase('collateral, the riskiest alone', 1, collaterals, [2, 1, 1, 0]),
  ];
}

function rootCase(name, f, roots) {
  const found = majority(roots, f);
  return { name, f, roots, majority: found ?? -1 };
}

const ROOT_CASES = [
  rootCase('all', 1, [5, 5, 5, 5]),
  rootCase('three of four', 1, [5, 5, 6, 5]),
  rootCase('two of four is no majority', 1, [5, 5, 6, 6]),
  rootCase('two of three', 1, [6, 5, 5]),
  rootCase('two of four with two alone', 1, [5, 5, 6, 7]),
  rootCase('three of six is no majority', 1, [5, 5, 5, 6, 6, 6]),
  rootCase('four of seven', 2, [5, 6, 5, 6, 5, 6, 5]),
  rootCase('three of seven', 2, [5, 6, 5, 6, 5, 6, 7]),
  rootCase('three of five with f = 2', 2, [5, 5, 5, 6, 7]),
  rootCase('two of three, but f = 2', 2, [5, 5, 6]),
  rootCase('one node alone, f = 0', 0, [5]),
  rootCase('one node alone, f = 1', 1, [5]),
];

function wholeOutcome(observations, f) {
  const all = new Map(observations.flat().map((entry) => [leafOf(entry), entry]));
  const margins = new Map([...all].map(([leaf, entry]) => [leaf, marginOf(entry)]));
  const byRoot = majority(observations.map(entriesRoot), f);
  if (byRoot !== undefined) return { rule: 'root', entries: observations.find((entries) => entriesRoot(entries) === byRoot), missing: [], bucketsWithoutMajority: [] };
  const bucketed = observations.map(bucketsOf);
  const [entries, missing, bucketsWithoutMajority] = [[], [], []];
  for (let bucket = 0; bucket < 256; bucket += 1) {
    const held = bucketed.map((buckets) => buckets[bucket]);
    const digest = majority(held.map(bucketDigest), f);
    if (digest !== undefined) {
      entries.push(...held.find((candidate) => bucketDigest(candidate) === digest));
      continue;
    }
    bucketsWithoutMajority.push(bucket);
    for (const subject of [...new Set(held.flat().map((entry) => entry.subject))].sort()) {
      const own = held.map((candidate) => candidate.find((entry) => entry.subject === subject));
      const leaf = subjectOutcome(own.map((entry) => entry && leafOf(entry)), margins, f);
      if (leaf === undefined) missing.push(subject);
      else entries.push(all.get(leaf));
    }
  }
  return { rule: 'buckets', entries, missing, bucketsWithoutMajority };
}

const bySubject = (a, b) => (a.subject < b.subject ? -1 : 1);

function wholeCase(name, f, observations) {
  const { rule, entries, missing, bucketsWithoutMajority } = wholeOutcome(observations, f);
  const pool = [...new Map(observations.flat().map((entry) => [leafOf(entry), entry])).values()];
  const indexOf = new Map(pool.map((entry, index) => [leafOf(entry), index]));
  const sorted = [...entries].sort(bySubject);
  return {
    name,
    f,
    pool: pool.map(encodeEntry),
    observations: observations.map((own) => [...own].sort(bySubject).map((entry) => indexOf.get(leafOf(entry)))),
    roots: observations.map(entriesRoot),
    rule,
    bucketsWithoutMajority,
    outcome: sorted.map((entry) => indexOf.get(leafOf(entry))),
    missing: [...missing].sort(),
    scoresRoot: treeOf(sorted.map(leafOf)).root,
  };
}

// Changes one entry by its position; null drops it.
const changed = (entries, changes) => entries.map((entry, index) => {
  if (!(index in changes)) return entry;
  return changes[index] === null ? null : { ...entry, ...changes[index] };
}).filter((entry) => entry !== null);

function wholeCases(random) {
  const truth = Array.from({ length: 9 }, (_, index) => randomEntry(random, index % 4 === 3 ? 2 : 1));
  const buckets = truth.map((entry) => bucketOf(entry.subject));
  if (new Set(buckets).size !== buckets.length) throw new Error('the example wants a bucket per subject');
  const low = { behaviourMargin: -9_000n };
  const high = { behaviourMargin: 9_000n };
  return [
    wholeCase('one liar of four: root', 1, [truth, truth, changed(truth, { 0: low }), truth]),
    wholeCase('two against two in one bucket', 1, [truth, truth, changed(truth, { 1: high }), changed(truth, { 1: high })]),
    wholeCase('four nodes, each wrong about another subject: every bucket has a majority', 1, [0, 1, 2, 4].map((index) => changed(truth, { [index]: low }))),
    wholeCase('nobody agrees on one subject: left out', 1, [
      truth, changed(truth, { 2: low }), changed(truth, { 2: high }), changed(truth, { 2: { behaviourMargin: 1n } }),
    ]),
    wholeCase('a subject that two of four do not have', 1, [truth, truth, changed(truth, { 5: null }), changed(truth, { 5: null })]),
    wholeCase('a subject that three of four do not have', 1, [truth, changed(truth, { 5: null, 6: low }), changed(truth, { 5: null, 6: high }), changed(truth, { 5: null })]),
    wholeCase('seven nodes: one bucket 4 to 3, one bucket 3, 3, 1', 2, [
      changed(truth, { 0: low, 4: high }), changed(truth, { 0: low, 4: high }), changed(truth, { 0: low, 4: high }), changed(truth, { 0: { behaviourMargin: 5n } }), changed(truth, { 8: low }), truth, truth,
    ]),
  ];
}

export function generate() {
  const random = new Stream('outcome');
  const cases = subjectCases(random);
  return {
    about: 'cases: one subject; byNode is the index of the entry a node gave (-1: none), outcome the index of the agreed one (-1: none). rootCases: equal numbers are equal roots, majority -1 if no root is the outcome. observationCases: entries of each node as indices into pool, and the outcome by all three rules.',
    rootCases: ROOT_CASES,
    observationCases: wholeCases(random),
    cases,
    columns: { f: cases.map(({ f }) => f), outcome: cases.map(({ outcome }) => outcome) },
  };
}
