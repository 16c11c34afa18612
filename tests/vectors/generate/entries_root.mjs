// FORMATS.md section 4: buckets, their digests and bodies, and the root of one node's entries.
import { concatHex, keccak, Stream } from './hashing.mjs';
import { encodeEntry, leafOf, randomEntry } from './leaves.mjs';
import { borrowerSubject, bucketOf } from './subjects.mjs';
import { treeOf } from './tree.mjs';

const bySubject = (a, b) => (a.subject < b.subject ? -1 : 1);

export function bucketsOf(entries) {
  const buckets = Array.from({ length: 256 }, () => []);
  [...entries].sort(bySubject).forEach((entry) => buckets[bucketOf(entry.subject)].push(entry));
  return buckets;
}

const joined = (parts) => (parts.length ? concatHex(parts) : '0x');
export const bucketBody = (bucket) => joined(bucket.map(encodeEntry));
export const bucketDigest = (bucket) => keccak(joined(bucket.map(leafOf)));
export const digestsOf = (entries) => bucketsOf(entries).map(bucketDigest);
export const entriesRoot = (entries) => keccak(concatHex(digestsOf(entries)));
export const outcomeBody = (entries) => joined([...entries].sort(bySubject).map(encodeEntry));

function describe(name, entries) {
  const buckets = bucketsOf(entries);
  const present = buckets.map((bucket, index) => ({ bucket: index, size: bucket.length, body: bucketBody(bucket), digest: bucketDigest(bucket) })).filter(({ size }) => size);
  return {
    name,
    size: entries.length,
    entries: entries.map(encodeEntry),
    leaves: entries.map(leafOf),
    buckets: present,
    entriesRoot: entriesRoot(entries),
    scoresRoot: entries.length ? treeOf(entries.map(leafOf)).root : null,
  };
}

// Subjects that share a bucket, found by search.
function colliding(random, bucket, count) {
  const found = [];
  while (found.length < count) {
    const subject = borrowerSubject(random.address());
    if (bucketOf(subject) === bucket) found.push(randomEntry(random, 1, { subject }));
  }
  return found;
}

export function generate() {
  const random = new Stream('entries_root');
  const mixed = (count) => Array.from({ length: count }, (_, index) => randomEntry(random, index % 4 === 1 ? 2 : 1));
  const many = mixed(24);
  const changed = many.map((entry, index) => (index === 5 ? { ...entry, featuresHash: keccak('0x00') } : entry));
  const cases = [
    describe('no entries', []),
    describe('one borrower', [randomEntry(random, 1)]),
    describe('one collateral', [randomEntry(random, 2)]),
    describe('five in bucket 0', colliding(random, 0, 5)),
    describe('three in bucket 255 and two elsewhere', [...colliding(random, 255, 3), ...mixed(2)]),
    describe('many', many),
    describe('many, in another order: same root', [...many].reverse()),
    describe('many, one of them with another features hash', changed),
  ];
  return {
    about: 'Buckets and root of one node\'s entries. entries are in no particular order; buckets lists the non-empty ones with body and digest. scoresRoot is the tree over the same leaves (null without any).',
    emptyBucketDigest: keccak('0x'),
    cases,
    columns: { entriesRoot: cases.map((item) => item.entriesRoot), size: cases.map((item) => item.size) },
  };
}
