import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeJsonLine, MAX_LINE_CHARACTERS } from './decode-json.ts';
import type { Flow } from './flow.ts';

const TIME = '"time":"2026-11-21T20:00:00Z"';

function flowOf(line: string): Flow {
  const decoded = decodeJsonLine(line);
  if (decoded.kind !== 'flow') {
    throw new Error(`not a flow: ${JSON.stringify(decoded)}`);
  }
  return decoded.flow;
}

/** A flow with these members, wrapped as Hubble does. */
function flowWith(members: string): Flow {
  return flowOf(`{"flow":{${TIME},${members}}}`);
}

function fixture(name: string): string[] {
  const path = new URL(`../../test/fixtures/flows/${name}.jsonl`, import.meta.url);
  return readFileSync(path, 'utf8').trim().split('\n');
}

describe('a line of hubble observe', () => {
  const [allowed, , reply, , denied, , explicit] = fixture('observe').map((line) => decodeJsonLine(line));

  it('gives an allowed connection to the world', () => {
    expect(allowed).toEqual({
      kind: 'flow',
      flow: {
        uuid: 'ac06e0f9-302e-4cc5-84fa-6c613c28217f',
        timeMs: Date.parse('2026-11-21T20:23:30Z') + 976.806,
        nodeName: 'kind-kind/kind-worker',
        verdict: 'FORWARDED',
        dropReason: 0,
        eventType: 5,
        isReply: false,
        direction: 'EGRESS',
        traceReason: '',
        protocol: 'TCP',
        sourceIp: '10.244.1.60',
        destinationIp: '104.16.1.2',
        sourcePort: 44916,
        destinationPort: 443,
        tcpFlags: 2,
        icmpType: -1,
        icmpCode: -1,
        source: {
          id: 1234,
          identity: 40123,
          namespace: 'agents',
          podName: 'agent-7f9c-x2k4p',
          labels: [
            'k8s:app=agent',
            'k8s:io.cilium.k8s.policy.cluster=kind-kind',
            'k8s:io.kubernetes.pod.namespace=agents',
          ],
          workload: { kind: 'StatefulSet', name: 'agent' },
        },
        destination: { id: 0, identity: 2, namespace: '', podName: '', labels: ['reserved:world'] },
        sourceNames: [],
        destinationNames: ['api.openai.com'],
        destinationService: '',
        deniedBy: [],
      },
    });
  });

  it('gives its SYN-ACK as a reply', () => {
    expect(reply).toMatchObject({
      flow: { isReply: true, tcpFlags: 2 | 16, traceReason: 'REPLY', direction: 'EGRESS' },
    });
  });

  it('gives a drop without saying whether it was a reply', () => {
    expect(denied).toMatchObject({ flow: { verdict: 'DROPPED', dropReason: 133, eventType: 5, isReply: undefined } });
  });

  it('names the policy that denied explicitly', () => {
    expect(explicit).toMatchObject({
      flow: { dropReason: 181, deniedBy: ['CiliumNetworkPolicy/agents/quarantine-agent'] },
    });
  });
});

describe('a line of the exporter', () => {
  const decoded = fixture('exporter').map((line) => decodeJsonLine(line));

  it('is a flow, lost events, or an agent event that is skipped', () => {
    const kinds = decoded.map((one) => one.kind);
    expect(kinds.filter((kind) => kind === 'flow')).toHaveLength(17);
    expect(kinds.slice(16)).toEqual(['lost', 'lost', 'skipped', 'flow']);
  });

  it('gives a DNS question and its answer, without the trailing dot', () => {
    expect(decoded[10]).toMatchObject({
      flow: { dns: { type: 'REQUEST', query: 'api.openai.com', qtypes: ['A'], ips: [], rcode: 0 } },
    });
    expect(decoded[11]).toMatchObject({
      flow: { dns: { type: 'RESPONSE', query: 'api.openai.com', ips: ['104.16.1.2'], ttl: 30, rrtypes: ['A'] } },
    });
    expect(decoded[13]).toMatchObject({ flow: { dns: { query: 'nope.example', rcode: 3, ips: [] } } });
  });

  it('takes the namespace of a proxied flow from its labels', () => {
    expect(decoded[10]).toMatchObject({ flow: { source: { namespace: 'agents', podName: '', id: 1234 } } });
  });

  it('gives an HTTP request and its response', () => {
    const url = 'http://metadata.internal/latest/meta-data?x=1';
    expect(decoded[14]).toMatchObject({ flow: { http: { type: 'REQUEST', code: 0, method: 'GET', url } } });
    expect(decoded[15]).toMatchObject({ flow: { http: { type: 'RESPONSE', code: 200, method: 'GET', url } } });
  });

  it('gives lost events with a count that JSON carries as text', () => {
    expect(decoded[16]).toEqual({
      kind: 'lost',
      lost: {
        timeMs: Date.parse('2026-11-21T20:23:30Z') + 984.268,
        nodeName: 'kind-worker',
        source: 'OBSERVER_EVENTS_QUEUE',
        count: 17,
      },
    });
  });

  it('gives the state of nodes', () => {
    expect(fixture('node-status').map((line) => decodeJsonLine(line))).toMatchObject([
      { kind: 'node', node: { state: 'CONNECTED', nodeNames: ['kind-kind/kind-worker', 'kind-kind/kind-worker2'] } },
      { kind: 'node', node: { state: 'UNAVAILABLE', nodeNames: ['kind-kind/kind-dead', 'kind-kind/kind-c'] } },
    ]);
  });
});

