import type { ApiResponse } from '../../client/api-types.ts';
import { ChangeText, Figure } from '../design/figure.tsx';
import type { Column } from '../design/table.tsx';
import { formatChange } from '../format/quantities.ts';
import { type Comparison, formatComparison } from '../url/time-range.ts';

/** A group of statements or calls. */
export type WorkRow = Pick<
  ApiResponse<'database'>['statements'][number],
  'count' | 'rate' | 'errorCount' | 'errorRate' | 'average' | 'p95' | 'previous'
>;

/** Percentage of failures from which a figure is red. */
const BAD_ERROR_RATE = 1;

/** Total time of a group, in ms. */
export function totalTime({ count, average = 0 }: WorkRow): number {
  return count * average;
}

export interface WorkColumnsOptions<T> {
  readonly compare: Comparison;
  /** Link to the details of a row. */
  readonly href: (row: T) => string | undefined;
  /** Whether to show the total time of a row first. */
  readonly hasTotal?: boolean;
  /** Whether the table is narrow, so that it has only the most important columns. */
  readonly isNarrow?: boolean;
}

/** Columns with rate, failures, durations, and the change of the p95. */
export function workColumns<T extends WorkRow>(options: WorkColumnsOptions<T>): Column<T>[] {
  const { compare, href, hasTotal = false, isNarrow = false } = options;
  return [
    ...(hasTotal
      ? [
          {
            id: 'time',
            header: 'Total time',
            sortBy: totalTime,
            align: 'right' as const,
            cell: (row: T) => <Figure value={totalTime(row)} unit="ms" href={href(row)} />,
          },
        ]
      : []),
    {
      id: 'rate',
      header: 'Rate',
      align: 'right',
      sortBy: ({ rate }) => rate,
      cell: (row) => <Figure value={row.rate} unit="/s" href={href(row)} />,
    },
    ...(isNarrow ? [] : [meanColumn<T>()]),
    {
      id: 'p95',
      header: 'p95',
      align: 'right',
      sortBy: ({ p95 }) => p95,
      cell: (row) => <Figure value={row.p95} unit="ms" href={href(row)} />,
    },
    {
      id: 'failed',
      header: 'Failed',
      align: 'right',
      sortBy: ({ errorRate }) => errorRate ?? 0,
      cell: ({ errorRate = 0 }) => (
        <Figure value={errorRate} unit="%" isBad={errorRate >= BAD_ERROR_RATE} />
      ),
    },
    {
      id: 'change',
      header: isNarrow ? 'Change' : `p95 ${formatComparison(compare)}`,
      align: 'right',
      isOptional: true,
      sortBy: ({ p95, previous }) =>
        p95 !== undefined && previous?.p95 ? p95 / previous.p95 : undefined,
      cell: ({ p95, previous }) => (
        <ChangeText change={formatChange(p95, previous?.p95)} higherIs="worse" />
      ),
    },
  ];
}

function meanColumn<T extends WorkRow>(): Column<T> {
  return {
    id: 'average',
    header: 'Mean',
    align: 'right',
    isOptional: true,
    sortBy: ({ average }) => average,
    cell: ({ average }) => <Figure value={average} unit="ms" />,
  };
}
