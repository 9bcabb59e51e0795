import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  type AnnotationQuery,
  AnnotationQueryBuilder,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { alertMarks, newVersions } from '../sql/annotations.ts';
import type { Name } from '../sql/text.ts';
import { QUESTDB, sqlQuery } from './data.ts';

function marks(name: string, color: string, sql: string): Builder<AnnotationQuery> {
  const mark = new AnnotationQueryBuilder()
    .name(name)
    .datasource(QUESTDB)
    .enable(true)
    .iconColor(color)
    .target(sqlQuery(sql, 'table', 'Anno'))
    .build();
  // Only the newest Grafana has another place for the switch, where nobody would see it.
  return { build: () => ({ ...mark, placement: undefined }) };
}

/** Alerts that fired, from begin to end, and the first sight of a service's version. */
export function annotations(names: readonly Name[]): Builder<AnnotationQuery>[] {
  return [
    marks('Alerts', 'red', alertMarks(names)),
    marks('New versions', 'blue', newVersions(names)),
  ];
}
