import { describe, expect, it } from 'vitest';
import { ConfigError, type GivenFlags, resolveConfig, splitAddress } from './config.ts';
import { OPTIONS } from './options.ts';

describe('resolveConfig', () => {
  it('takes the defaults when told nothing', () => {
    expect(resolveConfig({}, {})).toEqual({
      kubeconfig: undefined,
      context: undefined,
      namespace: 'bulkhead-system',
      flows: [],
      lateness: 2000,
      engine: 'auto',
      webhookAddress: ':9443',
      webhookUrl: undefined,
      metricsAddress: ':8080',
      leaderElection: true,
      workers: 8,
      resync: 600_000,
      logLevel: 'info',
    });
  });

  it('cannot be changed afterwards', () => {
    const config = resolveConfig({ flows: ['-'] }, {}) as unknown as { workers: number; flows: string[] };
    expect(() => (config.workers = 2)).toThrow(TypeError);
    expect(() => config.flows.push('x')).toThrow(TypeError);
  });

  const taken: [string, GivenFlags, Record<string, string>, object][] = [
    ['a flag wins over its variable', { workers: '4' }, { BULKHEAD_WORKERS: '2' }, { workers: 4 }],
    ['a variable wins over the default', {}, { BULKHEAD_WORKERS: '2' }, { workers: 2 }],
    ['an empty variable is none', {}, { BULKHEAD_WORKERS: '' }, { workers: 8 }],
    ['a list in a variable is split at commas', {}, { BULKHEAD_FLOWS: 'a.jsonl,-' }, { flows: ['a.jsonl', '-'] }],
    ['a repeated flag is a list', { flows: ['a,b.jsonl', '-'] }, {}, { flows: ['a,b.jsonl', '-'] }],
    ['a switch may be turned off', { leaderElection: false }, {}, { leaderElection: false }],
    ['a switch in a variable is a word', {}, { BULKHEAD_LEADER_ELECTION: 'false' }, { leaderElection: false }],
    ['a duration has units', { resync: '1h30m' }, {}, { resync: 5_400_000 }],
    ['a duration may be short', { lateness: '250ms' }, {}, { lateness: 250 }],
    ['an address may be IPv6', { metricsAddress: '[::1]:0' }, {}, { metricsAddress: '[::1]:0' }],
    [
      'a URL may be given for the webhook',
      { webhookUrl: 'https://192.0.2.10:9443' },
      {},
      { webhookUrl: 'https://192.0.2.10:9443' },
    ],
  ];
  it.each(taken)('%s', (_name, flags, env, expected) => {
    expect(resolveConfig(flags, env)).toMatchObject(expected);
  });

  const refused: [string, GivenFlags, Record<string, string>, string][] = [
    ['no workers', { workers: '0' }, {}, '--workers: "0" cannot be used; give a whole number from 1 to 64'],
    ['half a worker', { workers: '1.5' }, {}, '--workers: "1.5" cannot be used; give a whole number from 1 to 64'],
    [
      'a variable that is nonsense',
      {},
      { BULKHEAD_WORKERS: 'many' },
      'BULKHEAD_WORKERS: "many" cannot be used; give a whole number from 1 to 64',
    ],
    [
      'a duration without unit',
      { resync: '600' },
      {},
      '--resync: "600" cannot be used; give a duration such as 30s, 10m or 1h30m, from 10s to 24h',
    ],
    [
      'an unknown engine',
      { engine: 'calico' },
      {},
      '--engine: "calico" cannot be used; give auto, kubernetes or cilium',
    ],
    [
      'a port that is none',
      { metricsAddress: ':70000' },
      {},
      '--metrics-address: ":70000" cannot be used; give an address such as :8080, 127.0.0.1:8080 or [::1]:8080',
    ],
    [
      'a webhook without TLS',
      { webhookUrl: 'http://192.0.2.10:9443' },
      {},
      '--webhook-url: "http://192.0.2.10:9443" cannot be used; give an https URL without a path, such as https://192.0.2.10:9443',
    ],
    [
      'a namespace that is none',
      { namespace: 'Bulkhead' },
      {},
      '--namespace: "Bulkhead" cannot be used; give the name of a namespace',
    ],
    [
      'a switch that is no word',
      {},
      { BULKHEAD_LEADER_ELECTION: 'on' },
      'BULKHEAD_LEADER_ELECTION: "on" cannot be used; give true or false',
    ],
  ];
  it.each(refused)('refuses %s', (_name, flags, env, message) => {
    expect(() => resolveConfig(flags, env)).toThrow(new ConfigError(message));
  });

  it('cuts and quotes what it repeats', () => {
    const read = () => resolveConfig({}, { BULKHEAD_ENGINE: `\u001b[31m${'x'.repeat(500)}` });
    expect(read).toThrow(/^BULKHEAD_ENGINE: "\\u001b\[31mx{1,100} cannot be used/);
  });
});

describe('splitAddress', () => {
  it.each([
    [':8080', { host: '::', port: 8080 }],
    ['127.0.0.1:0', { host: '127.0.0.1', port: 0 }],
    ['[::1]:443', { host: '::1', port: 443 }],
    ['localhost:1', { host: 'localhost', port: 1 }],
  ])('%s', (address, expected) => {
    expect(splitAddress(address)).toEqual(expected);
  });
});

it('every option has a flag and a variable of its own, named alike', () => {
  for (const { flag, env } of Object.values(OPTIONS)) {
    expect(env).toBe(`BULKHEAD_${flag.slice(2).replaceAll('-', '_').toUpperCase()}`);
  }
  expect(new Set(Object.values(OPTIONS).map(({ flag }) => flag)).size).toBe(Object.keys(OPTIONS).length);
});
