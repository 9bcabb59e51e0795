import { useMemo } from 'preact/hooks';
import type { ApiResponse } from '../../../client/api-types.ts';
import { DIMENSION_LABELS, formatGroup } from '../../data/names.ts';
import { Figure } from '../../design/figure.tsx';
import { EmptyState } from '../../design/states.tsx';
import { type Column, Table } from '../../design/table.tsx';
import type { Unit } from '../../format/quantities.ts';
import { formatDateTime, toZoneName } from '../../format/times.ts';
import { zoneChoice } from '../../url/view-state.ts';
import { aggregateLabel, aggregateUnit, type ExploreState } from './query.ts';

type Series = ApiResponse<'trends'>['series'][number];
type Point = Series['points'][number];

interface TableProps {
  readonly trends: ApiResponse<'trends'>;
  readonly state: ExploreState;
  readonly unit: Unit;
}

const EMPTY = (
  <EmptyState title="No values in this range">
    Choose another metric or a longer range, or remove a filter.
  </EmptyState>
);

/** One row for each group: the newest, lowest, and highest value of each aggregate. */
export function SummaryTable({ trends, state, unit }: TableProps) {
  const { aggregates, groupBy } = state;
  const columns: Column<Series>[] = [
    {
      id: 'group',
      header: groupBy.map((name) => DIMENSION_LABELS[name] ?? name).join(', ') || 'Group',
      isWide: true,
      sortBy: ({ group }) => formatGroup(group, groupBy),
      cell: ({ group }) => (
        <span class="cell">
          <span class="name" title={formatGroup(group, groupBy)}>
            {formatGroup(group, groupBy)}
          </span>
        </span>
      ),
    },
    ...aggregates.flatMap((aggregate) =>
      (['newest', 'lowest', 'highest'] as const).map((what): Column<Series> => {
        const read = ({ points }: Series) => {
          const values = points.flatMap((point) => point[aggregate] ?? []);
          if (values.length === 0) return undefined;
          if (what === 'newest') return values.at(-1);
          return values.reduce((a, b) => (what === 'lowest' ? Math.min(a, b) : Math.max(a, b)));
        };
        return {
          id: `${aggregate}-${what}`,
          header: `${aggregateLabel(aggregate)}, ${what}`,
          align: 'right',
          sortBy: read,
          cell: (series) => <Figure value={read(series)} unit={aggregateUnit(aggregate, unit)} />,
        };
      }),
    ),
    {
      id: 'points',
      header: 'Points',
      align: 'right',
      isOptional: true,
      sortBy: ({ points }) => points.length,
      cell: ({ points }) => <Figure value={points.length} />,
    },
  ];
  return (
    <Table
      label="Groups"
      columns={columns}
      rows={trends.series}
      rowKey={({ group }) => JSON.stringify(group)}
      empty={EMPTY}
    />
  );
}

interface PointRow {
  readonly key: string;
  readonly group: string;
  readonly point: Point;
}

/** All points, newest first. */
export function PointsTable({ trends, state, unit }: TableProps) {
  const zone = toZoneName(zoneChoice.value);
  const { aggregates, groupBy } = state;
  const rows = useMemo(
    () =>
      trends.series
        .flatMap(({ group, points }) => {
          const name = formatGroup(group, groupBy);
          return points.map(
            (point): PointRow => ({ key: `${point.at} ${name}`, group: name, point }),
          );
        })
        .sort((a, b) => b.point.at.localeCompare(a.point.at)),
    [trends, groupBy.join()],
  );
  const columns: Column<PointRow>[] = [
    {
      id: 'at',
      header: 'Time',
      sortBy: ({ point }) => point.at,
      cell: ({ point }) => formatDateTime(Date.parse(point.at), zone, true),
    },
    ...(groupBy.length > 0
      ? [
          {
            id: 'group',
            header: 'Group',
            isWide: true,
            sortBy: ({ group }: PointRow) => group,
            cell: ({ group }: PointRow) => (
              <span class="cell">
                <span class="name" title={group}>
                  {group}
                </span>
              </span>
            ),
          },
        ]
      : []),
    ...aggregates.map(
      (aggregate): Column<PointRow> => ({
        id: aggregate,
        header: aggregateLabel(aggregate),
        align: 'right',
        sortBy: ({ point }) => point[aggregate],
        cell: ({ point }) => (
          <Figure value={point[aggregate]} unit={aggregateUnit(aggregate, unit)} />
        ),
      }),
    ),
  ];
  return (
    <Table
      label="Points"
      sortParameter="pointSort"
      columns={columns}
      rows={rows}
      rowKey={({ key }) => key}
      empty={EMPTY}
    />
  );
}
