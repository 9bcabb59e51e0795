import { checkSelect } from './sql-check.ts';

/** What the reader puts in the place of `in_window(…)` and `in_scope(…)`. */
interface SqlPlaces {
  /** The condition on `timestamp`; `prefix` is `q.` where the table has the alias `q`, else ``. */
  readonly window: (table: string, prefix: string) => string;
  /** The condition on the tenant's columns. */
  readonly scope: (table: string, prefix: string) => string;
}

/** A SELECT that has been checked, with its two kinds of places still open. */
export interface SqlRule {
  /** Columns of the result other than `value`, `count` and `newest`. */
  readonly labelNames: readonly string[];
  /** The statement to run. Only the two kinds of places are replaced. */
  readonly bind: (places: SqlPlaces) => string;
}

/** Columns of the result that are no labels. */
const FIGURES: ReadonlySet<string> = new Set(['value', 'count', 'newest']);
/** Texts and quoted names are passed over; the last alternative is a place. */
const PLACES = /'(?:[^']|'')*'|"[^"]*"|\bin_(window|scope)\s*\(\s*([\w]*)\s*\)/gi;

/** Reads the text of a SQL rule; @returns undefined after telling `fail` what is wrong. */
export function readSql(text: string, fail: (message: string) => void): SqlRule | undefined {
  const checked = checkSelect(text, fail);
  if (!checked) return undefined;
  const { columns, tables } = checked;
  const only = tables.size === 1 ? [...tables.keys()][0] : undefined;
  return {
    labelNames: columns.filter((column) => !FIGURES.has(column)),
    bind: (places) =>
      checked.text.replace(PLACES, (whole, kind?: string, named?: string) => {
        if (kind === undefined) return whole;
        const alias = (named || only || '').toLowerCase();
        const prefix = named ? `${named}.` : '';
        const place = kind.toLowerCase() === 'window' ? places.window : places.scope;
        return `(${place(tables.get(alias) ?? alias, prefix)})`;
      }),
  };
}
