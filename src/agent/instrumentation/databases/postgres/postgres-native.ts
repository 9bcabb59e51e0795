import { type Method, observeMethod } from '../../loading/method-patching.ts';

/** What fails, for `guard`. */
const PART = 'the PostgreSQL instrumentation';

/** A query of `pg.native`, which sends queries through libpq. */
interface NativeQuery {
  native?: { pq?: { resultErrorFields?: () => { sqlState?: unknown } | undefined } };
}

export interface NativeQueryHandlers {
  recordEnd: (query: object, error: unknown, returnedRows?: number) => void;
  /** Adds a number of completed statements. */
  countCompleted: (query: object, count: number) => void;
}

/**
 * Patches the query class of `pg.native`. Its client doesn't notify the query of each protocol message.
 * Instead, the query emits `end`, or its method `handleError` is called. The class gets its own `emit`,
 * because the inherited one belongs to all emitters.
 *
 * @returns the patched methods
 * @throws TypeError if a method does not exist
 */
export function patchNativeQuery(
  exports: unknown,
  { recordEnd, countCompleted }: NativeQueryHandlers,
): { handleError: Method } {
  const { prototype } = exports as { prototype: { handleError: Method } };
  observeMethod<NativeQuery>(PART, prototype, 'handleError', {
    before: (query, [error]) => {
      // libpq doesn't report which statement failed, so the text is recorded as one statement.
      countCompleted(query, Number.POSITIVE_INFINITY);
      recordEnd(query, toSqlError(query, error));
    },
  });
  observeMethod<NativeQuery>(PART, prototype, 'emit', {
    before: (query, [event, results]) => {
      if (event !== 'end') return;
      countCompleted(query, Array.isArray(results) ? results.length : 1);
      recordEnd(query, undefined, countRows(results));
    },
  });
  return prototype;
}

/** Returns the number of rows of a result. Several results have no total. */
function countRows(result: unknown): number {
  const rows = (result as { rows?: unknown } | undefined)?.rows;
  return Array.isArray(rows) ? rows.length : 0;
}

/** Returns an error with the SQLSTATE, which `handleError` copies to the error only later. */
function toSqlError({ native }: NativeQuery, error: unknown): unknown {
  const code = native?.pq?.resultErrorFields?.()?.sqlState;
  return typeof code === 'string' && code !== '' ? { code } : (error ?? 'unknown');
}
