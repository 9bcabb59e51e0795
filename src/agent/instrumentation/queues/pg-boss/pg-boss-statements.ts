import { guard } from '../../../../core/guard.ts';
import { QueueOwnedField, runUnrecorded } from '../../context/unrecorded-commands.ts';
import { observeMethod, observePromise, wrapMethod } from '../../loading/method-patching.ts';
import type { PgBossJob } from './pg-boss-jobs.ts';

/** What fails, for {@link guard}. */
const PART = 'the pg-boss instrumentation';

/** A row of an inserted job. */
export interface InsertedJob extends PgBossJob {
  readonly name: string;
}

interface PgBossDb {
  pool?: { options?: object };
}

interface StatementResult {
  rows: readonly InsertedJob[];
}

/** Ends of the statement that inserts jobs. Some versions and calls return no IDs. */
const INSERT_END = 'ON CONFLICT DO NOTHING';
const RETURNING = 'RETURNING id';
const COLUMNS = `, name, priority, created_on as "createdOn", start_after as "startAfter", retry_limit as "retryLimit"`;

/**
 * Marks the connections that pg-boss creates, so that their statements aren't recorded as statements of the application.
 * Reports the jobs that a statement inserted: duplicates and throttled jobs are not inserted. Only the database knows
 * the creation time of a job, so the statement also returns it.
 *
 * @param prototype the prototype of pg-boss' class for its own connections. Connections of the application have another.
 * @param onInserted receives the rows of inserted jobs, in the context of the call
 */
export function patchPgBossDb(
  prototype: object,
  includeJobData: boolean,
  onInserted: (db: object, jobs: readonly InsertedJob[]) => void,
): void {
  observeMethod<PgBossDb>(PART, prototype, 'open', {
    // `open` is asynchronous, but sets the pool at once.
    after: ({ pool }) => {
      if (pool?.options) QueueOwnedField.set(pool.options);
    },
  });
  const rewrite = guard(PART, (text: unknown) => {
    if (typeof text !== 'string' || !text.includes('singleton_on')) return undefined;
    if (!/^\s*(?:INSERT INTO|WITH defaults)/.test(text)) return undefined;
    const trimmed = text.trimEnd();
    const returnsIds = trimmed.endsWith(RETURNING);
    const start = returnsIds ? trimmed.slice(0, -RETURNING.length).trimEnd() : trimmed;
    if (!start.endsWith(INSERT_END)) return undefined;
    const columns = `${RETURNING}${COLUMNS}${includeJobData ? ', data' : ''}`;
    return { text: `${start} ${columns}`, returnsIds };
  });
  const report = guard(
    PART,
    (db: object, result: StatementResult | undefined, returnsIds: boolean) => {
      if (!Array.isArray(result?.rows)) return;
      const jobs = result.rows as InsertedJob[];
      result.rows = returnsIds ? (jobs.map(({ id }) => ({ id })) as InsertedJob[]) : [];
      onInserted(db, jobs);
    },
  );
  wrapMethod(prototype, 'executeSql', (original) => {
    return function executeSql(this: PgBossDb, ...args: unknown[]) {
      const insert = rewrite(args[0]);
      if (!insert) return runUnrecorded(() => original.apply(this, args) as unknown);
      const rewritten = args.with(0, insert.text);
      const result = runUnrecorded(
        () => original.apply(this, rewritten) as Promise<StatementResult>,
      );
      return observePromise(result, (value) => report(this, value, insert.returnsIds));
    };
  });
}
