import type { Name } from '../sql/text.ts';

const KEPT: readonly Name[] = ['organization', 'property', 'service', 'environment'];

/**
 * A link of a table's cell to another dashboard, with the range and the names that are chosen, and
 * the cell's own text as the name of one variable.
 */
export function cellLink(title: string, dashboard: string, variable: Name) {
  const others = KEPT.filter((name) => name !== variable).map((name) => `\${${name}:queryparam}`);
  const own = `var-${variable}=\${__value.text:percentencode}`;
  const query = [`\${__url_time_range}`, ...others, own].join('&');
  return { title, url: `/d/perfscope-${dashboard}?${query}` };
}
