import { useApi } from '../../api/queries.ts';
import { isAllowed } from '../../api/session.ts';
import type { Recommendation } from '../../data/queue-data.ts';
import { Card } from '../../design/card.tsx';
import { EmptyState, Loaded } from '../../design/states.tsx';
import { Table, tableHeight } from '../../design/table.tsx';
import { formatText } from '../../format/quantities.ts';
import { linkTo } from '../../url/view-state.ts';

const ROWS = 5;

/** Numbers of workers and replicas that the load needs. Callers of one organization don't see machines. */
export function ScalingCard() {
  const isHidden = !isAllowed('readHosts');
  const state = useApi('scaling', {}, { enabled: !isHidden });
  if (isHidden) return null;
  return (
    <Card title="Scaling recommendations" note="jobs should wait at most 1 min" span={7}>
      <Loaded state={state} height={tableHeight(ROWS)}>
        {({ recommendations }) => (
          <Table
            label="Scaling recommendations"
            sortParameter="scalingSort"
            visibleRows={ROWS}
            rows={recommendations.toSorted((a, b) => missing(b) - missing(a))}
            rowKey={({ kind, name, scope }) => `${kind} ${name} ${scope}`}
            empty={
              <EmptyState title="No recommendations yet">
                They need queues with workers, or services with requests, in the last minutes.
              </EmptyState>
            }
            columns={[
              {
                id: 'name',
                header: 'Queue or service',
                isWide: true,
                sortBy: ({ name }) => name,
                cell: (item) => (
                  <span class="cell">
                    <a class="name" href={toLink(item)} title={item.scope ?? item.name}>
                      {item.name}
                    </a>
                    <span class="faint truncate">
                      {isRepeated(item, recommendations) ? item.scope : item.kind}
                    </span>
                  </span>
                ),
              },
              {
                id: 'current',
                header: 'Running',
                align: 'right',
                sortBy: ({ current }) => current,
                cell: ({ current }) => formatText(current),
              },
              {
                id: 'desired',
                header: 'Recommended',
                align: 'right',
                sortBy: ({ desired }) => desired,
                cell: (item) => (
                  <span>
                    {formatText(item.desired)}
                    {missing(item) > 0 && <span class="worse"> (+{missing(item)})</span>}
                    {missing(item) < 0 && <span class="muted"> (−{-missing(item)})</span>}
                  </span>
                ),
              },
              {
                id: 'reason',
                header: 'Reason',
                isWide: true,
                isOptional: true,
                cell: ({ reason }) => (
                  <span class="truncate muted" style={{ display: 'block' }} title={reason}>
                    {reason}
                  </span>
                ),
              },
            ]}
          />
        )}
      </Loaded>
    </Card>
  );
}

/** Whether several scopes have a queue with this name. */
function isRepeated(
  { kind, name, scope }: Recommendation,
  all: readonly Recommendation[],
): boolean {
  return (
    scope !== undefined && all.filter((item) => item.kind === kind && item.name === name).length > 1
  );
}

function missing({ desired, current }: Recommendation): number {
  return current === undefined ? 0 : desired - current;
}

function toLink({ kind, name, scope }: Recommendation): string {
  return kind === 'queue'
    ? linkTo('/queue', { queue: name, scope })
    : linkTo('/service', { service: name });
}