describe('what real pods did', () => {
  it.each(['pod-to-outside', 'apiserver-from-pod'])('is read whole: %s', (name) => {
    const decoded = fixture(name).map((line) => decodeJsonLine(line));
    expect(decoded.filter((one) => one.kind !== 'flow')).toEqual([]);
  });

  it('includes a socket event, which has no source port', () => {
    const flows = fixture('apiserver-from-pod').map(flowOf);
    expect(flows.filter((flow) => flow.verdict === 'TRACED')).toMatchObject([
      { eventType: 7, sourcePort: 0, destinationPort: 443, destinationService: 'default/kubernetes' },
    ]);
  });
});

describe('the same field said differently', () => {
  it.each([
    ['camelCase names', '"dropReason":133,"nodeName":"n"', { dropReason: 133, nodeName: 'n' }],
    ['nested camelCase names', '"source":{"podName":"p"},"isReply":true', { source: { podName: 'p' }, isReply: true }],
    ['an enum by number', '"verdict":2,"traffic_direction":1', { verdict: 'DROPPED', direction: 'INGRESS' }],
    ['an enum number we do not know', '"verdict":15,"trace_reason":77', { verdict: 'UNKNOWN', traceReason: '' }],
    ['an enum name we do not know', '"verdict":"SHRUGGED","trace_reason":"X"', { verdict: 'UNKNOWN', traceReason: '' }],
    ['an enum name that objects have', '"verdict":"constructor"', { verdict: 'UNKNOWN' }],
    ['a number as text', '"l4":{"UDP":{"destination_port":"53"}}', { destinationPort: 53 }],
    ['null for absent', '"uuid":null,"l4":null,"source":{"labels":null}', { uuid: '', protocol: 'OTHER' }],
    ['the legacy reply flag', '"reply":true', { isReply: true }],
    ['the legacy flag unset, which says nothing', '"reply":false', { isReply: undefined }],
    ['the legacy flag beside the new one', '"reply":true,"is_reply":false', { isReply: false }],
    ['a drop reason by name only', '"drop_reason_desc":"AUTH_REQUIRED"', { dropReason: 189 }],
    ['a drop reason of the event alone', '"event_type":{"type":1,"sub_type":151}', { dropReason: 151 }],
    ['the sub type of an event that is no drop', '"event_type":{"type":4,"sub_type":3}', { dropReason: 0 }],
    ['escaped HTML characters', '"l7":{"http":{"url":"/\\u003cb\\u003e"}}', { http: { url: '/<b>' } }],
    ['names in capitals with a dot', '"destination_names":["API.Example."]', { destinationNames: ['api.example'] }],
    ['an ICMP type of zero', '"l4":{"ICMPv4":{}}', { protocol: 'ICMPv4', icmpType: 0, icmpCode: 0 }],
    ['a protocol without ports', '"l4":{"VRRP":{"vrid":1}}', { protocol: 'OTHER', destinationPort: 0, icmpType: -1 }],
    ['a service without name', '"destination_service":{"namespace":"a"}', { destinationService: '' }],
    ['fields we do not use', '"verdict":"AUDIT","future":{"a":[1]}', { verdict: 'AUDIT' }],
  ])('%s', (_, members, expected) => {
    expect(flowWith(members)).toMatchObject(expected);
  });

  it('a bare flow, as older releases print it', () => {
    const [line = ''] = fixture('observe');
    const { flow } = JSON.parse(line) as { flow: object };
    expect(decodeJsonLine(JSON.stringify(flow))).toEqual(decodeJsonLine(line));
  });

  it('a line with a byte order mark and a carriage return', () => {
    expect(decodeJsonLine(`\uFEFF{"flow":{${TIME}}}\r`).kind).toBe('flow');
  });

  it('the time and node of the response where the flow has none', () => {
    expect(flowOf(`{"flow":{"verdict":"DROPPED"},"node_name":"n",${TIME}}`)).toMatchObject({
      nodeName: 'n',
      timeMs: Date.parse('2026-11-21T20:00:00Z'),
    });
  });
});

