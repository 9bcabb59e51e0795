import { TRACE_URL_VARIABLE } from '../../src/server/grafana/grafana-provisioning.ts';
import { ALERT_LINK_COLUMNS } from '../sql/alert-queries.ts';
import type { VariableName } from '../sql/sql-text.ts';

/** A link of a table cell, in Grafana's format. */
export interface CellLink {
  readonly title: string;
  readonly url: string;
  readonly targetBlank?: boolean;
}

const PASSED_VARIABLES: readonly VariableName[] = [
  'organization',
  'property',
  'service',
  'environment',
];

/**
 * Creates a link from a table cell to another dashboard. The link keeps the time range and the
 * selected filters, and sets one variable to the text of the cell.
 */
export function createCellLink(
  title: string,
  dashboard: string,
  variable: VariableName,
): readonly CellLink[] {
  const others = PASSED_VARIABLES.filter((name) => name !== variable).map(
    (name) => `\${${name}:queryparam}`,
  );
  const cellValue = `var-${variable}=\${__value.text:percentencode}`;
  const query = [`\${__url_time_range}`, ...others, cellValue].join('&');
  return [{ title, url: `/d/perfscope-${dashboard}?${query}` }];
}

const toField = (column: keyof typeof ALERT_LINK_COLUMNS) =>
  `\${__data.fields.${ALERT_LINK_COLUMNS[column]}:percentencode}`;
const ALERT_QUERY = [
  ...(['from', 'to'] as const).map((name) => `${name}=${toField(name)}`),
  ...(['service', 'organization', 'property'] as const).map(
    (name) => `var-${name}=${toField(name)}`,
  ),
].join('&');

/** Links from an alert to the measurements that caused it, in the time around the start of the alert. */
export const ALERT_LINKS: readonly CellLink[] = [
  {
    title: 'Show the measurements that caused this alert',
    url: `/d/perfscope-${toField('dashboard')}?${ALERT_QUERY}`,
  },
  { title: 'Show everything around this alert', url: `/d/perfscope-overview?${ALERT_QUERY}` },
];

/** Link from a trace ID to the tracing UI. */
export const TRACE_LINKS: readonly CellLink[] = [
  {
    title: 'Open the trace. Set “Trace URL” to the address of your tracing UI',
    url: `\${${TRACE_URL_VARIABLE}:raw}\${__value.text:percentencode}`,
    targetBlank: true,
  },
];
