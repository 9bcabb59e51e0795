import { useApi } from '../api/queries.ts';
import { rangeQuery } from '../api/range-query.ts';
import { caller } from '../api/session.ts';
import { Card, type CardProps } from '../design/card.tsx';
import { ChangeText, Figure } from '../design/figure.tsx';
import { EmptyState, Loaded } from '../design/states.tsx';
import { Table, tableHeight } from '../design/table.tsx';
import { formatChange } from '../format/quantities.ts';
import { comparison, linkTo, linkWith } from '../url/view-state.ts';
import { DIMENSION_LABELS } from './names.ts';
import type { RequestFilter } from './request-charts.tsx';

type GroupDimension = 'organizationId' | 'propertyId' | 'version' | 'instance' | 'service';

export interface GroupTableProps extends Pick<CardProps, 'span'> {
  readonly title: string;
  readonly dimension: GroupDimension;
  readonly filter: RequestFilter;
}

const ROWS = 7;

/** Requests by one dimension, slowest first. */
export function GroupTable({ title, dimension, filter, span = 6 }: GroupTableProps) {
  // Callers of one organization don't see instances, and have no other organizations.
  const isLimited = Boolean(caller.value?.organizationId);
  const shown = isLimited && dimension === 'organizationId' ? 'propertyId' : dimension;
  const isHidden = isLimited && dimension === 'instance';
  const compare = comparison.value ?? 'yesterday';
  const state = useApi(
    'endpoints',
    { ...rangeQuery.value, ...(filter as object), compare, groupBy: [shown], limit: 200 },
    { enabled: !isHidden },
  );
  if (isHidden) return null;
  return (
    <Card title={title} span={span}>
      <Loaded state={state} height={tableHeight(ROWS)}>
        {({ endpoints }) => (
          <Table
            label={title}
            sortParameter={`${dimension}Sort`}
            visibleRows={ROWS}
            rows={endpoints.toSorted((a, b) => (b.p95 ?? 0) - (a.p95 ?? 0))}
            rowKey={({ group }) => group[shown] ?? '(none)'}
            empty={
              <EmptyState title="No requests in this range">
                Choose a longer range, or remove a filter.
              </EmptyState>
            }
            columns={[
              {
                id: 'name',
                header: DIMENSION_LABELS[shown] ?? shown,
                isWide: true,
                sortBy: ({ group }) => group[shown],
                cell: ({ group }) => <GroupName dimension={shown} value={group[shown]} />,
              },
              {
                id: 'count',
                header: 'Requests',
                align: 'right',
                sortBy: ({ count }) => count,
                cell: ({ count }) => <Figure value={count} />,
              },
              {
                id: 'failed',
                header: 'Failed',
                align: 'right',
                sortBy: ({ errorRate }) => errorRate ?? 0,
                cell: ({ errorRate = 0 }) => (
                  <Figure value={errorRate} unit="%" isBad={errorRate >= 1} />
                ),
              },
              {
                id: 'p95',
                header: 'p95',
                align: 'right',
                sortBy: ({ p95 }) => p95,
                cell: ({ p95 }) => <Figure value={p95} unit="ms" />,
              },
              {
                id: 'change',
                header: 'Change',
                align: 'right',
                isOptional: true,
                cell: ({ p95, previous }) => (
                  <ChangeText change={formatChange(p95, previous?.p95)} higherIs="worse" />
                ),
              },
            ]}
          />
        )}
      </Loaded>
    </Card>
  );
}

function GroupName({ dimension, value }: { dimension: GroupDimension; value: string | undefined }) {
  if (value === undefined) return <span class="faint">(none)</span>;
  const href =
    dimension === 'organizationId' || dimension === 'propertyId'
      ? linkWith({ [dimension]: value })
      : dimension === 'instance'
        ? linkTo('/hosts', { instance: value })
        : undefined;
  return (
    <span class="cell">
      {href ? (
        <a class="name" href={href}>
          {value}
        </a>
      ) : (
        <span class="name">{value}</span>
      )}
    </span>
  );
}
