// FORMATS.md section 6: messages between nodes, bodies, signatures and wire form, and wires that must be refused.
import { CONFIG_DIGEST } from './committee.mjs';
import { CUT, CUT_HASH, CUT_TYPE, cutHash } from './cut.mjs';
import { bucketBody, bucketsOf, digestsOf, entriesRoot, outcomeBody } from './entries_root.mjs';
import { abi, hashTypedData, keccak, keccakAbi, keccakText, signDigest, Stream, testKeys, typeNames, withHighS, ZERO32 } from './hashing.mjs';
import { leafOf, randomEntry } from './leaves.mjs';
import { DOMAIN, membersOf, REPORT, REPORT_TUPLE, reportHash, ZERO_REPORT } from './report.mjs';
import { treeOf } from './tree.mjs';

const MESSAGE_TYPE = 'Message(bytes32 configDigest,uint64 epoch,uint32 view,bytes32 cutHash,uint8 kind,uint8 sender,bytes32 bodyHash)';
const WIRE_TYPES = 'bytes32, uint64, uint32, bytes32, uint8, uint8, bytes, bytes';
const BODY_TYPES = {
  CUT: `${CUT_TYPE}, uint32`,
  COMMITMENT: 'bytes32',
  CLOSED_SET: 'uint32, bytes[]',
  REVEAL: 'bytes32, bytes32, bytes32',
  DIGESTS: 'bytes32, bytes32[]',
  FETCH: 'bytes32, uint16[]',
  BODIES: 'bytes32, uint16[], bytes[]',
  PROPOSAL: `${REPORT_TUPLE}, bytes, bytes[], bytes[]`,
  PREPARE: 'bytes32',
  COMMIT: 'bytes32',
  VIEW_WISH: `uint32, ${REPORT_TUPLE}, bytes[]`,
  NEW_VIEW: 'bytes[]',
  ATTESTATION: 'bytes32, bytes',
  COMMITTED: `${REPORT_TUPLE}, bytes[]`,
  OUTCOME_FETCH: 'bytes32',
  OUTCOME: 'bytes32, bytes',
};
const KINDS = Object.fromEntries(Object.keys(BODY_TYPES).map((name, index) => [name, index + 1]));

const types = { Message: membersOf(MESSAGE_TYPE) };
const ENVELOPE = { configDigest: CONFIG_DIGEST, epoch: CUT.epoch, view: 0, cutHash: CUT_HASH };

const digestOf = (message) => hashTypedData({ domain: DOMAIN, types, primaryType: 'Message', message: { ...message, bodyHash: keccak(message.body) } });
const wireOf = ({ configDigest, epoch, view, cutHash: cut, kind, sender, body, signature }) =>
  abi(WIRE_TYPES, [configDigest, epoch, view, cut, kind, sender, body, signature]);

async function signed(message, key = testKeys[message.sender]) {
  const digest = digestOf(message);
  const complete = { ...message, digest, signature: await signDigest(digest, key) };
  return { ...complete, wire: wireOf(complete) };
}

const message = (name, sender, values, overrides = {}) =>
  signed({ name, ...ENVELOPE, kind: KINDS[name], sender, ...overrides, body: abi(BODY_TYPES[name], values) });

export const commitmentOf = ({ configDigest, epoch, view, cutHash: cut, node, salt, root }) =>
  keccakAbi('bytes32, uint64, uint32, bytes32, uint8, bytes32, bytes32', [configDigest, epoch, view, cut, node, salt, root]);
const setHashOf = (members, commitments) => keccakAbi('uint32, bytes32[]', [members, commitments]);

const NODES = [0, 1, 2, 3];
const wires = (messages) => messages.map(({ wire }) => wire);
const onAll = (make) => Promise.all(NODES.map(make));

// What four nodes observed: 0 to 2 hold the same entries, 3 another margin for one subject. The report is over the former.
function observed() {
  const random = new Stream('messages');
  const entries = Array.from({ length: 10 }, (_, index) => randomEntry(random, index % 5 === 4 ? 2 : 1));
  const lie = entries.map((entry, index) => (index === 3 ? { ...entry, behaviourMargin: entry.behaviourMargin - 4096n } : entry));
  const held = [entries, entries, entries, lie];
  const roots = held.map(entriesRoot);
  const report = { ...REPORT, scoresRoot: treeOf(entries.map(leafOf)).root, borrowers: 8, collaterals: 2 };
  const salts = NODES.map((node) => keccakText(`salt of node ${node}`));
  const commitmentFields = NODES.map((node) => ({ ...ENVELOPE, node, salt: salts[node], root: roots[node] }));
  const buckets = bucketsOf(entries);
  const disputed = buckets.findIndex((bucket) => bucket.includes(entries[3]));
  const asked = [disputed, buckets.findIndex((bucket) => !bucket.length)].sort((a, b) => a - b);
  return { entries, held, roots, report, salts, commitmentFields, commitments: commitmentFields.map(commitmentOf), asked };
}

