import type { Told, ToldLines } from './told.ts';

/**
 * A message as an Adaptive Card 1.4 for Teams. Everything that somebody else has named stands in a
 * TextRun, the one element whose text is never read as Markdown, so nothing has to be escaped.
 */
export function adaptiveCardOf(told: Told): object {
  const note = told.note === undefined ? [] : [line([run(told.note, { italic: true })])];
  const more = told.omitted > 0 ? [line([run(`And ${told.omitted} more.`)])] : [];
  return {
    $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
    type: 'AdaptiveCard',
    version: '1.4',
    msteams: { width: 'Full' },
    body: [
      line([run(told.title, { weight: 'Bolder', size: 'Large' })]),
      ...note,
      ...told.alerts.flatMap(elementsOf),
      ...more,
    ],
  };
}

function elementsOf({ heading, summary, facts, links }: ToldLines): object[] {
  const actions = links.map(({ text, url }) => ({ type: 'Action.OpenUrl', title: text, url }));
  return [
    { ...line([run(heading, { weight: 'Bolder' })]), separator: true },
    line([run(summary)]),
    ...facts.map(([name, value]) => line([run(`${name}: `, { weight: 'Bolder' }), run(value)])),
    ...(actions.length > 0 ? [{ type: 'ActionSet', actions }] : []),
  ];
}

function line(inlines: readonly object[]) {
  return { type: 'RichTextBlock', inlines };
}

function run(text: string, style: object = {}): object {
  return { type: 'TextRun', text, ...style };
}
