import { describe, expect, test } from 'vitest';
import {
  allow,
  asks,
  closes,
  every,
  type Far,
  far,
  HOUR,
  isDenied,
  isTold,
  judge,
  looksUp,
  looksUpUnseen,
  MINUTE,
  mayNotLookUp,
  opens,
  otherPod,
  outline,
  received,
  SECOND,
  sandboxOf,
  sent,
} from '../../../test/detect/scenario.ts';
import type { Flow } from '../../flows/flow.ts';

const SSH = far('203.0.113.9', 22, 40_000);

function tunnelEvidence(flows: readonly Flow[], sandbox = sandboxOf()): Record<string, number> {
  const finding = judge(flows, { sandbox }).open.find(({ detector }) => detector === 'ReverseTunnel');
  return Object.fromEntries((finding?.evidence ?? []).map(({ signal, points }) => [signal, points]));
}

describe('tunnel services by name', () => {
  test.each([
    ['ngrok’s agent host', 'connect.ngrok-agent.com', 443, 90],
    ['a Cloudflare tunnel', 'region1.v2.argotunnel.com', 7844, 90],
    ['a dev tunnel’s relay', 'usw2-data.rel.tunnels.api.visualstudio.com', 443, 90],
    ['a Tailscale relay by its number', 'derp12b.tailscale.com', 443, 90],
    ['serveo by ssh', 'serveo.net', 22, 90],
    ['bore’s control port', 'bore.pub', 7835, 90],
    ['somebody else’s ngrok tunnel', 'abc123.ngrok-free.app', 443, 60],
    ['a quick tunnel of somebody else', 'blue-sky.trycloudflare.com', 443, 60],
    ['a web hook catcher, on its own domain', 'webhook.site', 443, 60],
    ['a Tor proxy', 'abcdefgh.onion.ws', 443, 60],
    ['ngrok’s web site', 'ngrok.com', 443, 20],
    ['Tailscale’s documentation', 'docs.tailscale.com', 443, 20],
    ['serveo’s web site', 'serveo.net', 443, 20],
  ])('%s', (_name, name, port, points) => {
    const flows = [...looksUp(0, name, '203.0.113.80'), ...opens(10, far('203.0.113.80', port, 40_000))];
    expect(tunnelEvidence(flows)['tunnel-service']).toBe(points);
  });

  test.each([
    ['asked for only', looksUp(0, 'connect.ngrok-agent.com', '203.0.113.80')],
    ['asked for, and there is no such name', looksUp(0, 'connect.ngrok-agent.com')],
    ['refused by the DNS proxy', mayNotLookUp(0, 'connect.ngrok-agent.com')],
    ['connection denied', isDenied(0, far('203.0.113.80', 443, 40_000, { names: ['connect.ngrok-agent.com'] }))],
    ['behind an alias', looksUp(0, 'x.example.org', '203.0.113.8').map(withAlias('tunnel.us.ngrok.com'))],
  ])('role agent, %s: 70', (_name, flows) => {
    expect(tunnelEvidence(flows)['tunnel-service']).toBe(70);
  });

  test('in audit mode what would have been denied is connected all the same', () => {
    const audited = (to: Far) =>
      opens(0, to).map((flow) => (flow.isReply === true ? flow : { ...flow, verdict: 'AUDIT' as const }));
    expect(
      tunnelEvidence(audited(far('203.0.113.80', 443, 40_000, { names: ['connect.ngrok-agent.com'] })))[
        'tunnel-service'
      ],
    ).toBe(90);
    expect(tunnelEvidence(audited(SSH))['ssh-to-outside']).toBe(45);
  });

  test('the contact follows the newest lookup of an address that many names share', () => {
    const shared = '203.0.113.99';
    const flows = [
      ...looksUp(0, 'connect.ngrok-agent.com', shared),
      ...looksUp(SECOND, 'docs.example.com', shared),
      ...opens(2 * SECOND, far(shared, 443, 40_000)),
    ];
    expect(tunnelEvidence(flows)['tunnel-service']).toBe(70);
  });

  test.each([
    ['notngrok.com'],
    ['ngrok.com.example.org'],
    ['ngrok-agent.com.evil-but-unlisted.net'],
    ['xts.net'],
    ['derp.tailscale.com.example.org'],
  ])('%s is no tunnel service: suffixes end at a dot', (name) => {
    const flows = [...looksUp(0, name, '203.0.113.80'), ...opens(10, far('203.0.113.80', 443, 40_000))];
    expect(tunnelEvidence(flows)).toEqual({});
  });

  test('a sandbox that declares a tunnel endpoint as its purpose is believed; a tunnel host it declares is not', () => {
    const sandbox = sandboxOf({
      egress: allow([{ fqdn: 'abc.ngrok-free.app' }, { fqdn: 'connect.ngrok-agent.com' }], 443),
    });
    const to = (name: string) => [...looksUp(0, name, '203.0.113.80'), ...opens(10, far('203.0.113.80', 443, 40_000))];
    expect(tunnelEvidence(to('abc.ngrok-free.app'), sandbox)).toEqual({});
    expect(tunnelEvidence(to('connect.ngrok-agent.com'), sandbox)['tunnel-service']).toBe(90);
  });
});

