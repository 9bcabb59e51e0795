import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';

/** Grafana's built-in PostgreSQL data source. All Grafana versions accept this type name. */
export const QUESTDB = { type: 'postgres', uid: 'perfscope-questdb' } as const;
export const PROMETHEUS = { type: 'prometheus', uid: 'perfscope-prometheus' } as const;

/** How Grafana reads a result: `time_series` turns each number column into a series, `table` keeps the rows. */
export type Format = 'time_series' | 'table';

export interface SqlQuery extends Dataquery {
  readonly refId: string;
  readonly datasource: typeof QUESTDB;
  readonly format: Format;
  readonly rawSql: string;
  readonly rawQuery: true;
  readonly editorMode: 'code';
}

/** Creates a query for the PostgreSQL data source. The SDK has no type for these queries. */
export function createSqlQuery(rawSql: string, format: Format, refId = 'A'): Builder<SqlQuery> {
  return {
    build: () => ({
      refId,
      datasource: QUESTDB,
      format,
      rawSql,
      rawQuery: true,
      editorMode: 'code',
      _implementsDataqueryVariant() {},
    }),
  };
}

export function createPromQuery(expr: string, legend: string, refId = 'A'): Builder<Dataquery> {
  return new DataqueryBuilder()
    .refId(refId)
    .datasource(PROMETHEUS)
    .expr(expr)
    .legendFormat(legend)
    .range();
}
