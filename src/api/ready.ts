import type { RequestHandler } from 'express';
import { coded } from '../errors.ts';
import { sql } from '../questdb/statement.ts';
import { EVERYTHING } from '../schema/scope.ts';
import type { Store } from '../windows/store.ts';

/** Names of the tables that take rows without storing them (https://questdb.com/docs/concept/write-ahead-log/). */
const SUSPENDED = sql`SELECT name FROM wal_tables() WHERE suspended = true ORDER BY name`;

/** Whether QuestDB answers, and stores what it takes. */
export function ready(store: Store): RequestHandler {
  return async (_request, response) => {
    const suspended = await store.read(EVERYTHING, SUSPENDED);
    if (suspended.length > 0) {
      const tables = suspended.map(({ name }) => String(name)).join(', ');
      throw coded('PS_TABLE_SUSPENDED', { tables });
    }
    response.json({ status: 'ready' });
  };
}