// Its messages: node 0 leads view 0, node 1 leads view 1.
async function epoch() {
  const { entries, held, roots, report, salts, commitmentFields, commitments, asked } = observed();
  const digest = reportHash(report);
  const members = 0b1111;
  const setHash = setHashOf(members, commitments);

  const cut = await message('CUT', 0, [CUT.cuts, 0b10], { cutHash: cutHash(CUT.epoch, CUT.cuts, 0b10) });
  const commitmentMessages = await onAll((node) => message('COMMITMENT', node, [commitments[node]]));
  const closedSet = await message('CLOSED_SET', 0, [members, wires(commitmentMessages)]);
  const reveals = await onAll((node) => message('REVEAL', node, [setHash, salts[node], roots[node]]));
  const digests = await onAll((node) => message('DIGESTS', node, [roots[node], digestsOf(held[node])]));
  const fetches = await Promise.all([roots[0], roots[3]].map((root) => message('FETCH', 0, [root, asked])));
  const bodies = await onAll((node) => message('BODIES', node, [roots[node], asked, asked.map((bucket) => bucketBody(bucketsOf(held[node])[bucket]))]));
  const proposal = await message('PROPOSAL', 0, [report, closedSet.wire, wires(reveals), []]);
  const proposalWithBodies = await message('PROPOSAL', 0, [report, closedSet.wire, wires(reveals), wires(bodies)]);
  const prepares = await onAll((node) => message('PREPARE', node, [digest]));
  const commits = await onAll((node) => message('COMMIT', node, [digest]));
  const wishes = await Promise.all([
    message('VIEW_WISH', 0, [0, report, wires(prepares.slice(0, 3))], { view: 1 }),
    message('VIEW_WISH', 1, [0, ZERO_REPORT, []], { view: 1 }),
    message('VIEW_WISH', 2, [0, report, wires(prepares.slice(1))], { view: 1 }),
  ]);
  const newView = await message('NEW_VIEW', 1, [wires(wishes)], { view: 1 });
  const attestations = await onAll(async (node) => message('ATTESTATION', node, [digest, await signDigest(digest, testKeys[node])]));
  const committed = await message('COMMITTED', 2, [report, wires(commits.slice(0, 3))]);
  const outcomeFetch = await message('OUTCOME_FETCH', 3, [report.scoresRoot]);
  const outcome = await message('OUTCOME', 2, [report.scoresRoot, outcomeBody(entries)]);
  const messages = [
    cut, ...commitmentMessages, closedSet, ...reveals, digests[0], digests[3], ...fetches, bodies[0], bodies[3], proposal, proposalWithBodies, ...prepares, ...commits, ...wishes, newView,
    ...attestations, committed, outcomeFetch, outcome,
  ];
  return {
    messages,
    commitments: commitmentFields.map(({ root, ...fields }, node) => ({ ...fields, entriesRoot: root, commitment: commitments[node] })),
    setHashes: [
      { members, commitments, setHash },
      { members: 0b1011, commitments: [0, 1, 3].map((node) => commitments[node]), setHash: setHashOf(0b1011, [0, 1, 3].map((node) => commitments[node])) },
      { members: 0, commitments: [], setHash: setHashOf(0, []) },
    ],
  };
}

const WORD = 64;
const word = (value) => BigInt(value).toString(16).padStart(WORD, '0');
// Replaces the index-th word of an encoding.
const withWord = (hex, index, value) => `${hex.slice(0, 2 + index * WORD)}${value}${hex.slice(2 + (index + 1) * WORD)}`;

