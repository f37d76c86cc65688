import { describe, expect, it } from 'vitest';
import { decodeNodes, decodeServerStatus, encodeFlowsRequest } from './hubble-requests.ts';

// Expected bytes are put together by hand: tag (field << 3 | wire type), length, value.
describe('a request for flows', () => {
  const [a, b] = [text('a/'), text('b/')];
  it.each([
    ['that follows', { follow: true }, '1801'],
    ['for the newest one and what follows', { follow: true, number: 1 }, '0801 1801'],
    ['from a time with microseconds on', { follow: false, sinceMs: 1_500.25 }, '1800 3a08 0801 1090ebc4ee01'],
    ['from before the epoch on', { follow: false, sinceMs: -500 }, '1800 3a11 08ffffffffffffffffff01 1080cab5ee01'],
    ['for pods of a namespace', { follow: true, namespaces: ['a'] }, `1801 3204 1202${a} 3204 2202${a}`],
    [
      'for pods of two namespaces',
      { follow: true, namespaces: ['a', 'b'] },
      `1801 3208 1202${a} 1202${b} 3208 2202${a} 2202${b}`,
    ],
    ['for none, by a uuid that no flow has', { follow: true, namespaces: [] }, `1801 3207 ea0104${text('none')}`],
  ])('%s', (_, request, expected) => {
    expect(Buffer.from(encodeFlowsRequest(request)).toString('hex')).toBe(expected.replaceAll(' ', ''));
  });
});

describe('an answer about the server', () => {
  it('of a node is that one node', () => {
    const status = bytes('0814 10ff1f 18b601 2005');
    expect(decodeServerStatus(status)).toEqual({ name: '', seen: 182, uptimeNs: 5, isConnected: true });
  });

  it('of a relay lists its nodes, the missing ones too', () => {
    const nodes = bytes(`0a0b 0a01${text('a')} 2001 3009 3803 4807 0a05 0a01${text('b')} 2002`);
    expect(decodeNodes(nodes)).toEqual([
      { name: 'a', seen: 7, uptimeNs: 9, isConnected: true },
      { name: 'b', seen: 0, uptimeNs: 0, isConnected: false },
    ]);
  });
});

function bytes(hex: string): Uint8Array {
  return Buffer.from(hex.replaceAll(' ', ''), 'hex');
}

function text(value: string): string {
  return Buffer.from(value).toString('hex');
}
