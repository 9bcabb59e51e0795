import { type ApiOptions, useApi } from '../../api/queries.ts';
import { rangeQuery } from '../../api/range-query.ts';
import { chooseStep } from '../../data/chart-step.ts';
import { Card } from '../../design/card.tsx';
import { Figure } from '../../design/figure.tsx';
import { EmptyState, Loaded } from '../../design/states.tsx';
import { Table, tableHeight } from '../../design/table.tsx';
import { formatText } from '../../format/quantities.ts';
import { linkTo } from '../../url/view-state.ts';

const ROWS = 6;
const SPARKLINE_POINTS = 60;

/** Returns all queues with their course. Several parts of the view share one request. */
export function useQueues(options?: ApiOptions) {
  const query = { ...rangeQuery.value, step: chooseStep(SPARKLINE_POINTS) };
  return useApi('queues', query, options);
}

/** Queues: those that take longest to become empty are first. */
export function QueuesCard() {
  const state = useQueues();
  return (
    <Card title="Queues" note={<a href={linkTo('/queues')}>all queues</a>} span={6}>
      <Loaded state={state} height={tableHeight(ROWS)}>
        {({ queues }) => (
          <Table
            label="Queues"
            sortParameter="queueSort"
            visibleRows={ROWS}
            rowKey={({ queue, scope }) => `${queue} ${scope}`}
            rows={queues.toSorted((a, b) => growth(b) - growth(a))}
            empty={
              <EmptyState title="No queues in this range">
                Queues of measured libraries, such as BullMQ, and of consumers that send OTLP,
                appear by themselves.
              </EmptyState>
            }
            columns={[
              {
                id: 'queue',
                header: 'Queue',
                isWide: true,
                sortBy: ({ queue }) => queue,
                cell: ({ queue, scope }) => (
                  <span class="cell">
                    <a class="name" href={linkTo('/queue', { queue, scope })} title={queue}>
                      {queue}
                    </a>
                    {queues.filter((other) => other.queue === queue).length > 1 && (
                      <span class="faint truncate">{scope}</span>
                    )}
                  </span>
                ),
              },
              {
                id: 'depth',
                header: 'Waiting',
                sortBy: ({ depth }) => depth,
                align: 'right',
                cell: ({ queue, scope, depth }) => (
                  <Figure value={depth} href={linkTo('/queue', { queue, scope })} />
                ),
              },
              {
                id: 'oldest',
                header: 'Oldest job',
                sortBy: ({ oldestAge }) => oldestAge,
                align: 'right',
                cell: ({ depth, oldestAge }) => (
                  <Figure value={depth === 0 ? undefined : oldestAge} unit="ms" />
                ),
              },
              {
                id: 'growth',
                header: 'In / out',
                align: 'right',
                isOptional: true,
                sortBy: growth,
                cell: (row) => (
                  <span
                    class={
                      growth(row) > 0.05 * row.completionRate && (row.depth ?? 0) > 0 ? 'worse' : ''
                    }
                  >
                    {formatText(row.arrivalRate, '/s')} / {formatText(row.completionRate, '/s')}
                  </span>
                ),
              },
              {
                id: 'failed',
                header: 'Failed',
                align: 'right',
                sortBy: ({ failureRate }) => failureRate,
                cell: ({ failureRate }) => (
                  <Figure value={failureRate} unit="%" isBad={(failureRate ?? 0) >= 5} />
                ),
              },
            ]}
          />
        )}
      </Loaded>
    </Card>
  );
}

/** Jobs per second by which a queue grows. */
function growth({
  arrivalRate,
  completionRate,
}: {
  arrivalRate: number;
  completionRate: number;
}): number {
  return arrivalRate - completionRate;
}