describe('ssh', () => {
  test.each([
    ['by address', opens(0, SSH), 45],
    ['port 2222 by address', opens(0, far('203.0.113.9', 2222, 40_000)), 45],
    ['to a named host that is no forge', [...looksUp(0, 'vps.example.net', SSH.ip), ...opens(10, SSH)], 45],
    ['a name ssh.* on 443', [...looksUp(0, 'ssh.example.net', SSH.ip), ...opens(10, far(SSH.ip, 443, 40_000))], 45],
    ['by an address that may have had a name', [...looksUpUnseen(0), ...opens(10, SSH)], 31.5],
    ['a connection older than our watch', asks(0, SSH), 31.5],
    ['to github.com', [...looksUp(0, 'github.com', SSH.ip), ...opens(10, SSH)], undefined],
    [
      'to ssh.github.com:443',
      [...looksUp(0, 'ssh.github.com', SSH.ip), ...opens(10, far(SSH.ip, 443, 40_000))],
      undefined,
    ],
    ['to altssh.bitbucket.org', [...looksUp(0, 'altssh.bitbucket.org', SSH.ip), ...opens(10, SSH)], undefined],
    ['to another pod', opens(0, far('10.0.0.9', 22, 40_000, { endpoint: otherPod('bastion') })), undefined],
    ['to an unused pod address, never answered', [sent(0, far('10.0.0.9', 22, 40_000), SYN_ONLY)], undefined],
    ['to a private address that answers', opens(0, far('10.99.0.9', 22, 40_000)), 45],
    ['denied once, as in a scan', isDenied(0, SSH), undefined],
    ['denied twice, a while apart', [...isDenied(0, SSH), ...isDenied(15 * SECOND, { ...SSH, from: 40_001 })], 45],
  ])('%s', (_name, flows, points) => {
    expect(tunnelEvidence(flows)['ssh-to-outside']).toBe(points);
  });

  test('to an own forge that the sandbox declares', () => {
    const sandbox = sandboxOf({ egress: allow([{ fqdn: 'git.example.net' }, { cidr: '203.0.113.0/24' }], 22) });
    expect(
      tunnelEvidence(
        [...looksUp(0, 'git.example.net', '198.51.100.7'), ...opens(10, far('198.51.100.7', 22, 40_000))],
        sandbox,
      ),
    ).toEqual({});
    expect(tunnelEvidence(opens(0, SSH), sandbox)).toEqual({});
  });

  test('a wide network lets a pod out, it declares no purpose', () => {
    const sandbox = sandboxOf({ egress: allow([{ cidr: '0.0.0.0/0' }], 22) });
    expect(tunnelEvidence(opens(0, SSH), sandbox)['ssh-to-outside']).toBe(45);
  });
});

describe('open for long without a name', () => {
  const web = far('203.0.113.9', 443, 40_000);
  const openFor = (ms: number, to = web) => [...opens(0, to), ...asks(ms, to)];
  test.each([
    ['ten minutes', openFor(10 * MINUTE), 35],
    ['a second less', openFor(10 * MINUTE - SECOND), undefined],
    ['one that answers only', [...opens(0, web), received(11 * MINUTE, web)], 35],
    [
      'with a name that came before',
      [...looksUp(0, 'x.example.com', web.ip), ...openFor(20 * MINUTE).map(later(20))],
      undefined,
    ],
    ['with a name that Hubble knows', openFor(20 * MINUTE, { ...web, names: ['x.example.com'] }), undefined],
    ['after a lookup that nobody saw', [...looksUpUnseen(0), ...openFor(20 * MINUTE).map(later(50))], 24.5],
    ['a lookup long before is none of it', [...looksUpUnseen(0), ...openFor(20 * MINUTE).map(later(30 * SECOND))], 35],
    [
      'UDP',
      openFor(12 * MINUTE, far('203.0.113.9', 4500, 40_000, { protocol: 'UDP' })).concat(
        every(MINUTE, MINUTE, 12 * MINUTE, (at) => asks(at, far('203.0.113.9', 4500, 40_000, { protocol: 'UDP' }))),
      ),
      35,
    ],
    ['to another pod', openFor(HOUR, far('10.0.0.9', 443, 40_000, { endpoint: otherPod('web') })), undefined],
  ])('%s', (_name, flows, points) => {
    expect(tunnelEvidence(flows)['unnamed-long-lived']).toBe(points);
  });
});

