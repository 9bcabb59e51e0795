import { coded } from '../../errors.ts';
import type { Row } from '../../questdb/reader.ts';
import type { Param, Sql } from '../../questdb/statement.ts';
import { EVERYTHING } from '../../schema/scope.ts';
import { numberOf } from '../../windows/row.ts';
import type { Store } from '../../windows/store.ts';
import type { Observation } from '../evaluate/observation.ts';
import type { SqlMeasure } from '../rules/rule.ts';

const MOST_GROUPS = 10_000;
/** Where the bounds of the window stand in the bound text; no statement that was read has them. */
const BOUNDS = ['\uE000from\uE000', '\uE000to\uE000'] as const;

/** What leaves out rows of tests and rows that were neutralised, as the measures do. */
const LEFT_OUT: Readonly<Record<string, (prefix: string) => string>> = {
  performance_metrics: (q) => `coalesce(${q}count, 1) > 0 AND ${q}test = false`,
  metric_buckets: (q) => `${q}count > 0 AND ${q}test = false`,
  queue_metrics: (q) => `${q}id IS NOT NULL AND ${q}test = false`,
  system_health: (q) => `${q}id IS NOT NULL`,
  system_health_1m: () => '1 = 1',
  system_health_1h: () => '1 = 1',
};

/**
 * Runs the statement of a SQL rule for the window that ends at `now`, over all tenants.
 *
 * @throws PS_REQUEST_TOO_LARGE for too many groups, PS_UNAVAILABLE, PS_QUERY_TOO_LONG
 */
export async function observeSql(
  rule: SqlMeasure,
  store: Store,
  now: number,
): Promise<Observation[]> {
  const rows = await store.read(EVERYTHING, statementOf(rule, now));
  if (rows.length >= MOST_GROUPS) throw coded('PS_REQUEST_TOO_LARGE', {});
  return rows.map((row) => observation(row, rule, now));
}

function statementOf(rule: SqlMeasure, now: number): Sql {
  const text = rule.bind({
    window: (_table, q) => `${q}timestamp >= ${BOUNDS[0]} AND ${q}timestamp < ${BOUNDS[1]}`,
    scope: (table, q) => (LEFT_OUT[table] ?? rollup)(q),
  });
  const limits: Readonly<Record<string, Param>> = {
    [BOUNDS[0]]: new Date(now - rule.windowMs),
    [BOUNDS[1]]: new Date(now),
  };
  const pieces = text.split(/(\uE000(?:from|to)\uE000)/);
  const parts = pieces.map((piece) => {
    const param = limits[piece];
    return param === undefined ? { text: piece } : { param };
  });
  return { parts: [{ text: 'SELECT * FROM (' }, ...parts, { text: `) LIMIT ${MOST_GROUPS}` }] };
}

/** Roll-ups hold no neutralised rows. */
function rollup(prefix: string): string {
  return `${prefix}test = false`;
}

function observation(row: Row, { labelNames }: SqlMeasure, now: number): Observation {
  const labels = labelNames.flatMap((name) => {
    const text = row[name];
    return text === null || text === undefined ? [] : [[name, String(text)]];
  });
  const { newest } = row;
  return {
    labels: Object.fromEntries(labels),
    value: numberOf(row.value),
    count: numberOf(row.count) ?? 1,
    newestMs: newest instanceof Date ? newest.getTime() : now,
  };
}
