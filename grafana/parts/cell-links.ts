import type { VariableName } from '../sql/sql-text.ts';

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
export function createCellLink(title: string, dashboard: string, variable: VariableName) {
  const others = PASSED_VARIABLES.filter((name) => name !== variable).map(
    (name) => `\${${name}:queryparam}`,
  );
  const cellValue = `var-${variable}=\${__value.text:percentencode}`;
  const query = [`\${__url_time_range}`, ...others, cellValue].join('&');
  return { title, url: `/d/perfscope-${dashboard}?${query}` };
}
