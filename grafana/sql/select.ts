import type { Again } from '../../src/windows/merge.ts';
import type { Family, Figure } from '../../src/windows/select.ts';
import { type Bounds, type Part, partsOfRange, partsOfSeries, RANGE } from './sources.ts';
import { INTERVAL, isChosen, type Name, textOf } from './text.ts';

export interface Wanted {
  readonly figures: Readonly<Record<string, Figure>>;
  /** More columns to group by. */
  readonly keys?: readonly string[];
  /** Conditions on columns that rows and roll-ups share. */
  readonly conditions?: readonly string[];
  /** The variables that narrow the answer. */
  readonly by?: readonly Name[] | undefined;
  /** Default: the viewer's. */
  readonly range?: Bounds;
}

/** The usual variables; each room of a dashboard adds what its rows have beside these. */
export const TENANT_AND_SERVICE = ['organization', 'property', 'service', 'environment'] as const;

/** Figures of each bucket of `time`, as a table to select from. */
export function overTime(family: Family, wanted: Wanted): string {
  return unioned(family, wanted, partsOfSeries(family.table, wanted.range ?? RANGE), [
    { name: 'time', text: `timestamp_floor(${INTERVAL}, timestamp)` },
  ]);
}

/** Figures of the whole range, as a table to select from. */
export function overRange(family: Family, wanted: Wanted): string {
  return unioned(family, wanted, partsOfRange(family.table, wanted.range ?? RANGE), []);
}

/** Conditions that every row of an answer meets. */
export function conditionsOf(family: Family, by: readonly Name[] = TENANT_AND_SERVICE): string[] {
  const chosen = by.flatMap((name) => {
    const column = family.columns[name];
    return column === undefined ? [] : [isChosen(name, column)];
  });
  return [...(family.hasTest ? ['test = false'] : []), ...chosen];
}

interface Key {
  readonly name: string;
  readonly text: string;
}

function unioned(
  family: Family,
  { figures, keys = [], conditions = [], by }: Wanted,
  parts: readonly Part[],
  time: readonly Key[],
): string {
  const all = [...time, ...keys.map((name) => ({ name, text: name }))];
  const always = [...conditions, ...conditionsOf(family, by)];
  const branches = parts.map(({ name, where }) => {
    const rolled = name !== family.table;
    const columns = [
      ...all.map(({ name: alias, text }) => (text === alias ? alias : `${text} AS ${alias}`)),
      ...Object.entries(figures).map(
        ([alias, figure]) => `${textOf(rolled ? figure.rollup : figure.rows)} AS ${alias}`,
      ),
    ];
    const kept = rolled ? [] : [textOf(family.where)];
    return `SELECT ${columns.join(', ')} FROM ${name} WHERE ${[where, ...always, ...kept].join(' AND ')}`;
  });
  const sums = Object.entries(figures).map(
    ([name, { again }]) => `${againOf(name, again)} AS ${name}`,
  );
  const columns = [...all.map(({ name }) => name), ...sums].join(', ');
  return `(SELECT ${columns} FROM (\n  ${branches.join('\n  UNION ALL ')}\n))`;
}

function againOf(name: string, again: Again): string {
  return typeof again === 'string' ? `${again}(${name})` : `arg_max(${name}, ${again.latestBy})`;
}
