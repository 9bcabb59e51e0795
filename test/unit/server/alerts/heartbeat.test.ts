import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { Heartbeat } from '../../../../src/server/alerts/heartbeat.ts';

it('requests the heartbeat URL after each evaluation round, and logs repeated failures once', async () => {
  let status = 200;
  let calls = 0;
  const server = createServer((_request, response) => {
    calls += 1;
    response.writeHead(status).end();
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const logged: string[] = [];
  const log = (message: string) => void logged.push(message);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/secret`;
  const heartbeat = new Heartbeat(url, { info: log, warn: log, error: log });
  await heartbeat.send(1000);
  expect([calls, heartbeat.lastRoundMs, logged]).toEqual([1, 1000, []]);
  status = 500;
  await heartbeat.send(2000);
  await heartbeat.send(3000);
  expect(logged).toEqual(['Heartbeat request failed: the response status was 500']);
  status = 200;
  await heartbeat.send(4000);
  expect(logged).toHaveLength(2);
  expect(calls).toBe(4);
  server.close();
});