// Well signed by its sender, but the bytes of its body are not an encoding that abi() returns, or not of what the kind allows.
async function badBodies() {
  const of = async (reason, name, body) => ({ reason, ...(await signed({ name, ...ENVELOPE, kind: KINDS[name], sender: 1, body })) });
  const prepare = abi(BODY_TYPES.PREPARE, [keccakText('report')]);
  const fetch = abi(BODY_TYPES.FETCH, [keccakText('root'), [3, 9]]);
  const closedSet = abi(BODY_TYPES.CLOSED_SET, [1, ['0x01']]);
  return [
    await of('body with a further word', 'PREPARE', `${prepare}${word(0)}`),
    await of('body cut short', 'PREPARE', prepare.slice(0, -2)),
    await of('empty body', 'PREPARE', '0x'),
    await of('dirty upper bits of a uint16', 'FETCH', withWord(fetch, 3, word(65536 + 3))),
    await of('offset with a gap before the array', 'FETCH', `${withWord(fetch, 1, word(96)).slice(0, 2 + 2 * WORD)}${word(0)}${fetch.slice(2 + 2 * WORD)}`),
    await of('array length of 2^32 in a short body', 'FETCH', withWord(fetch, 2, word(2n ** 32n))),
    await of('array length of 2^256 - 1', 'FETCH', withWord(fetch, 2, word(2n ** 256n - 1n))),
    await of('offset of 2^255', 'FETCH', withWord(fetch, 1, word(2n ** 255n))),
    await of('dirty upper bits of a uint32', 'CLOSED_SET', withWord(closedSet, 0, word(2n ** 32n + 1n))),
    await of('non-zero padding after bytes', 'CLOSED_SET', `${closedSet.slice(0, -2)}01`),
    await of('buckets not ascending', 'FETCH', abi(BODY_TYPES.FETCH, [keccakText('root'), [9, 3]])),
    await of('a bucket twice', 'FETCH', abi(BODY_TYPES.FETCH, [keccakText('root'), [3, 3]])),
    await of('bucket 256', 'FETCH', abi(BODY_TYPES.FETCH, [keccakText('root'), [256]])),
    await of('255 bucket digests', 'DIGESTS', abi(BODY_TYPES.DIGESTS, [keccakText('root'), Array.from({ length: 255 }, () => ZERO32)])),
    await of('one bucket and two bodies', 'BODIES', abi(BODY_TYPES.BODIES, [keccakText('root'), [3], ['0x', '0x']])),
    await of('a body that is not whole entries', 'BODIES', abi(BODY_TYPES.BODIES, [keccakText('root'), [3], [`0x${word(1)}`]])),
  ].map(({ reason, wire }) => ({ layer: 'body', reason, wire }));
}

async function badEnvelopes(good) {
  const of = async (layer, reason, change, key) => ({ layer, reason, wire: (await signed({ ...good, ...change }, key)).wire });
  const resigned = (reason, signature) => ({ layer: 'signature', reason, wire: wireOf({ ...good, signature }) });
  const raw = (reason, wire) => ({ layer: 'wire', reason, wire });
  return [
    raw('no bytes', '0x'),
    raw('31 bytes', good.wire.slice(0, 64)),
    raw('wire with a further word', `${good.wire}${word(0)}`),
    raw('wire cut short', good.wire.slice(0, -64)),
    raw('dirty upper bits of kind', withWord(good.wire, 4, word(256 + good.kind))),
    raw('dirty upper bits of view', withWord(good.wire, 2, word(2n ** 32n))),
    raw('signature padding not zero', `${good.wire.slice(0, -2)}01`),
    raw('body length of 2^255', withWord(good.wire, 8, word(2n ** 255n))),
    resigned('signed by another member', await signDigest(good.digest, testKeys[2])),
    resigned('high s', withHighS(good.signature)),
    resigned('v of 0 or 1', `${good.signature.slice(0, 130)}${good.signature.slice(130) === '1b' ? '00' : '01'}`),
    resigned('64 bytes', good.signature.slice(0, 130)),
    resigned('no signature', '0x'),
    { layer: 'signature', reason: 'body changed after signing', wire: wireOf({ ...good, body: abi('bytes32', [keccakText('other')]) }) },
    await of('envelope', 'kind 0', { kind: 0 }),
    await of('envelope', 'kind 17', { kind: 17 }),
    await of('envelope', 'sender 4 of a committee of four', { sender: 4 }, testKeys[4]),
    await of('envelope', 'another committee', { configDigest: keccakText('another committee') }),
  ];
}

function describe({ name, configDigest, epoch: number, view, cutHash: cut, kind, sender, body, digest, signature, wire }) {
  return { name, kind, sender, configDigest, epoch: number, view, cutHash: cut, body, bodyHash: keccak(body), digest, signature, wireHash: keccak(wire) };
}

export async function generate() {
  const { messages, commitments, setHashes } = await epoch();
  const prepare = messages.find(({ name }) => name === 'PREPARE');
  const request = abi('bytes[]', [messages.filter(({ name }) => name === 'PREPARE').map(({ wire }) => wire)]);
  const cases = messages.map(describe);
  return {
    about: 'Messages of one epoch of the committee in committee.json (member i signs with key i of report.json): all 16 kinds, bodies as bodyTypes say. malformed: wires that a member drops; layer says at the latest which check finds it.',
    messageType: MESSAGE_TYPE,
    messageTypeHash: keccakText(MESSAGE_TYPE),
    wireTypes: typeNames(WIRE_TYPES),
    bodyTypes: Object.entries(BODY_TYPES).map(([name, body]) => ({ kind: KINDS[name], name, types: typeNames(body) })),
    commitments,
    setHashes,
    exampleWire: { of: 'the PREPARE of sender 0', wire: prepare.wire },
    exampleRequest: { of: 'the four PREPARE wires', requestHash: keccak(request), body: request },
    emptyRequest: abi('bytes[]', [[]]),
    malformed: [...(await badEnvelopes(prepare)), ...(await badBodies())],
    columnFields: ['kind', 'sender', 'epoch', 'view', 'configDigest', 'cutHash', 'bodyHash', 'digest', 'wireHash'],
    cases,
  };
}
