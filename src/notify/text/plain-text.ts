import type { Told } from './told.ts';

/** The same as lines of plain text, for mail and for what shows no formatting. */
export function plainTextOf(told: Told): string {
  const blocks = told.alerts.map(({ heading, summary, facts, links }) =>
    [
      heading,
      summary,
      ...facts.map(([name, value]) => `${name}: ${value}`),
      ...links.map(({ text, url }) => `${text}: ${url}`),
    ].join('\n'),
  );
  const note = told.note === undefined ? [] : [told.note];
  const more = told.omitted > 0 ? [`And ${told.omitted} more.`] : [];
  return `${[told.title, ...note, ...blocks, ...more].join('\n\n')}\n`;
}
