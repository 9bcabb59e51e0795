import { afterAll, beforeAll, expect, it } from 'vitest';
import { UNRESTRICTED_SCOPE } from '../../../../src/core/tenant-scope.ts';
import { QuestdbReader } from '../../../../src/storage/questdb/postgres-wire-reader.ts';
import { sql } from '../../../../src/storage/sql/sql-builder.ts';
import { ExternalQuestdb } from '../../../support/external-questdb.ts';
import { waitFor } from '../../../support/wait-for.ts';

const questdb = new ExternalQuestdb();
beforeAll(() => questdb.start());
afterAll(() => questdb.remove());

it('rejects a running query when QuestDB is killed, without an uncaught error', async () => {
  const reader = new QuestdbReader(questdb.readTarget);
  await reader.read(UNRESTRICTED_SCOPE, sql`SELECT 1`);
  const query = sql`SELECT sum(rnd_double()) FROM long_sequence(1000000000000)`;
  const result = reader.read(UNRESTRICTED_SCOPE, query).catch((error: unknown) => error);
  await waitFor(async () => {
    const running = await questdb.sql('SELECT query FROM query_activity()');
    return running.some(([text]) => String(text).startsWith('SELECT sum'));
  });
  await questdb.kill();
  expect(await result).toMatchObject({ code: 'PS_UNAVAILABLE' });
  await reader.close();
});
