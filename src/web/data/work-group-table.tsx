import type { Query } from '../../client/api-types.ts';
import { useApi } from '../api/queries.ts';
import { rangeQuery } from '../api/range-query.ts';
import { caller } from '../api/session.ts';
import { Card, type CardProps } from '../design/card.tsx';
import { EmptyState, Loaded } from '../design/states.tsx';
import { Table, tableHeight } from '../design/table.tsx';
import { comparison } from '../url/view-state.ts';
import { DIMENSION_LABELS } from './names.ts';
import { type WorkRow, workColumns } from './work-columns.tsx';

type GroupDimension = 'service' | 'version' | 'organizationId' | 'propertyId' | 'operation';
type Row = WorkRow & { readonly group: Readonly<Record<string, string | undefined>> };

export interface WorkGroupTableProps extends Pick<CardProps, 'span'> {
  readonly title: string;
  readonly source: 'database' | 'outgoing';
  readonly dimension: GroupDimension;
  readonly filter: Partial<Query<'database'>>;
  /** Link of a value of the dimension. */
  readonly href: (value: string) => string | undefined;
}

const ROWS = 6;

/** Statements or calls by one dimension, those that take the most time first. */
export function WorkGroupTable(props: WorkGroupTableProps) {
  const { title, source, dimension, filter, href, span = 6 } = props;
  // Callers of one organization have no other organizations.
  const isLimited = Boolean(caller.value?.organizationId);
  const shown = isLimited && dimension === 'organizationId' ? 'propertyId' : dimension;
  const compare = comparison.value ?? 'yesterday';
  const state = useApi(source, {
    ...rangeQuery.value,
    ...filter,
    compare,
    groupBy: [shown],
    limit: 200,
  } as Query<'database'>);
  const toHref = ({ group }: Row) => (group[shown] === undefined ? undefined : href(group[shown]!));
  return (
    <Card title={title} span={span}>
      <Loaded state={state} height={tableHeight(ROWS)}>
        {(data) => {
          const rows = ('statements' in data
            ? data.statements
            : (data as unknown as { hosts: Row[] }).hosts) as unknown as Row[];
          return (
            <Table<Row>
              label={title}
              sortParameter={`${shown}Sort`}
              visibleRows={ROWS}
              rows={rows.toSorted(
                (a, b) => b.count * (b.average ?? 0) - a.count * (a.average ?? 0),
              )}
              rowKey={({ group }) => group[shown] ?? '(none)'}
              empty={
                <EmptyState title="Nothing in this range">
                  Choose a longer range, or remove a filter.
                </EmptyState>
              }
              columns={[
                {
                  id: shown,
                  header: DIMENSION_LABELS[shown] ?? shown,
                  isWide: true,
                  sortBy: ({ group }) => group[shown],
                  cell: (row) => <GroupName value={row.group[shown]} href={toHref(row)} />,
                },
                ...workColumns<Row>({ compare, href: toHref, hasTotal: true, isNarrow: true }),
              ]}
            />
          );
        }}
      </Loaded>
    </Card>
  );
}

function GroupName({ value, href }: { value: string | undefined; href: string | undefined }) {
  if (value === undefined) return <span class="faint">(none)</span>;
  return (
    <span class="cell">
      {href ? (
        <a class="name" href={href} title={value}>
          {value}
        </a>
      ) : (
        <span class="name">{value}</span>
      )}
    </span>
  );
}
