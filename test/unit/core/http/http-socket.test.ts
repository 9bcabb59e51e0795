import { createServer } from 'node:http';
import { Socket } from 'node:net';
import { expect, it } from 'vitest';
import { HttpClient } from '../../../../src/core/http/http-client.ts';
import { listenOnFreePort } from '../../../support/listen-on-free-port.ts';

it('sends small requests without delay', async () => {
  const noDelay: unknown[] = [];
  const server = createServer((request, response) => {
    const { localPort } = request.socket;
    const socket = getOpenSockets().find(({ remotePort }) => remotePort === localPort);
    noDelay.push(socket && getNoDelay(socket));
    response.end();
  });
  const port = await listenOnFreePort(server);
  const client = new HttpClient({ keepsProcessAlive: true });
  await client.send(`http://127.0.0.1:${port}/`, { method: 'GET', timeoutMs: 30_000 });
  expect(noDelay).toEqual([true]);
  client.close();
  server.close();
});

/** Returns the sockets of this process. Node.js has no public function for them. */
function getOpenSockets(): Socket[] {
  const { _getActiveHandles } = process as unknown as { _getActiveHandles: () => unknown[] };
  return _getActiveHandles.call(process).filter((handle) => handle instanceof Socket);
}

/** Reads the option from the socket. Node.js has no public property for it. */
function getNoDelay(socket: Socket): unknown {
  const symbols = Object.getOwnPropertySymbols(socket);
  const option = symbols.find((symbol) => String(symbol).includes('kSetNoDelay'));
  return option && Reflect.get(socket, option);
}
