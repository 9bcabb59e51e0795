import { createHash } from 'node:crypto';
import { z } from 'zod';
import { SLOW_QUERY_MS } from '../windows/database.ts';
import type { Question } from '../windows/question.ts';
import type { Measured } from '../windows/totals.ts';
import { plain, type SpreadWork, work } from '../windows/work.ts';
import type { Table } from './csv.ts';
import {
  DIMENSION_NAMES,
  type DimensionName,
  dimensionsOf,
  namedGroup,
} from './dimension-names.ts';
import type { Context } from './endpoint.ts';
import { page } from './page.ts';
import { APDEX_TARGET, FORMAT, groupBy, paging } from './parameters.ts';
import { askedBy, type CommonQuery } from './question-of.ts';
import { figure, group, WORK } from './shapes.ts';

const FIGURES = [...Object.keys(WORK), 'apdex', 'slowShare'] as const;
const SORTS = [...FIGURES, ...DIMENSION_NAMES] as [string, ...string[]];

/** Parameters of a list of groups with their figures. */
export const GROUPS_QUERY = {
  ...groupBy('endpoint', 'operation'),
  ...APDEX_TARGET,
  sort: z
    .enum(SORTS)
    .default('count')
    .meta({ description: `what to sort by: one of ${SORTS.join(', ')}` }),
  order: z
    .enum(['asc', 'desc'])
    .optional()
    .meta({ description: 'asc or desc; default: the greatest first, names ascending' }),
  ...paging(50, 1000),
  ...FORMAT,
};

const workGroup = z.strictObject({ group, ...WORK, apdex: figure, slowShare: figure }).meta({
  id: 'WorkGroup',
  description: 'slowShare: percent that took over 500 ms; apdex: 0 to 1',
});
export const workGroups = z.array(workGroup);
type WorkGroup = z.output<typeof workGroup>;

interface GroupsQuery extends CommonQuery {
  readonly groupBy: readonly DimensionName[];
  readonly apdexTarget: number;
  readonly sort: string;
  readonly order?: 'asc' | 'desc' | undefined;
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/** One page of the groups of what was measured, and the question that it answers. */
export async function groupsPage(
  context: Context<GroupsQuery>,
  measured: Measured,
): Promise<{ question: Question; groups: WorkGroup[]; nextCursor: string | undefined }> {
  const { query, parts, nowMs } = context;
  const { question } = askedBy(context);
  const { sort, order = isName(sort) ? 'asc' : 'desc' } = query;
  return page({ query, nowMs, question, order }, async (pinned) => {
    const grouped = { ...pinned, groupBy: dimensionsOf(query.groupBy), step: undefined };
    const found = await work(parts.store, grouped, measured);
    return found.map((each) => {
      const row = rowOf(each, query.apdexTarget);
      return { row, key: keyOf(row, query.groupBy), value: sortValue(row, sort) };
    });
  });
}

/** Its names; where they are long a hash of them, because cursors carry it. */
function keyOf({ group: of }: WorkGroup, names: readonly DimensionName[]): string {
  const text = JSON.stringify(names.map((name) => of[name] ?? null));
  return text.length <= 500 ? text : createHash('sha256').update(text).digest('hex');
}

function rowOf(found: SpreadWork, apdexTarget: number): WorkGroup {
  const { group: of, span: _, ...figures } = plain(found);
  const slow = found.distribution.shareAbove(SLOW_QUERY_MS);
  return {
    group: namedGroup(of),
    ...figures,
    apdex: found.distribution.apdex(apdexTarget),
    slowShare: slow === undefined ? undefined : 100 * slow,
  };
}

/** The groups as a table: a column for each name, and for each figure. */
export function groupsTable(groups: readonly object[], names: readonly DimensionName[]): Table {
  return {
    columns: [...names, ...FIGURES],
    rows: groups.map((each) => {
      const { group: of, ...figures } = each as WorkGroup;
      return { ...of, ...figures };
    }),
  };
}

function sortValue(row: WorkGroup, sort: string): string | number | null {
  if (isName(sort)) return row.group[sort] ?? null;
  return row[sort as Exclude<keyof WorkGroup, 'group'>] ?? null;
}

function isName(sort: string): sort is DimensionName {
  return (DIMENSION_NAMES as readonly string[]).includes(sort);
}
