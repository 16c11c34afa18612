// FORMATS.md section 5: the report's EIP-712 digest and its attestations.
import { CONFIG_DIGEST, GENESIS } from './committee.mjs';
import { CUT, CUT_HASH } from './cut.mjs';
import { concatHex, hashDomain, hashStruct, hashTypedData, keccak, keccakText, signDigest, testKeys, withHighS, ZERO32 } from './hashing.mjs';

export const DOMAIN = { name: 'Assay', version: '1' };
const DOMAIN_TYPE = [{ name: 'name', type: 'string' }, { name: 'version', type: 'string' }];
const REPORT_TYPE = 'Report(bytes32 configDigest,uint64 epoch,bytes32 cutHash,bytes32 scoresRoot,uint32 observers,uint32 borrowers,uint32 collaterals,uint32 stalledChains)';

// [{ name, type }] from the text of an EIP-712 type, so that the text in FORMATS.md is what gets hashed.
export const membersOf = (text) => text.slice(text.indexOf('(') + 1, -1).split(',').map((member) => {
  const [type, name] = member.split(' ');
  return { name, type };
});

const types = { Report: membersOf(REPORT_TYPE) };
export const domainSeparator = hashDomain({ domain: DOMAIN, types: { EIP712Domain: DOMAIN_TYPE } });
export const reportHash = (report) => hashTypedData({ domain: DOMAIN, types, primaryType: 'Report', message: report });

export const REPORT = {
  configDigest: CONFIG_DIGEST, epoch: CUT.epoch, cutHash: CUT_HASH, scoresRoot: keccakText('scores root'), observers: 0b1111, borrowers: 312, collaterals: 18, stalledChains: 0,
};
const REPORT_FIELDS = Object.keys(REPORT);
export const REPORT_TUPLE = `(${membersOf(REPORT_TYPE).map(({ name, type }) => `${type} ${name}`).join(', ')})`;
export const ZERO_REPORT = {
  configDigest: ZERO32, epoch: 0n, cutHash: ZERO32, scoresRoot: ZERO32, observers: 0, borrowers: 0, collaterals: 0, stalledChains: 0,
};

async function describe(report) {
  const structHash = hashStruct({ data: report, primaryType: 'Report', types });
  const digest = reportHash(report);
  if (keccak(concatHex(['0x1901', domainSeparator, structHash])) !== digest) throw new Error('digest differs from its definition');
  const attestations = await Promise.all(testKeys.slice(0, 4).map((key) => signDigest(digest, key)));
  return { ...report, structHash, reportHash: digest, attestations };
}

async function refused(digest) {
  const good = await signDigest(digest, testKeys[0]);
  const flip = (byte) => (parseInt(byte, 16) ^ 1).toString(16).padStart(2, '0');
  return [
    { name: 'high s', attestation: withHighS(good) },
    { name: 'v of 0 or 1', attestation: `${good.slice(0, 130)}${good.slice(130) === '1b' ? '00' : '01'}` },
    { name: 'v of 29', attestation: `${good.slice(0, 130)}1d` },
    { name: '64 bytes', attestation: good.slice(0, 130) },
    { name: '66 bytes', attestation: `${good}00` },
    { name: 'zero r', attestation: `0x${'00'.repeat(32)}${good.slice(66)}` },
    { name: 'one bit flipped', attestation: `0x${flip(good.slice(2, 4))}${good.slice(4)}` },
    { name: 'by a key outside the committee', attestation: await signDigest(digest, testKeys[4]) },
  ];
}

export async function generate() {
  const max = 2 ** 32 - 1;
  const ones = `0x${'ff'.repeat(32)}`;
  const reports = [
    REPORT,
    { ...REPORT, epoch: REPORT.epoch + 1n },
    { ...REPORT, scoresRoot: keccakText('another scores root') },
    { ...REPORT, observers: 0b0111, borrowers: 0 },
    { ...REPORT, stalledChains: 0b10 },
    ZERO_REPORT,
    { configDigest: ones, epoch: 2n ** 64n - 1n, cutHash: ones, scoresRoot: ones, observers: max, borrowers: max, collaterals: max, stalledChains: max },
  ];
  const cases = await Promise.all(reports.map(describe));
  return {
    about: 'Reports with struct hash, digest and the attestations of members 0..3. refused: signatures over the first report that no verifier takes from member 0.',
    domain: DOMAIN,
    domainTypeHash: keccakText('EIP712Domain(string name,string version)'),
    domainSeparator,
    reportType: REPORT_TYPE,
    reportTypeHash: keccakText(REPORT_TYPE),
    signers: testKeys.map(({ address, privateKey }) => ({ address, privateKey })),
    quorum: { n: GENESIS.members.length, f: GENESIS.f, q: GENESIS.q },
    refused: await refused(cases[0].reportHash),
    columnFields: [...REPORT_FIELDS, 'structHash', 'reportHash'],
    cases,
  };
}
