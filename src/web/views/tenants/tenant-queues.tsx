import { useApi } from '../../api/queries.ts';
import { rangeQuery } from '../../api/range-query.ts';
import { queueKey } from '../../data/queue-data.ts';
import { Card } from '../../design/card.tsx';
import { Figure } from '../../design/figure.tsx';
import { EmptyState, Loaded } from '../../design/states.tsx';
import { Table, tableHeight } from '../../design/table.tsx';
import { linkTo } from '../../url/view-state.ts';

const ROWS = 7;

/** The share of each queue that a tenant uses. */
export function TenantQueues({ tenant, span }: { tenant: string; span: 6 | 12 }) {
  // Without the filter, because shares are parts of the jobs of all tenants.
  const { organizationId: _tenant, propertyId: _property, ...query } = rangeQuery.value;
  const state = useApi('queues', query);
  return (
    <Card title="Queues" note="share of each queue" span={span}>
      <Loaded state={state} height={tableHeight(ROWS)}>
        {({ tenants }) => (
          <Table
            label="Queues of the tenant"
            sortParameter="queueSort"
            visibleRows={ROWS}
            rows={tenants
              .filter(({ organizationId }) => organizationId === tenant)
              .toSorted((a, b) => (b.processingShare ?? 0) - (a.processingShare ?? 0))}
            rowKey={(row) => `${queueKey(row)} ${row.propertyId}`}
            empty={
              <EmptyState title="No job of this tenant ended in this range">
                The shares are computed from ended jobs. Choose a longer range.
              </EmptyState>
            }
            columns={[
              {
                id: 'queue',
                header: 'Queue',
                isWide: true,
                sortBy: ({ queue }) => queue,
                cell: ({ queue, scope, propertyId }) => (
                  <span class="cell" title={scope}>
                    <a class="name" href={linkTo('/queue', { queue, scope })}>
                      {queue}
                    </a>
                    {propertyId && <span class="faint truncate name">{propertyId}</span>}
                  </span>
                ),
              },
              {
                id: 'ended',
                header: 'Ended',
                align: 'right',
                sortBy: ({ ended }) => ended,
                cell: ({ ended }) => <Figure value={ended} />,
              },
              {
                id: 'worker',
                header: 'Worker time',
                align: 'right',
                sortBy: ({ processingShare }) => processingShare,
                cell: ({ processingShare }) => <Figure value={processingShare} unit="%" />,
              },
              {
                id: 'waiting',
                header: 'Waiting',
                align: 'right',
                sortBy: ({ waitingShare }) => waitingShare,
                cell: ({ waitingShare }) => <Figure value={waitingShare} unit="%" />,
              },
            ]}
          />
        )}
      </Loaded>
    </Card>
  );
}
