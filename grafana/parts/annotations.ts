import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  type AnnotationQuery,
  AnnotationQueryBuilder,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { selectAlertAnnotations, selectNewVersions } from '../sql/annotation-queries.ts';
import type { VariableName } from '../sql/sql-text.ts';
import { createSqlQuery, QUESTDB } from './data-sources.ts';

function createAnnotation(name: string, color: string, sql: string): Builder<AnnotationQuery> {
  const annotation = new AnnotationQueryBuilder()
    .name(name)
    .datasource(QUESTDB)
    .enable(true)
    .iconColor(color)
    .target(createSqlQuery(sql, 'table', 'Anno'))
    .build();
  // `placement` exists only in the newest Grafana. There it could move the switch out of sight.
  return { build: () => ({ ...annotation, placement: undefined }) };
}

/** Creates annotations for the periods in which alerts fired and for new service versions. */
export function createAnnotations(names: readonly VariableName[]): Builder<AnnotationQuery>[] {
  return [
    createAnnotation('Alerts', 'red', selectAlertAnnotations(names)),
    createAnnotation('New versions', 'blue', selectNewVersions(names)),
  ];
}
