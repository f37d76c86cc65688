import { afterEach, describe, expect, it } from 'vitest';
import { type HealthServer, startHealthServer } from './health.ts';
import { silentLogger } from './log.ts';

let server: HealthServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

async function ask(path: string, checks: Record<string, () => string | undefined> = {}, init?: RequestInit) {
  server = await startHealthServer({
    host: '127.0.0.1',
    port: 0,
    healthz: {},
    readyz: checks,
    metrics: async () => ({ contentType: 'text/plain; version=0.0.4', body: 'up 1\n' }),
    log: silentLogger,
  });
  const response = await fetch(`http://127.0.0.1:${server.port}${path}`, init);
  return { status: response.status, body: await response.text(), type: response.headers.get('content-type') };
}

describe('the health server', () => {
  it('is ready when every check passes', async () => {
    const { status, body } = await ask('/readyz', { cache: () => undefined, webhook: () => undefined });
    expect(status).toBe(200);
    expect(body).toBe('[+]cache ok\n[+]webhook ok\nreadyz check passed\n');
  });

  it('names the check that fails and why', async () => {
    const { status, body } = await ask('/readyz', { cache: () => 'pods not listed yet', webhook: () => undefined });
    expect(status).toBe(503);
    expect(body).toBe('[-]cache failed: pods not listed yet\n[+]webhook ok\nreadyz check failed\n');
  });

  it('takes a check that throws for one that fails', async () => {
    const { status, body } = await ask('/readyz', {
      cache: () => {
        throw new Error('broken');
      },
    });
    expect(status).toBe(503);
    expect(body).toContain('[-]cache failed: broken');
  });

  it('is healthy without checks, whatever the query', async () => {
    expect(await ask('/healthz?verbose')).toMatchObject({ status: 200, body: 'healthz check passed\n' });
  });

  it('serves metrics with their content type', async () => {
    expect(await ask('/metrics')).toEqual({ status: 200, body: 'up 1\n', type: 'text/plain; version=0.0.4' });
  });

  it.each([
    ['an unknown path', '/', 'GET', 404],
    ['a path that is no URL', '//', 'GET', 404],
    ['another method', '/healthz', 'POST', 405],
  ])('refuses %s', async (_name, path, method, status) => {
    expect((await ask(path, {}, { method })).status).toBe(status);
  });

  it('says so when the port is taken', async () => {
    await ask('/healthz');
    const { port } = server as HealthServer;
    const options = { host: '127.0.0.1', port, healthz: {}, readyz: {}, log: silentLogger };
    const second = startHealthServer({ ...options, metrics: async () => ({ contentType: '', body: '' }) });
    await expect(second).rejects.toThrow(/EADDRINUSE/);
  });
});
