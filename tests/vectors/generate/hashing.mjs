// ABI encoding, keccak, signatures and the reproducible randomness of the vectors; all of it from viem.
import {
  concatHex, encodeAbiParameters, hashDomain, hashStruct, hashTypedData, hexToBigInt, keccak256, padHex, parseAbiParameters, stringToHex,
} from 'viem';
import { mnemonicToAccount, sign } from 'viem/accounts';

export { concatHex, hashDomain, hashStruct, hashTypedData, padHex };

export const keccak = keccak256;
export const ZERO32 = `0x${'00'.repeat(32)}`;

// types as in Solidity, e.g. abi('uint64, (uint64, bytes32)[]', [1n, []])
export const abi = (types, values) => encodeAbiParameters(parseAbiParameters(types), values);
export const keccakAbi = (types, values) => keccak(abi(types, values));

// The types without the names inside tuples: ['(uint64,uint64,bytes32)[]', 'uint32'].
const typeName = ({ type, components }) => (components ? type.replace('tuple', `(${components.map(typeName).join(',')})`) : type);
export const typeNames = (types) => parseAbiParameters(types).map(typeName);

export const keccakText = (text) => keccak(stringToHex(text));

// A stream of words from a seed text, so that regenerating yields the same bytes on every machine.
export class Stream {
  constructor(seed) {
    this.seed = seed;
    this.count = 0;
  }

  word() {
    this.count += 1;
    return keccakText(`assay vectors/${this.seed}/${this.count}`);
  }

  // Uniform enough for test data: the modulo bias of a 256-bit word is nil in practice.
  below(bound) {
    return hexToBigInt(this.word()) % BigInt(bound);
  }

  between(low, high) {
    return BigInt(low) + this.below(BigInt(high) - BigInt(low) + 1n);
  }

  number(low, high) {
    return Number(this.between(low, high));
  }

  address() {
    return `0x${this.word().slice(2, 42)}`;
  }

  pick(items) {
    return items[Number(this.below(items.length))];
  }
}

// The published development keys of every local chain; never worth anything.
const MNEMONIC = 'test test test test test test test test test test test junk';
export const testKeys = Array.from({ length: 7 }, (_, index) => {
  const account = mnemonicToAccount(MNEMONIC, { addressIndex: index });
  const bytes = account.getHdKey().privateKey;
  return { address: account.address.toLowerCase(), privateKey: `0x${Buffer.from(bytes).toString('hex')}` };
});

export const CURVE_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

// r, s, v with deterministic nonces (RFC 6979) and low s.
export async function signDigest(digest, key) {
  const { r, s, v } = await sign({ hash: digest, privateKey: key.privateKey });
  if (hexToBigInt(s) > CURVE_ORDER / 2n) throw new Error('the signer returned a high s');
  if (v !== 27n && v !== 28n) throw new Error('the signer returned another v');
  return concatHex([r, s, `0x${v.toString(16)}`]);
}

// The other valid (r, s) of the same digest: the form that must be refused.
export function withHighS(signature) {
  const s = hexToBigInt(`0x${signature.slice(66, 130)}`);
  const v = signature.slice(130) === '1b' ? '1c' : '1b';
  return `${signature.slice(0, 66)}${(CURVE_ORDER - s).toString(16).padStart(64, '0')}${v}`;
}
