import type { LocatedProblem, Report } from '../../entries/problems.ts';
import { type Data, isData, reporter, type Source } from '../../entries/source.ts';

/** One entry of a list of named things, merged over all files that speak of it. */
export interface MergedEntry {
  readonly name: string;
  readonly data: Data;
  /** Whether an earlier file, or only the last one, knows this name. */
  readonly inherited: boolean;
  /** Reports a problem where the newest file that speaks of the entry stands. */
  readonly report: Report;
}

/** What an entry can be made of: naming another one takes the inherited one away. */
const KINDS = ['measure', 'sql', 'internal'] as const;

/**
 * The entries of the list `list` of all sources, later ones merged deeply over earlier ones of the
 * same name (RFC 7396: maps merge, `null` removes, anything else replaces). Entries without a name,
 * and two of one name in one file, are added to `problems`.
 */
export function mergeByName(
  sources: readonly Source[],
  list: string,
  problems: LocatedProblem[],
): MergedEntry[] {
  const merged = new Map<string, MergedEntry>();
  for (const source of sources) {
    const entries = isData(source.data) ? source.data[list] : undefined;
    const here = new Set<string>();
    for (const [i, entry] of (Array.isArray(entries) ? entries : []).entries()) {
      const report = reporter(source, [list, i], problems);
      if (!isData(entry)) {
        report([], `each of \`${list}\` must be a map of keys`);
        continue;
      }
      const { name } = entry;
      if (typeof name !== 'string') {
        report(['name'], '`name` is missing');
        continue;
      }
      if (here.has(name)) {
        report(
          ['name'],
          `\`${name}\` is the name of two \`${list}\` of this file; each needs its own`,
        );
        continue;
      }
      here.add(name);
      const before = merged.get(name);
      const data = before
        ? patched(withoutOtherKind(before.data, entry), entry)
        : patched({}, entry);
      merged.set(name, { name, data, inherited: before !== undefined, report });
    }
  }
  return [...merged.values()];
}

function withoutOtherKind(before: Data, after: Data): Data {
  if (!KINDS.some((kind) => Object.hasOwn(after, kind) && !Object.hasOwn(before, kind))) {
    return before;
  }
  return Object.fromEntries(
    Object.entries(before).filter(([key]) => !(KINDS as readonly string[]).includes(key)),
  );
}

function patched(base: Data, patch: Data): Data {
  const kept = Object.entries(base).filter(([key]) => !Object.hasOwn(patch, key));
  const changed = Object.entries(patch).flatMap(([key, value]) => {
    if (value === null) return [];
    const before = Object.hasOwn(base, key) ? base[key] : undefined;
    return [[key, isData(value) ? patched(isData(before) ? before : {}, value) : value] as const];
  });
  return Object.fromEntries([...kept, ...changed]);
}