describe('a line that is no event', () => {
  it.each([
    ['nothing', '', { kind: 'skipped' }],
    ['blanks', ' \t\r', { kind: 'skipped' }],
    ['a debug event', '{"debug_event":{}}', { kind: 'skipped' }],
    ['a line of a log', 'level=info msg="Starting"', failure('NotJson', 'line 7: not JSON')],
    ['a line cut short', `{"flow":{${TIME},"verd`, failure('NotJson', 'line 7: not JSON')],
    ['binary', '\u0000\u0001\uFFFD\u001b[2J', failure('NotJson', 'line 7: not JSON')],
    ['a number', '7', failure('NotAFlow', 'line 7: JSON, but not an object')],
    ['a list', '[{}]', failure('NotAFlow', 'line 7: JSON, but not an object')],
    ['an empty object', '{}', failure('NotAFlow', 'line 7: JSON, but no event of Hubble')],
    ['an event of Tetragon', '{"process_exec":{}}', failure('NotAFlow', 'line 7: JSON, but no event of Hubble')],
  ])('%s', (_, line, expected) => {
    expect(decodeJsonLine(line, 7)).toEqual(expected);
  });

  it('longer than a mebibyte', () => {
    const line = `{"flow":{${TIME},"Summary":"${'x'.repeat(MAX_LINE_CHARACTERS)}"}}`;
    expect(decodeJsonLine(line)).toEqual(failure('TooLong', 'longer than 1048576 characters'));
  });
});

describe('a field that cannot be right', () => {
  it.each([
    ['no time', '{"flow":{"verdict":"DROPPED"}}', 'flow.time is missing'],
    [
      'a time that is none',
      '{"flow":{"time":"yesterday"}}',
      'flow.time should be a time such as 2026-11-21T20:09:54.701688459Z, not "yesterday"',
    ],
    [
      'a verdict that is true',
      `{"flow":{${TIME},"verdict":true}}`,
      'flow.verdict should be a name or a number, not true',
    ],
    [
      'a port that is too large',
      `{"flow":{${TIME},"l4":{"TCP":{"destination_port":65536}}}}`,
      'flow.l4.TCP.destination_port should be a port from 0 to 65535, not 65536',
    ],
    [
      'a negative port',
      `{"flow":{${TIME},"l4":{"TCP":{"source_port":-1}}}}`,
      'flow.l4.TCP.source_port should be a whole number from 0, not -1',
    ],
    [
      'half a port',
      `{"flow":{${TIME},"l4":{"UDP":{"source_port":1.5}}}}`,
      'flow.l4.UDP.source_port should be a whole number from 0, not 1.5',
    ],
    [
      'a list that is text',
      `{"flow":{${TIME},"destination_names":"a"}}`,
      'flow.destination_names should be a list, not "a"',
    ],
    [
      'a name that is a number',
      `{"flow":{${TIME},"destination_names":["a",5]}}`,
      'flow.destination_names[1] should be text, not 5',
    ],
    [
      'a pod that is an object',
      `{"flow":{${TIME},"source":{"pod_name":{}}}}`,
      'flow.source.pod_name should be text, not an object',
    ],
    ['a flow that is a list', '{"flow":[]}', 'flow should be an object, not a list'],
    [
      'a field of a bare flow',
      '{"verdict":[],"time":"2026-11-21T20:00:00Z"}',
      'verdict should be a name or a number, not a list',
    ],
    [
      'text that would clear the screen',
      `{"flow":{${TIME},"is_reply":"\\u001b[2J"}}`,
      'flow.is_reply should be true or false, not "\\u{1b}[2J"',
    ],
  ])('%s', (_, line, message) => {
    expect(decodeJsonLine(line)).toEqual(failure('BadField', message));
  });

  it('is shown shortened', () => {
    const decoded = decodeJsonLine(`{"flow":{${TIME},"is_reply":"${'y'.repeat(500_000)}"}}`);
    expect(decoded).toMatchObject({ failure: { reason: 'BadField' } });
    expect(JSON.stringify(decoded).length).toBeLessThan(200);
  });

  it('is not walked into, however deep it is', () => {
    const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
    expect(decodeJsonLine(`{"flow":{${TIME},"verdict":${deep}}}`)).toMatchObject({ failure: { reason: 'BadField' } });
  });
});

describe('times', () => {
  it.each([
    ['before the epoch', '1969-12-31T23:59:59.5Z', -500],
    ['in the far future', '9999-12-31T23:59:59.999999999Z', 253_402_300_799_000 + 999.999],
    ['at the epoch', '1970-01-01T00:00:00Z', 0],
  ])('%s are left to the engine to judge', (_, time, timeMs) => {
    expect(flowOf(`{"flow":{"time":"${time}","verdict":"DROPPED"}}`).timeMs).toBe(timeMs);
  });
});

describe('any line at all', () => {
  it('gives a value, never an exception', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (line) => typeof decodeJsonLine(line).kind === 'string'));
  });

  it('gives a value when it is JSON with the names of a flow', () => {
    const names = [
      'flow',
      'time',
      'verdict',
      'l4',
      'TCP',
      'source',
      'labels',
      'l7',
      'dns',
      'lost_events',
      'node_status',
    ];
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4 },
        fc.jsonValue({ maxDepth: 1 }),
        fc.dictionary(fc.constantFrom(...names), tie('tree')),
      ),
    }));
    fc.assert(
      fc.property(tree, (value) => {
        const decoded = decodeJsonLine(JSON.stringify(value));
        return decoded.kind !== 'flow' || !Number.isNaN(decoded.flow.timeMs);
      }),
    );
  });
});

function failure(reason: string, message: string) {
  return { kind: 'failed', failure: { reason, message } };
}
