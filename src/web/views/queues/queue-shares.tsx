import type { ApiResponse } from '../../../client/api-types.ts';
import type { ApiState } from '../../api/queries.ts';
import { Card } from '../../design/card.tsx';
import { Figure } from '../../design/figure.tsx';
import { EmptyState, Loaded } from '../../design/states.tsx';
import { Table, tableHeight } from '../../design/table.tsx';
import { formatText } from '../../format/quantities.ts';
import { linkTo, linkWith } from '../../url/view-state.ts';

type QueuesState = ApiState<ApiResponse<'queues'>>;

const ROWS = 6;
/** States in the order in which a job passes through them, with their colors. */
const STATES: readonly (readonly [state: string, color: string])[] = [
  ['delayed', '--series-4'],
  ['prioritized', '--series-8'],
  ['waiting', '--series-1'],
  ['waiting-children', '--series-7'],
  ['paused', '--series-6'],
  ['active', '--series-3'],
  ['failed', '--critical'],
];
/** States that the list of jobs can filter by. */
const FILTERABLE = ['delayed', 'prioritized', 'waiting', 'waiting-children', 'active', 'failed'];

/** Jobs in the queue by their state. */
export function DepthByState({ state }: { state: QueuesState }) {
  return (
    <Card title="Jobs by state" note="latest values" span={4}>
      <Loaded state={state} height={tableHeight(ROWS)}>
        {({ queues: [row] }) => {
          const counts = Object.entries(row?.depthByState ?? {});
          const order = STATES.map(([name]) => name);
          counts.sort(([a], [b]) => order.indexOf(a) - order.indexOf(b));
          if (counts.length === 0) {
            return (
              <EmptyState title="No states are reported">
                No process reported the states of this queue's jobs in this range.
              </EmptyState>
            );
          }
          const most = Math.max(1, ...counts.map(([, count]) => count));
          return (
            <div class="rows">
              {counts.map(([name, count]) => (
                <StateRow key={name} name={name} count={count} share={count / most} />
              ))}
            </div>
          );
        }}
      </Loaded>
    </Card>
  );
}

function StateRow({ name, count, share }: { name: string; count: number; share: number }) {
  const color = STATES.find(([state]) => state === name)?.[1] ?? '--series-6';
  return (
    <div
      style={{
        display: 'grid',
        gridTemplateColumns: '112px minmax(0,1fr) 60px',
        alignItems: 'center',
      }}
    >
      {FILTERABLE.includes(name) ? (
        <a href={linkWith({ status: name })}>{name}</a>
      ) : (
        <span>{name}</span>
      )}
      <span aria-hidden="true">
        <span
          style={{
            display: 'block',
            height: '8px',
            width: `${100 * share}%`,
            borderRadius: '2px',
            background: `var(${color})`,
          }}
        />
      </span>
      <span style={{ textAlign: 'right' }} class={count === 0 ? 'faint' : ''}>
        {formatText(count)}
      </span>
    </div>
  );
}

/** Which tenants use the workers, and whose jobs wait. */
export function TenantShares({ state }: { state: QueuesState }) {
  return (
    <Card title="By tenant" note="jobs that ended in this range" span={8}>
      <Loaded state={state} height={tableHeight(ROWS)}>
        {({ tenants }) => (
          <Table
            label="Tenants of the queue"
            sortParameter="tenantSort"
            visibleRows={ROWS}
            rows={tenants.toSorted((a, b) => (b.waitingShare ?? 0) - (a.waitingShare ?? 0))}
            rowKey={({ organizationId, propertyId }) => `${organizationId} ${propertyId}`}
            empty={
              <EmptyState title="No job ended in this range">
                The shares are computed from ended jobs. Choose a longer range.
              </EmptyState>
            }
            columns={[
              {
                id: 'tenant',
                header: 'Tenant',
                isWide: true,
                sortBy: ({ organizationId, propertyId }) =>
                  `${organizationId ?? ''} ${propertyId ?? ''}`,
                cell: ({ organizationId, propertyId }) => (
                  <span class="cell">
                    {organizationId ? (
                      <a class="name" href={linkTo('/tenants', { tenant: organizationId })}>
                        {organizationId}
                      </a>
                    ) : (
                      <span class="faint">(no tenant)</span>
                    )}
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
                id: 'processing',
                header: 'Worker time',
                align: 'right',
                isOptional: true,
                sortBy: ({ processing }) => processing,
                cell: ({ processing }) => <Figure value={processing} unit="ms" />,
              },
              {
                id: 'processingShare',
                header: 'Share of worker time',
                align: 'right',
                sortBy: ({ processingShare }) => processingShare,
                cell: ({ processingShare }) => <Figure value={processingShare} unit="%" />,
              },
              {
                id: 'waitingShare',
                header: 'Share of waiting',
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
