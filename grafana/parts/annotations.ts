import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  type AnnotationQuery,
  AnnotationQueryBuilder,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { selectAlertAnnotations, selectNewVersions } from '../sql/annotation-queries.ts';
import type { VariableName } from '../sql/sql-text.ts';
import { createSqlQuery, QUESTDB } from './data-sources.ts';

function createAnnotation(name: string, color: string, sql: string): Builder<AnnotationQuery> {
  const mark = new AnnotationQueryBuilder()
    .name(name)
    .datasource(QUESTDB)
    .enable(true)
    .iconColor(color)
    .target(createSqlQuery(sql, 'table', 'Anno'))
    .build();
  // Only the newest Grafana has another place for the switch, where nobody would see it.
  return { build: () => ({ ...mark, placement: undefined }) };
}

/** Alerts that fired, from begin to end, and the first sight of a service's version. */
export function createAnnotations(names: readonly VariableName[]): Builder<AnnotationQuery>[] {
  return [
    createAnnotation('Alerts', 'red', selectAlertAnnotations(names)),
    createAnnotation('New versions', 'blue', selectNewVersions(names)),
  ];
}
