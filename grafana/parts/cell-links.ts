import type { VariableName } from '../sql/sql-text.ts';

const PASSED_VARIABLES: readonly VariableName[] = [
  'organization',
  'property',
  'service',
  'environment',
];

/**
 * A link of a table's cell to another dashboard, with the range and the names that are chosen, and
 * the cell's own text as the name of one variable.
 */
export function createCellLink(title: string, dashboard: string, variable: VariableName) {
  const others = PASSED_VARIABLES.filter((name) => name !== variable).map(
    (name) => `\${${name}:queryparam}`,
  );
  const own = `var-${variable}=\${__value.text:percentencode}`;
  const query = [`\${__url_time_range}`, ...others, own].join('&');
  return { title, url: `/d/perfscope-${dashboard}?${query}` };
}