describe('keepalive', () => {
  const web = far('203.0.113.9', 443, 40_000, { names: ['x.example.com'] });
  const beats = (periods: readonly number[]) => {
    let atMs = 0;
    return [...opens(0, web), ...periods.flatMap((seconds) => asks((atMs += seconds * SECOND), web))];
  };
  const of = (count: number, seconds: number) => Array.from({ length: count }, () => seconds);
  test.each([
    ['twelve pauses of 30 s', of(12, 30), true],
    ['eleven', of(11, 30), false],
    ['as fast as every 10 s', of(12, 10), true],
    ['every 9 s is traffic', of(16, 9), false],
    ['as slow as every 120 s', of(12, 120), true],
    ['every 130 s', of(16, 130), false],
    ['jitter of 30 %', [...of(6, 21), ...of(6, 39), ...of(4, 30)], true],
    ['one in four off', [...of(9, 30), ...of(3, 80)], true],
    ['one in three off', [...of(8, 30), ...of(4, 80)], false],
    ['whatever comes, as people work', [12, 44, 31, 75, 18, 90, 25, 60, 14, 37, 52, 110, 20, 66], false],
  ])('%s', (_name, periods, isFound) => {
    expect(tunnelEvidence(beats(periods))['regular-keepalive']).toBe(isFound ? 25 : undefined);
  });

  test('a declared destination may keep alive as it likes', () => {
    const sandbox = sandboxOf({ egress: allow([{ fqdn: '*.example.com' }], 443) });
    expect(tunnelEvidence(beats(of(40, 30)), sandbox)).toEqual({});
  });
});

describe('pivot', () => {
  const inside = (index: number) => far(`10.0.1.${index}`, 8080, 50_000 + index, { endpoint: otherPod(`p${index}`) });
  const uses = (count: number, delayMs: number, to = SSH) =>
    Array.from({ length: count }, (_, index) => [
      ...isTold((index + 1) * 20 * SECOND, to),
      ...opens((index + 1) * 20 * SECOND + delayMs, inside(index)),
    ]).flat();

  test.each([
    ['three times within milliseconds', [...opens(0, SSH), ...uses(3, 3)], 40],
    ['twice', [...opens(0, SSH), ...uses(2, 3)], undefined],
    ['a second after', [...opens(0, SSH), ...uses(3, 1000)], 40],
    ['more than a second after', [...opens(0, SSH), ...uses(3, 1002)], undefined],
    [
      'over an address without a name on 443',
      [...opens(0, far('203.0.113.9', 443, 40_000)), ...uses(3, 3, far('203.0.113.9', 443, 40_000))],
      40,
    ],
    ['an agent that calls a tool after each answer of its named model', agentLoop(['llm.example.com']), undefined],
    ['the same where names cannot be seen', [...looksUpUnseen(0), ...agentLoop([]).map(later(20))], undefined],
    ['answers to what the pod asked itself', [...opens(0, SSH), ...asksThenOpens()], undefined],
    ['new connections to the outside', [...opens(0, SSH), ...usesOutside()], undefined],
    [
      'DNS questions',
      [
        ...opens(0, SSH),
        ...every(20 * SECOND, 20 * SECOND, MINUTE * 2, (at) => [
          ...isTold(at, SSH),
          ...looksUp(at + 3, 'a.example.com'),
        ]),
      ],
      undefined,
    ],
  ])('%s', (_name, flows, points) => {
    expect(tunnelEvidence(flows)['pivot']).toBe(points);
  });

  function agentLoop(names: readonly string[]): Flow[] {
    const llm = far('203.0.113.60', 443, 40_000, { names });
    return [
      ...opens(0, llm),
      ...Array.from({ length: 8 }, (_, index) => [
        sent((index + 1) * 20 * SECOND, llm),
        ...isTold((index + 1) * 20 * SECOND + 6 * SECOND, llm),
        ...opens((index + 1) * 20 * SECOND + 6 * SECOND + 200, inside(index)),
      ]).flat(),
    ];
  }
  function asksThenOpens(): Flow[] {
    return Array.from({ length: 5 }, (_, index) => [
      ...asks((index + 1) * 20 * SECOND, SSH),
      ...opens((index + 1) * 20 * SECOND + 3, inside(index)),
    ]).flat();
  }
  function usesOutside(): Flow[] {
    return Array.from({ length: 5 }, (_, index) => [
      ...isTold((index + 1) * 20 * SECOND, SSH),
      ...opens(
        (index + 1) * 20 * SECOND + 3,
        far(`198.51.100.${index}`, 443, 51_000 + index, { names: ['a.example.com'] }),
      ),
    ]).flat();
  }
});

