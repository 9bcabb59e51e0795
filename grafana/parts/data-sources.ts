import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';

/** Grafana's own PostgreSQL data source, by the name that all its versions know. */
export const QUESTDB = { type: 'postgres', uid: 'perfscope-questdb' } as const;
export const PROMETHEUS = { type: 'prometheus', uid: 'perfscope-prometheus' } as const;

/** How an answer is read: each number column a series over `time`, or rows as they are. */
export type Format = 'time_series' | 'table';

export interface SqlQuery extends Dataquery {
  readonly refId: string;
  readonly datasource: typeof QUESTDB;
  readonly format: Format;
  readonly rawSql: string;
  readonly rawQuery: true;
  readonly editorMode: 'code';
}

/** What the PostgreSQL data source asks; the SDK knows no query of it. */
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
