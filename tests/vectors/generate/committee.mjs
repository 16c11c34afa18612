// FORMATS.md section 3: parameters and configuration digests, and which collateral subjects a chain has.
import { abi, keccak, keccakAbi, keccakText, testKeys, ZERO32 } from './hashing.mjs';
import { collateralSubject, NUMERAIRES } from './subjects.mjs';

const ASSET = '(address token, address priceFeed, address numeraire, uint8 decimals, uint8 issuerRisk, uint8 bridgeRisk)';
const MARKET = '(string protocol, address market, uint64 startBlock)';
const CHAIN = `(uint64 chainId, ${MARKET}[] markets, ${ASSET}[] assets)`;
const PARAMS = `(${CHAIN}[] chains, bytes32 borrowerModelId, bytes32 collateralModelId, uint32 featureSemanticsVersion, uint32 leafLayoutVersion, uint64 epochSeconds, uint64 validitySeconds)`;

const address = (label) => `0x${keccakText(label).slice(26)}`;
const byKey = (key) => (a, b) => (a[key] < b[key] ? -1 : 1);

// The wrapped token of a numeraire other than USD is the asset with the least (issuerRisk, bridgeRisk, token) whose numeraire it is.
function wrappedToken(assets, numeraire) {
  const rank = (asset) => `${asset.issuerRisk}/${asset.bridgeRisk}/${asset.token}`;
  const ranked = assets.filter((asset) => asset.numeraire === numeraire).sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
  return ranked[0].token;
}

export function collateralsOf({ chainId, assets }) {
  const numeraires = [...new Set(assets.map((asset) => asset.numeraire))].sort();
  const pairs = assets.flatMap(({ token }) => numeraires.map((numeraire) => ({ token, numeraire })));
  return pairs
    .filter(({ token, numeraire }) => numeraire === NUMERAIRES.USD || wrappedToken(assets, numeraire) !== token)
    .map(({ token, numeraire }) => ({ token, numeraire, subject: collateralSubject(chainId, token, numeraire) }));
}

function sandboxChain(chainId, tokens) {
  const asset = (symbol, numeraire, decimals, issuerRisk, bridgeRisk) => ({
    token: tokens[symbol] ?? address(`${symbol} on ${chainId}`), priceFeed: address(`${symbol} feed on ${chainId}`), numeraire: NUMERAIRES[numeraire], decimals, issuerRisk, bridgeRisk,
  });
  return {
    chainId,
    markets: [{ protocol: 'aave_v3', market: address(`pool on ${chainId}`), startBlock: 17n }],
    assets: [
      asset('WETH', 'ETH', 18, 0, 0), asset('WBTC', 'BTC', 8, 2, 1), asset('wstETH', 'ETH', 18, 1, 0), asset('USDC', 'USD', 6, 1, 0), asset('DAI', 'USD', 18, 1, 0),
    ].sort(byKey('token')),
  };
}

// On the first chain wstETH sorts before WETH, as on Ethereum, on the second after it.
const CHAINS = [
  sandboxChain(31337n, { WETH: '0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2', wstETH: '0x7f39c581f595b53c5cb19bd0b3f8da6c935e2ca0' }),
  sandboxChain(31338n, { WETH: '0x4200000000000000000000000000000000000006', wstETH: '0xc1cba3fcea344f92d9239c08c0568f6f2f0ee452' }),
];
const PARAMS_TWO_CHAINS = {
  chains: CHAINS,
  borrowerModelId: keccakText('borrower model'),
  collateralModelId: keccakText('collateral model'),
  featureSemanticsVersion: 1,
  leafLayoutVersion: 1,
  epochSeconds: 3_600n,
  validitySeconds: 10_800n,
};
const PARAMS_SMALLEST = {
  chains: [{ chainId: 1n, markets: [], assets: [] }],
  borrowerModelId: ZERO32, collateralModelId: ZERO32, featureSemanticsVersion: 1, leafLayoutVersion: 1, epochSeconds: 1n, validitySeconds: 1n,
};
const PARAMS_THREE_MARKETS = {
  ...PARAMS_TWO_CHAINS,
  chains: [
    {
      ...CHAINS[0],
      markets: [
        { protocol: 'aave_v3', market: address('pool A'), startBlock: 0n },
        { protocol: 'morpho_blue', market: address('pool B'), startBlock: 2n ** 64n - 1n },
        { protocol: 'a protocol whose name is longer than one word of thirty-two bytes', market: address('pool C'), startBlock: 12n },
      ].sort(byKey('market')),
    },
    { chainId: 31338n, markets: [], assets: [] },
  ],
  featureSemanticsVersion: 2,
};

export const paramsHash = (params) => keccak(abi(PARAMS, [params]));
export const configDigest = ({ prevDigest, seq, members, f, q, paramsHash: hash, fromEpoch }) =>
  keccakAbi('bytes32, uint64, address[], uint8, uint8, bytes32, uint64', [prevDigest, seq, members, f, q, hash, fromEpoch]);

const members = (n) => testKeys.slice(0, n).map((key) => key.address);
export const GENESIS = {
  prevDigest: keccakText('deployment salt'), seq: 0n, members: members(4), f: 1, q: 3, paramsHash: paramsHash(PARAMS_TWO_CHAINS), fromEpoch: 489_000n,
};
// The committee that report.json and messages.json are signed by.
export const CONFIG_DIGEST = configDigest(GENESIS);

export function generate() {
  const paramSets = { twoChains: PARAMS_TWO_CHAINS, smallest: PARAMS_SMALLEST, threeMarkets: PARAMS_THREE_MARKETS };
  const configs = [
    ['twoChains', GENESIS],
    ['twoChains', { ...GENESIS, seq: 1n, prevDigest: CONFIG_DIGEST, members: members(7), f: 2, q: 5, fromEpoch: 490_000n }],
    ['threeMarkets', { ...GENESIS, members: members(7), f: 2, q: 3 }],
    ['twoChains', { ...GENESIS, members: [...members(4)].reverse() }],
    ['twoChains', { ...GENESIS, q: 2 }],
    ['smallest', { prevDigest: ZERO32, seq: 0n, members: members(1), f: 0, q: 1, fromEpoch: 0n }],
    ['twoChains', { ...GENESIS, seq: 2n ** 64n - 1n, members: Array.from({ length: 31 }, (_, index) => address(`member ${index}`)), f: 10, q: 21, fromEpoch: 2n ** 64n - 1n }],
  ].map(([params, config]) => ({ ...config, params, paramsHash: paramsHash(paramSets[params]) }));
  return {
    about: 'params: parameter sets with paramsHash and its ABI encoding, and the collateral subjects of each chain. cases: committee configurations over them. The first case is the committee of report.json and messages.json.',
    params: Object.entries(paramSets).map(([name, value]) => ({
      name,
      ...value,
      encoded: abi(PARAMS, [value]),
      paramsHash: paramsHash(value),
      collaterals: value.chains.flatMap((chain) => collateralsOf(chain).map((item) => ({ chainId: chain.chainId, ...item }))),
    })),
    columnFields: ['prevDigest', 'seq', 'f', 'q', 'paramsHash', 'fromEpoch', 'configDigest'],
    cases: configs.map((config) => ({ ...config, configDigest: configDigest(config) })),
  };
}
