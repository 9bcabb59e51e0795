import pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import {
  startInnerOperation,
  startOperation,
} from '../../../../../../src/agent/instrumentation/context/operations.ts';
import { FakePostgres } from '../../../../../support/fake-postgres.ts';
import { PatchedPostgres } from '../../../../../support/patched-postgres.ts';

vi.mock(
  import('../../../../../../src/agent/instrumentation/context/operations.ts'),
  async (load) => {
    const original = await load();
    return {
      ...original,
      startOperation: vi.fn(original.startOperation),
      startInnerOperation: vi.fn(original.startInnerOperation),
    };
  },
);

const patched = new PatchedPostgres();
const server = new FakePostgres();
const login = { host: '127.0.0.1', user: 'eve', password: 's3cret', database: 'hotel' };

beforeAll(async () => {
  patched.patch(['lib/client.js']);
  await server.start();
});
afterAll(() => server.stop());
beforeEach(() => vi.clearAllMocks());

it.each([
  ['an attempt that succeeds', () => server.port],
  ['an attempt that fails', () => 1],
])('counts the wait of a caller once, for %s of the pool', async (_title, findPort) => {
  const pool = new pg.Pool({ ...login, port: findPort(), max: 1 });
  const client = await pool.connect().catch(() => undefined);
  client?.release(true);
  await pool.end();
  expect(vi.mocked(startOperation).mock.calls).toEqual([['connection']]);
  expect(vi.mocked(startInnerOperation).mock.calls).toEqual([['connection']]);
});

it('counts the connection attempt of a client without a pool', async () => {
  await new pg.Client({ ...login, port: 1 }).connect().catch(() => {});
  expect(vi.mocked(startOperation).mock.calls).toEqual([['connection']]);
  expect(startInnerOperation).not.toHaveBeenCalled();
});
