import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { countEndpoints } from '../support/endpoint-rows.ts';
import { installExample } from '../support/install-example.ts';
import { InstrumentedApp } from '../support/instrumented-app.ts';
import { RecordedMeasurements } from '../support/recorded-measurements.ts';

const run = promisify(execFile);
const measurements = new RecordedMeasurements();
const folder = mkdtempSync(join(tmpdir(), 'perfscope-rpc-examples-'));
beforeAll(() => measurements.start());
afterAll(() => {
  measurements.remove();
  rmSync(folder, { recursive: true, force: true });
});

/** Starts an example, and runs its client. Returns the output of the client, and the stored rows. */
async function runExample(name: string, toAddress: (url: URL) => string) {
  const cwd = join(folder, name);
  const scripts = installExample(name, cwd, { packages: 'test/libraries/servers-2' });
  expect(scripts.start).toBe('node --import @perfscope/agent/register server.js');
  const app = new InstrumentedApp('server.js', {
    cwd,
    env: { ...measurements.getEnv(name), PORT: '0' },
  });
  const address = toAddress(new URL(await app.url()));
  const { stdout } = await run(process.execPath, ['client.js', address], { cwd, timeout: 60_000 });
  await app.stop();
  const rows = measurements
    .readRows(name, 'performance_metrics')
    .map((columns) => ({ table: 'performance_metrics', columns }));
  return { output: stdout.trim().split('\n'), rows };
}

it.concurrent('measures examples/grpc', async () => {
  const { output, rows } = await runExample('grpc', ({ host }) => host);
  const room = ['7 free', '8 free', '13 UNKNOWN', '101 NOT_FOUND'];
  expect(output).toEqual([...room, '7 booked', '7 cleaning', '7 free']);
  expect(countEndpoints(rows, 'rpc.server.call.duration')).toEqual({
    'grpc hotel.Rooms/Get': [4, 1, 0],
  });
  expect(countEndpoints(rows, 'perfscope.rpc.stream.duration')).toEqual({
    'grpc hotel.Rooms/Watch': [1, 0, 0],
  });
  expect(measurements.readErrors('grpc', /server\.js:\d+/)).toEqual([
    ['Error', 'Room 13 does not exist.', 'hotel.Rooms/Get'],
  ]);
});

it.concurrent('measures examples/websocket', async () => {
  const { output, rows } = await runExample('websocket', ({ host }) => `ws://${host}/chat`);
  expect(output).toEqual(['You wrote: hello', 'You wrote: is room 7 free?']);
  expect(countEndpoints(rows, 'perfscope.websocket.message.duration')).toEqual({
    'WS /chat message': [2, 0, 0],
  });
});

it.concurrent('measures examples/socket-io', async () => {
  const { output, rows } = await runExample('socket-io', ({ origin }) => `${origin}/chat`);
  expect(output).toEqual(['You wrote: hello', 'You wrote: is room 7 free?']);
  expect(countEndpoints(rows, 'perfscope.websocket.message.duration')).toEqual({
    'WS /chat message': [2, 0, 0],
  });
});
