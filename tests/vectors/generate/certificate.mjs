// FORMATS.md section 12: changes of committee, certified by cold keys, and rotations of hot keys.
import { configDigest, GENESIS, CONFIG_DIGEST } from './committee.mjs';
import { concatHex, hashStruct, hashTypedData, keccak, keccakText, signDigest, testKeys, ZERO32 } from './hashing.mjs';
import { DOMAIN, domainSeparator, membersOf } from './report.mjs';

const CHANGE_TYPE = 'CommitteeChange(bytes32 prevDigest,uint64 seq,bytes32 nextDigest,uint64 homeChainId,uint64 homeBlockNumber,bytes32 homeBlockHash)';
const ROTATION_TYPE = 'HotKeyRotation(bytes32 configDigest,uint8 memberId,address hotKey,uint64 nonce,uint64 fromEpoch)';
const types = { CommitteeChange: membersOf(CHANGE_TYPE), HotKeyRotation: membersOf(ROTATION_TYPE) };

function hashes(primaryType, message) {
  const structHash = hashStruct({ data: message, primaryType, types });
  const digest = hashTypedData({ domain: DOMAIN, types, primaryType, message });
  if (keccak(concatHex(['0x1901', domainSeparator, structHash])) !== digest) throw new Error('digest differs from its definition');
  return { structHash, digest };
}

const byzantineQuorum = ({ members, f }) => Math.floor((members.length + f) / 2) + 1;

// The keys of the committee before are the first development keys, so member i signs with key i.
async function describeChange(previous, next, home) {
  const message = { prevDigest: next.prevDigest, seq: next.seq, nextDigest: configDigest(next), ...home };
  const { structHash, digest } = hashes('CommitteeChange', message);
  const quorum = byzantineQuorum(previous);
  const signatures = await Promise.all(testKeys.slice(0, quorum).map((key) => signDigest(digest, key)));
  return { ...next, ...home, nextDigest: message.nextDigest, structHash, changeHash: digest, byzantineQuorum: quorum, signatures };
}

async function describeRotation(message) {
  const { structHash, digest } = hashes('HotKeyRotation', message);
  return { ...message, structHash, rotationHash: digest, signature: await signDigest(digest, testKeys[message.memberId % testKeys.length]) };
}

export async function generate() {
  const home = { homeChainId: 1n, homeBlockNumber: 23_900_000n, homeBlockHash: keccakText('home block') };
  const members = (n) => testKeys.slice(0, n).map((key) => key.address);
  const grown = { ...GENESIS, prevDigest: CONFIG_DIGEST, seq: 1n, members: members(7), f: 2, q: 5, fromEpoch: 489_100n };
  const renewed = { ...GENESIS, prevDigest: CONFIG_DIGEST, seq: 1n, fromEpoch: 489_100n };
  const second = { ...grown, prevDigest: configDigest(grown), seq: 2n, paramsHash: keccakText('other params'), fromEpoch: 489_200n };
  const last = 2n ** 64n - 1n;
  const ones = `0x${'ff'.repeat(32)}`;
  const cases = await Promise.all([
    describeChange(GENESIS, grown, home),
    describeChange(GENESIS, renewed, home),
    describeChange(GENESIS, grown, { ...home, homeBlockNumber: home.homeBlockNumber + 1n }),
    describeChange(grown, second, home),
    describeChange(GENESIS, { ...grown, prevDigest: ZERO32, seq: 0n, fromEpoch: 0n }, { homeChainId: 0n, homeBlockNumber: 0n, homeBlockHash: ZERO32 }),
    describeChange(GENESIS, { ...grown, prevDigest: ones, seq: last, fromEpoch: last, paramsHash: ones }, { homeChainId: last, homeBlockNumber: last, homeBlockHash: ones }),
  ]);
  const rotation = { configDigest: CONFIG_DIGEST, memberId: 0, hotKey: testKeys[5].address, nonce: 1n, fromEpoch: 489_010n };
  const rotations = await Promise.all([
    rotation,
    { ...rotation, memberId: 3, hotKey: testKeys[6].address },
    { ...rotation, nonce: 2n },
    { ...rotation, configDigest: configDigest(grown) },
    { ...rotation, fromEpoch: 0n },
    { ...rotation, memberId: 255, nonce: last, fromEpoch: last },
  ].map(describeRotation));
  return {
    about: 'cases: changes of committee with the next digest, struct hash, digest, and the cold keys\' signatures of a Byzantine quorum of the committee before (members 0 and on). rotations: hot keys, signed by the member\'s cold key. Keys are those of report.json.',
    changeType: CHANGE_TYPE,
    changeTypeHash: keccakText(CHANGE_TYPE),
    rotationType: ROTATION_TYPE,
    rotationTypeHash: keccakText(ROTATION_TYPE),
    rotations,
    columnFields: ['prevDigest', 'seq', 'nextDigest', 'homeChainId', 'homeBlockNumber', 'homeBlockHash', 'structHash', 'changeHash'],
    cases,
  };
}
