import { type Report, suggest } from '../../entries/problems.ts';
import type { Dimension } from '../../windows/dimensions.ts';
import type { MeasureEntry } from './entry.ts';
import type { Measure } from './rule.ts';
import { aggregateWords, rowsOf } from './words.ts';

/** What a measure asks of the rows. What does not fit together is reported. */
export function measureOf(entry: MeasureEntry, report: Report): Measure {
  const { aggregate, type, groupBy, window, slowerThan, baseline } = entry;
  const words = aggregateWords(aggregate);
  if (words.type === 'required' && type === undefined) {
    report(['type'], `\`type\` is missing: \`${aggregate}\` is computed of one metric type`);
  }
  if (words.type === 'none' && type !== undefined) {
    report(['type'], `\`${aggregate}\` takes no \`type\``, 'key');
  }
  if (words.parameter === 'slowerThan' && slowerThan === undefined) {
    report(
      ['slowerThan'],
      `\`slowerThan\` is missing: \`${aggregate}\` needs it, such as \`500ms\``,
    );
  }
  for (const key of ['slowerThan', 'baseline'] as const) {
    if (entry[key] !== undefined && words.parameter !== key) {
      report([key], `\`${aggregate}\` takes no \`${key}\``, 'key');
    }
  }
  if (window === 0) report(['window'], '`window` must be longer than 0');
  if (baseline !== undefined && baseline <= window) {
    report(['baseline'], '`baseline` must be longer than `window`');
  }
  const rows = rowsOf(aggregate);
  for (const [i, name] of groupBy.entries()) {
    if (rows.groupBy.includes(name)) continue;
    const words = `\`${aggregate}\` cannot be grouped by it; ${suggest(name, rows.groupBy)}`;
    report(['groupBy', i], `${rows.name} have no \`${name}\`: ${words}`);
  }
  for (const name of Object.keys(entry.filter) as Dimension[]) {
    if (rows.filter.includes(name)) continue;
    const words = `\`${aggregate}\` cannot be filtered by it; ${suggest(name, rows.filter)}`;
    report(['filter', name], `${rows.name} have no \`${name}\`: ${words}`, 'key');
  }
  const filter = Object.entries(entry.filter).map(([name, texts]) => [name, [texts].flat()]);
  return {
    kind: 'measure',
    aggregate,
    type,
    groupBy,
    windowMs: window,
    filter: Object.fromEntries(filter),
    slowerThanMs: slowerThan,
    baselineMs: words.parameter === 'baseline' ? (baseline ?? 86_400_000) : undefined,
  };
}
