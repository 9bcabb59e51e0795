import type { Settings } from '../../../core/config/parse-settings.ts';
import { createError } from '../../../core/perfscope-error.ts';
import { explainWithMysql } from './explain-mysql.ts';
import { explainWithPostgres } from './explain-postgres.ts';
import type { ExplainDatabase, ExplainResult } from './explain-result.ts';
import { toExplainableStatement } from './explainable-statement.ts';

/** URLs of the databases of the services. */
export type ExplainSettings = Pick<
  Settings,
  'PERFORMANCE_EXPLAIN_POSTGRES_URL' | 'PERFORMANCE_EXPLAIN_MYSQL_URL'
>;

/** The result of EXPLAIN, or the reason why the statement can't be explained. */
export type ExplainOutcome =
  | { readonly result: ExplainResult; readonly reason?: undefined }
  | { readonly result?: undefined; readonly reason: string };

/**
 * Explains a stored statement with the database of the services. This is the only function that connects to it, and
 * only an administrator's request calls it.
 *
 * @param database database to use. Default: MySQL for names in backticks, or else the database that is configured.
 * @throws PS_EXPLAIN_UNSET, PS_EXPLAIN_FAILED
 */
export async function explainStatement(
  fingerprint: string,
  settings: ExplainSettings,
  database: ExplainDatabase | undefined,
  now: () => number,
): Promise<ExplainOutcome> {
  const chosen = database ?? chooseDatabase(fingerprint, settings);
  const variable =
    chosen === 'mysql' ? 'PERFORMANCE_EXPLAIN_MYSQL_URL' : 'PERFORMANCE_EXPLAIN_POSTGRES_URL';
  const url = settings[variable];
  if (url === undefined) throw createError('PS_EXPLAIN_UNSET', { variable });
  const statement = toExplainableStatement(fingerprint, chosen);
  if ('reason' in statement) return { reason: statement.reason };
  const explain = chosen === 'mysql' ? explainWithMysql : explainWithPostgres;
  return { result: await explain(url, statement, now) };
}

function chooseDatabase(fingerprint: string, settings: ExplainSettings): ExplainDatabase {
  if (fingerprint.includes('`')) return 'mysql';
  const hasOnlyMysql =
    settings.PERFORMANCE_EXPLAIN_POSTGRES_URL === undefined &&
    settings.PERFORMANCE_EXPLAIN_MYSQL_URL !== undefined;
  return hasOnlyMysql ? 'mysql' : 'postgresql';
}
