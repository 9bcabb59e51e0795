import { expect, it } from 'vitest';
import { countEndpoints } from '../support/endpoint-rows.ts';
import { runLibraryProgram } from '../support/library-program.ts';

const MAX_SERIES = 1950;
/** The application's own memory changes too. Three names are sent in each round, with more than 50 characters. */
const MAX_GROWTH_BYTES = 5_000_000;

async function check(count: number): Promise<void> {
  const { result, rows } = await runLibraryProgram<{ growthBytes: number }>({
    program: '../rpc/many-names.cjs',
    library: '@grpc/grpc-js',
    folder: 'servers-2',
    node: 26,
    modules: 'CommonJS',
    env: { COUNT: String(count) },
  });
  expect(result.growthBytes).toBeLessThan(MAX_GROWTH_BYTES);
  const total = 2500 + count;
  expect(countEndpoints(rows, 'rpc.server.call.duration')).toEqual({
    'grpc (unknown method)': [total, total, 0],
  });
  const events = Object.entries(countEndpoints(rows, 'perfscope.websocket.message.duration'));
  expect(events.length).toBeLessThan(MAX_SERIES);
  expect(events.filter(([name]) => name.includes('unknown-'))).toEqual([]);
  const calls = Object.values(countEndpoints(rows, 'rpc.client.call.duration'));
  expect(calls.length).toBeLessThan(MAX_SERIES);
  expect(calls.reduce((sum, [each]) => sum + each, 0)).toBe(total);
}

it('has a bounded memory for thousands of distinct events, rooms, and gRPC paths', () =>
  check(6000));
// Long: the test above does the same with fewer names in CI.
it(
  'has a bounded memory for a million distinct events, rooms, and gRPC paths',
  { tags: 'long', timeout: 3_600_000 },
  () => check(1_000_000),
);
