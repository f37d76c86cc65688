/** Free ports on the loopback address. All are held until all are known, so that no two are the same. */
import { createServer, type Server } from 'node:net';

/** The address that everything of the rig listens on. */
export const LOOPBACK = '127.0.0.1';

/** `count` ports that were free a moment ago; whoever starts a server on one must expect to lose the race for it. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, listen));
  const ports = servers.map(portOf);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

function listen(): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, LOOPBACK, () => resolve(server));
  });
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') {
    throw new Error('a TCP server without a TCP address');
  }
  return address.port;
}