describe('ports', () => {
  test.each([
    ['WireGuard', far('203.0.113.70', 51_820, 40_000, { protocol: 'UDP' }), { 'overlay-port': 40 }],
    ['Tailscale', far('203.0.113.70', 41_641, 40_000, { protocol: 'UDP' }), { 'overlay-port': 40 }],
    ['ZeroTier', far('203.0.113.70', 9993, 40_000, { protocol: 'UDP' }), { 'overlay-port': 40 }],
    ['51820 over TCP is no overlay', far('203.0.113.70', 51_820, 40_000), { 'callback-port': 15 }],
    ['a call-back port by address', far('203.0.113.70', 6789, 40_000), { 'callback-port': 15 }],
    ['a call-back port by name', far('203.0.113.70', 8443, 40_000, { names: ['api.example.com'] }), {}],
    ['any other', far('203.0.113.70', 5000, 40_000), {}],
  ])('%s', (_name, to, points) => {
    expect(tunnelEvidence(opens(0, to))).toEqual(points);
  });
});

test('the finding says where to, why, and with what weight', () => {
  const flows = [...opens(0, SSH), ...every(30 * SECOND, 30 * SECOND, 12 * MINUTE, (at) => asks(at, SSH))];
  const finding = judge(flows).of('ReverseTunnel');
  expect(finding?.explanation).toBe(
    '203.0.113.9:22: SSH to an address without a DNS name (45), open for 12 min, without a DNS name (35) and keepalive every 30 s (16 of 16 pauses within ±30 %) (25).',
  );
  expect(finding).toMatchObject({
    target: '203.0.113.9:22',
    attack: expect.arrayContaining(['T1572']),
    degraded: false,
  });
});

test('a tunnel fades half an hour after its end, not before', () => {
  const flows = [...opens(0, SSH), ...asks(11 * MINUTE, SSH), ...closes(11 * MINUTE + 10, SSH)];
  const later = asks(
    11 * MINUTE + 10 + 60_000 + 30 * MINUTE,
    far('203.0.113.20', 443, 40_900, { names: ['a.example.com'] }),
  );
  expect(outline(judge(flows).open)).toEqual(['ReverseTunnel alert 64: ssh-to-outside 45, unnamed-long-lived 35']);
  // 45/e and 35/e: 1 − (1 − .1655)(1 − .1288) = 27 %
  expect(judge([...flows, ...later]).open[0]?.score).toBe(27);
});

test('a flood of other connections does not make it forget a tunnel', () => {
  const flood = every(50, 20 * SECOND, 80 * SECOND, (at) =>
    opens(at, far('203.0.113.200', 443, 10_000 + at / 50, { names: ['a.example.com'] })),
  );
  const flows = [...opens(0, SSH), ...flood, ...asks(11 * MINUTE, SSH)];
  const { open, stats } = judge(flows, { limits: { connections: 64 } });
  expect(stats.evicted.connections).toBeGreaterThan(1000);
  expect(outline(open)).toEqual(['ReverseTunnel alert 64: ssh-to-outside 45, unnamed-long-lived 35']);
});

const SYN_ONLY = { tcpFlags: 2, traceReason: 'NEW' } as const;

function later(ms: number): (flow: Flow) => Flow {
  return (flow) => ({ ...flow, timeMs: flow.timeMs + ms });
}

function withAlias(alias: string): (flow: Flow) => Flow {
  return (flow) => (flow.dns === undefined ? flow : { ...flow, dns: { ...flow.dns, cnames: [alias] } });
}
