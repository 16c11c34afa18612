// FORMATS.md section 1: subject ids.
import { keccakAbi, padHex, Stream } from './hashing.mjs';

export const NUMERAIRES = {
  USD: '0x0000000000000000000000000000000000000348',
  ETH: '0xeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee',
  BTC: '0xbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb',
};

export const borrowerSubject = (address) => padHex(address, { size: 32 });
export const contractBorrowerSubject = (chainId, address) => keccakAbi('uint8, uint64, address', [1, chainId, address]);
export const collateralSubject = (chainId, token, numeraire) =>
  keccakAbi('uint8, uint64, address, address', [2, chainId, token, numeraire]);
export const bucketOf = (subject) => parseInt(keccakAbi('bytes32', [subject]).slice(2, 4), 16);

const EDGE_ADDRESSES = [
  '0x0000000000000000000000000000000000000000', '0x0000000000000000000000000000000000000001', '0x8000000000000000000000000000000000000000',
  '0xffffffffffffffffffffffffffffffffffffffff', '0x00000000000000000000000000000000000000ff', '0xff00000000000000000000000000000000000000',
];

export function generate() {
  const random = new Stream('subjects');
  const addresses = [...EDGE_ADDRESSES, random.address(), random.address(), random.address()];
  const chains = [1n, 31337n, 31338n, 42161n, 2n ** 64n - 1n];
  const cases = addresses.map((address) => ({ form: 'borrower', chainId: 0n, address, numeraire: EDGE_ADDRESSES[0], subject: borrowerSubject(address) }));
  addresses.forEach((address, index) => {
    const chainId = chains[index % chains.length];
    cases.push({ form: 'contract', chainId, address, numeraire: EDGE_ADDRESSES[0], subject: contractBorrowerSubject(chainId, address) });
  });
  addresses.forEach((address, index) => {
    const chainId = chains[(index + 2) % chains.length];
    const numeraire = Object.values(NUMERAIRES)[index % 3];
    cases.push({ form: 'collateral', chainId, address, numeraire, subject: collateralSubject(chainId, address, numeraire) });
  });
  // One token on two chains, and in two numeraires: four subjects.
  const token = random.address();
  for (const chainId of [31337n, 31338n]) {
    for (const numeraire of [NUMERAIRES.USD, NUMERAIRES.ETH]) {
      cases.push({ form: 'collateral', chainId, address: token, numeraire, subject: collateralSubject(chainId, token, numeraire) });
    }
  }
  cases.forEach((item) => { item.bucket = bucketOf(item.subject); });
  return {
    about: 'Subject ids and their buckets. form: borrower (no code), contract (borrower with code on chainId), collateral (address is the token). Fields a form does not use are zero.',
    numeraires: NUMERAIRES,
    columnFields: ['form', 'chainId', 'address', 'numeraire', 'subject', 'bucket'],
    cases,
  };
}
