import {
  conjuncts,
  type Expression,
  isSelect,
  nameOf,
  nodesIn,
  refsIn,
  type Select,
} from '../../questdb/syntax.ts';
import { presentNames, ROLLINGS } from '../../schema/rollups.ts';

type Fail = (message: string) => void;

/** What stands for the conditions on time and tenant. */
export const PLACES = ['in_window', 'in_scope'] as const;
/** Measurements and their roll-ups: what carries a time and a tenant. */
const TABLES: ReadonlySet<string> = new Set(ROLLINGS.flatMap(presentNames));

interface Read {
  readonly select: Select;
  readonly table: string;
  readonly alias: string;
}

/**
 * Checks that `statement` reads tables of measurements only, each of them limited to window and
 * tenant by the WHERE of the very SELECT that names it.
 *
 * @returns the table behind each alias, in lower case
 */
export function checkReads(statement: Select, fail: Fail): ReadonlyMap<string, string> {
  const reads = allReads(statement, fail);
  if (reads.length === 0) fail('must read a table of measurements');
  const tables = new Map<string, string>();
  for (const { alias, table } of reads) {
    const known = tables.get(alias);
    if (known !== undefined && known !== table) fail(`\`${alias}\` must not stand for two tables`);
    tables.set(alias, table);
  }
  for (const { select, alias } of reads) {
    const places = conjuncts(select.where).flatMap(placeOf);
    const here = reads.filter((read) => read.select === select).length;
    const bare = tables.size === 1 && here === 1;
    for (const place of PLACES) {
      const found = places.some(
        (p) => p.place === place && (p.alias === alias || (bare && p.alias === '')),
      );
      const words = bare ? `${place}()` : `${place}(${alias})`;
      if (!found) fail(`must limit \`${alias}\` by \`${words}\`, joined to its WHERE by AND`);
    }
  }
  return tables;
}

/** A name of WITH hides a table only from what comes after it, so each part knows the ones before. */
function allReads(statement: Select, fail: Fail): Read[] {
  const { with: ctes = [], ...main } = statement;
  const known = new Set<string>();
  const reads: Read[] = [];
  for (const { name, query } of ctes) {
    reads.push(...readsOf([...nodesIn(query)].filter(isSelect), known, fail));
    if (TABLES.has(name.toLowerCase()))
      fail(`must not give the name of a table, \`${name}\`, to a WITH`);
    known.add(name.toLowerCase());
  }
  reads.push(...readsOf([...nodesIn(main)].filter(isSelect), known, fail));
  return reads;
}

function readsOf(selects: readonly Select[], known: ReadonlySet<string>, fail: Fail): Read[] {
  return selects.flatMap((select) =>
    (select.from ?? []).flatMap(refsIn).flatMap((ref): Read[] => {
      if (ref.table.type !== 'qualifiedName') return [];
      const table = (ref.table.parts ?? []).join('.').toLowerCase();
      if (known.has(table)) return [];
      if (!TABLES.has(table)) {
        fail(`must not read \`${table}\`: a rule reads the tables of measurements only`);
        return [];
      }
      return [{ select, table, alias: (ref.alias ?? table).toLowerCase() }];
    }),
  );
}

function placeOf(expression: Expression): { place: string; alias: string }[] {
  if (expression.type !== 'function') return [];
  const [argument] = expression.args ?? [];
  const alias = argument?.type === 'column' ? (nameOf(argument) ?? '') : '';
  return [{ place: (nameOf(expression) ?? '').toLowerCase(), alias: alias.toLowerCase() }];
}
