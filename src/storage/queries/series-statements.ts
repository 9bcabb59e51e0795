import type { QueryClient } from '../questdb/query-client.ts';
import { listTables } from '../sql/sql-builder.ts';
import { renderLiteralSql } from '../sql/sql-literal.ts';
import { queryGauges } from './gauge-values.ts';
import { type SeriesOptions, selectSeriesSources } from './metric-series.ts';
import { queryDistributions, queryTotals, toMetricConditions } from './operation-totals.ts';
import type { Query } from './query-definition.ts';

/** A statement with literals instead of bound parameters. */
export interface LiteralStatement {
  /** What the statement selects, and from which table. */
  readonly description: string;
  readonly sql: string;
}

/**
 * Returns the statements that `querySeries` runs for the same arguments, limited to the scope of the query. Doesn't run
 * them. There is one statement for each table and roll-up.
 */
export async function listSeriesStatements(
  queryClient: Pick<QueryClient, 'getCatalog'>,
  query: Query,
  options: SeriesOptions,
): Promise<LiteralStatement[]> {
  const sources = selectSeriesSources(options);
  const list = (content: string, run: (client: QueryClient) => Promise<unknown>) =>
    recordStatements(queryClient, content, run);
  const lists = await Promise.all([
    list('Count, errors, sum, minimum, and maximum', (client) =>
      queryTotals(client, query, options),
    ),
    sources.distributions
      ? list('Histogram buckets for the percentiles and the Apdex', (client) =>
          queryDistributions(client, query, toMetricConditions(options, query.filter)),
        )
      : [],
    sources.gauges
      ? list('Values of gauges and counters', (client) => queryGauges(client, query, options))
      : [],
  ]);
  return lists.flat();
}

/** Returns the statements of a query. The query finds no rows. */
async function recordStatements(
  { getCatalog }: Pick<QueryClient, 'getCatalog'>,
  content: string,
  run: (queryClient: QueryClient) => Promise<unknown>,
): Promise<LiteralStatement[]> {
  const statements: LiteralStatement[] = [];
  await run({
    getCatalog,
    read: async (scope, statement) => {
      const sql = renderLiteralSql(statement, scope);
      const tables = listTables(statement).join(', ');
      if (sql !== undefined) statements.push({ description: `${content}, from ${tables}`, sql });
      return [];
    },
  });
  return statements;
}
