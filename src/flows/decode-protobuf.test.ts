import { readFileSync } from 'node:fs';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeJsonLine } from './decode-json.ts';
import { decodeGetFlowsResponse } from './decode-protobuf.ts';

/** Events beside the bytes in which a real Hubble server sent them; see test/fixtures/flows/README.md. */
const RECORDS = readFileSync(new URL('../../test/fixtures/flows/wire.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((record) => JSON.parse(record) as { line: string; protobuf: string })
  .map(({ line, protobuf }) => ({ line, bytes: Buffer.from(protobuf, 'base64') }));

describe('the bytes of a real server', () => {
  it('give the same events as its JSON', () => {
    expect(RECORDS.length).toBeGreaterThan(70);
    for (const { line, bytes } of RECORDS) {
      expect(decodeGetFlowsResponse(bytes)).toStrictEqual(decodeJsonLine(line));
    }
  });

  it('give the state of nodes', () => {
    const nodeStatus = new BinaryWriter()
      .tag(1, WireType.Varint)
      .int32(4)
      .tag(2, WireType.LengthDelimited)
      .string('kind/a')
      .tag(2, WireType.LengthDelimited)
      .string('kind/b')
      .tag(3, WireType.LengthDelimited)
      .string('EOF')
      .finish();
    expect(decodeGetFlowsResponse(response([2, nodeStatus]))).toEqual({
      kind: 'node',
      node: { timeMs: 5_000, state: 'ERROR', nodeNames: ['kind/a', 'kind/b'], message: 'EOF' },
    });
  });

  it('give a value wherever they are cut', () => {
    for (const { bytes } of RECORDS.slice(0, 16)) {
      for (let length = 0; length < bytes.length; length += 1) {
        expect(['failed', 'flow', 'lost']).toContain(decodeGetFlowsResponse(bytes.subarray(0, length)).kind);
      }
    }
  });

  it('give a value whichever byte is wrong', () => {
    const record = fc.constantFrom(...RECORDS.map(({ bytes }) => bytes));
    fc.assert(
      fc.property(record, fc.nat(), fc.nat(255), (bytes, at, value) => {
        const spoiled = Buffer.from(bytes);
        spoiled[at % spoiled.length] = value;
        const decoded = decodeGetFlowsResponse(spoiled);
        return decoded.kind !== 'flow' || !Number.isNaN(decoded.flow.timeMs);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('bytes that are no event', () => {
  const past = new BinaryWriter().tag(34, WireType.LengthDelimited).uint32(1_000).finish();
  it.each([
    ['nothing', new Uint8Array(), 'NotAFlow'],
    ['a response without event', response(), 'NotAFlow'],
    ['an event of a kind we do not know', response([4, new Uint8Array([8, 1])]), 'NotAFlow'],
    ['text', Buffer.from('HTTP/1.1 400 Bad Request'), 'BadField'],
    ['a field that says it is longer than the message', response([1, past]), 'BadField'],
    ['field number zero', new Uint8Array([0, 0]), 'BadField'],
    ['a group that ends without beginning', new Uint8Array([12]), 'BadField'],
  ])('%s', (_, bytes, reason) => {
    expect(decodeGetFlowsResponse(bytes)).toMatchObject({ kind: 'failed', failure: { reason } });
  });

  it('a flow without any time', () => {
    const bytes = new BinaryWriter().tag(1, WireType.LengthDelimited).bytes(new Uint8Array()).finish();
    expect(decodeGetFlowsResponse(bytes)).toEqual({
      kind: 'failed',
      failure: { reason: 'BadField', message: 'time is missing' },
    });
  });

  it('a port above 65535', () => {
    const ports = new BinaryWriter().tag(2, WireType.Varint).uint32(70_000).finish();
    const tcp = new BinaryWriter().tag(1, WireType.LengthDelimited).bytes(ports).finish();
    const flow = new BinaryWriter().tag(6, WireType.LengthDelimited).bytes(tcp).finish();
    expect(decodeGetFlowsResponse(response([1, flow]))).toMatchObject({
      failure: { message: 'l4.TCP.destination_port should be a port from 0 to 65535, not 70000' },
    });
  });
});

describe('a field', () => {
  it('of another wire type than it should have counts as unknown', () => {
    const flow = new BinaryWriter().tag(34, WireType.Varint).uint32(7).finish();
    expect(decodeGetFlowsResponse(response([1, flow]))).toMatchObject({ kind: 'flow', flow: { uuid: '' } });
  });

  it('that is not UTF-8 keeps what is readable', () => {
    const flow = new BinaryWriter()
      .tag(14, WireType.LengthDelimited)
      .bytes(new Uint8Array([97, 0xff, 98]))
      .finish();
    expect(decodeGetFlowsResponse(response([1, flow]))).toMatchObject({ flow: { destinationNames: ['a\uFFFDb'] } });
  });

  it('that repeats a hundred thousand times is read whole', () => {
    const endpoint = new BinaryWriter();
    for (let label = 0; label < 100_000; label += 1) {
      endpoint.tag(4, WireType.LengthDelimited).string('k8s:a=b');
    }
    const flow = new BinaryWriter().tag(8, WireType.LengthDelimited).bytes(endpoint.finish()).finish();
    const decoded = decodeGetFlowsResponse(response([1, flow]));
    expect(decoded.kind === 'flow' && decoded.flow.source.labels).toHaveLength(100_000);
  });
});

/** A GetFlowsResponse of five seconds after the epoch with one more field. */
function response(...fields: [number, Uint8Array][]): Uint8Array {
  const writer = new BinaryWriter();
  for (const [number, bytes] of fields) {
    writer.tag(number, WireType.LengthDelimited).bytes(bytes);
  }
  const time = new BinaryWriter().tag(1, WireType.Varint).int64(5).finish();
  return writer.tag(1001, WireType.LengthDelimited).bytes(time).finish();
}
