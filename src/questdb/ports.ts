import { createServer } from 'node:net';

export interface Ports {
  readonly http: number;
  readonly pg: number;
}

/** Each preferred port, or a free one where it is taken. Loopback only. */
export async function freePorts(preferred: Ports): Promise<Ports> {
  const http = (await probe(preferred.http)) ?? (await probe(0));
  const pg = (await probe(preferred.pg)) ?? (await probe(0));
  if (http === undefined || pg === undefined) throw new Error('no free port on 127.0.0.1');
  return { http, pg };
}

function probe(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' ? address?.port : undefined));
    });
  });
}
