import { createServer } from 'node:http';
import { expect, it, onTestFinished } from 'vitest';
import { readWalTables } from '../../../../src/storage/questdb/wal-tables.ts';
import { listenOnFreePort } from '../../../support/listen-on-free-port.ts';

it('reads the state of all tables and roll-ups of Perfscope, and of no others', async () => {
  const names = ['alerts', 'schema_migrations', 'metric_buckets_1h', 'mine', 'sys.telemetry_wal'];
  const server = createServer((_request, response) => {
    const dataset = names.map((name) => [name, true, 10, 3, 'DISK FULL', 'no space']);
    response.end(JSON.stringify({ columns: [], dataset }));
  });
  onTestFinished(() => void server.close());
  const tables = await readWalTables({ url: `http://127.0.0.1:${await listenOnFreePort(server)}` });
  expect(tables.map(({ table }) => table)).toEqual(names.slice(0, 3));
});
