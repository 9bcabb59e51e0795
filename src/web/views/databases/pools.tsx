import type { Query } from '../../../client/api-types.ts';
import { useApi } from '../../api/queries.ts';
import { hostQuery } from '../../api/range-query.ts';
import { TrendChart } from '../../data/trend-chart.tsx';
import { Card } from '../../design/card.tsx';
import { Figure } from '../../design/figure.tsx';
import { EmptyState, Loaded } from '../../design/states.tsx';
import { Table, tableHeight } from '../../design/table.tsx';
import { linkTo } from '../../url/view-state.ts';
import { type PoolRow, toPoolRows } from './pool-rows.ts';

const ROWS = 3;
const CHART_SERIES = 6;
const MAX_SERIES = 100;
/** A longer wait for a connection is worth a look, in ms. */
const LONG_WAIT_MS = 50;

type Filter = Pick<Query<'trends'>, 'service'>;

/** Connections of pools, waiting callers, and failed connects. */
export function Pools({ filter }: { filter: Filter }) {
  const chart = { ...filter, groupBy: ['service', 'endpoint'] as never, limit: CHART_SERIES };
  const nameOf = ({ service, endpoint = '(no name)' }: { service?: string; endpoint?: string }) =>
    filter.service?.length === 1 ? endpoint : `${service} ${endpoint}`;
  return (
    <>
      <PoolTable filter={filter} />
      <TrendChart
        title="Connections in use"
        note="most per process"
        span={4}
        unit="1"
        query={{ ...chart, metricType: 'DATABASE_CONNECTIONS', operation: ['used'] }}
        aggregates={['max']}
        name={nameOf}
        hasTenants={false}
        empty="No pool reported connections in this range."
      />
      <TrendChart
        title="Waiting callers"
        note="most per process"
        span={4}
        unit="1"
        query={{ ...chart, metricType: 'CUSTOM', name: ['db.client.connection.pending_requests'] }}
        aggregates={['max']}
        name={nameOf}
        hasTenants={false}
        empty="No pool reported waiting callers in this range."
      />
      <TrendChart
        title="Wait for a connection"
        note="p95"
        span={4}
        unit="ms"
        query={{ ...chart, metricType: 'CUSTOM', name: ['db.client.connection.wait_time'] }}
        aggregates={['p95']}
        name={nameOf}
        hasTenants={false}
        empty="No pool reported waits in this range."
      />
    </>
  );
}

function PoolTable({ filter }: { filter: Filter }) {
  const query = { ...hostQuery.value, ...filter, limit: MAX_SERIES };
  const useMetric = (name: string, aggregate: string[], groupBy: string[]) =>
    useApi('trends', {
      ...query,
      metricType: name === 'db.client.connection.count' ? 'DATABASE_CONNECTIONS' : 'CUSTOM',
      name: [name],
      aggregate,
      groupBy,
    } as Query<'trends'>);
  const connections = useMetric(
    'db.client.connection.count',
    ['last', 'max'],
    ['service', 'endpoint', 'operation', 'instance'],
  );
  const limits = useMetric(
    'db.client.connection.max',
    ['last'],
    ['service', 'endpoint', 'instance'],
  );
  const waiting = useMetric(
    'db.client.connection.pending_requests',
    ['max'],
    ['service', 'endpoint'],
  );
  const waits = useMetric('db.client.connection.wait_time', ['p95'], ['service', 'endpoint']);
  const connects = useApi('database', {
    ...query,
    operation: ['CONNECT'],
    groupBy: ['service'],
  });
  const countFailed = (service: string | undefined) =>
    connects.data
      ? (connects.data.statements.find(({ group }) => group.service === service)?.errorCount ?? 0)
      : undefined;
  return (
    <Card title="Connection pools" note="all processes of a service">
      <Loaded state={connections} height={tableHeight(ROWS)}>
        {(data) => (
          <Table<PoolRow>
            label="Connection pools"
            sortParameter="poolSort"
            visibleRows={ROWS}
            rows={toPoolRows({
              connections: data,
              limits: limits.data,
              waiting: waiting.data,
              waits: waits.data,
            })}
            rowKey={({ service, pool }) => `${service} ${pool}`}
            empty={
              <EmptyState title="No pool reported connections">
                Pools of pg, postgres, mysql2, MongoDB, and Redis report them. Choose a longer
                range, or remove a filter.
              </EmptyState>
            }
            columns={[
              {
                id: 'pool',
                header: 'Pool',
                isWide: true,
                sortBy: ({ pool }) => pool,
                cell: ({ service, pool }) => (
                  <span class="cell">
                    <span class="mono name" title={pool}>
                      {pool}
                    </span>
                    {service && (
                      <a class="faint truncate" href={linkTo('/service', { service })}>
                        {service}
                      </a>
                    )}
                  </span>
                ),
              },
              {
                id: 'used',
                header: 'In use',
                align: 'right',
                sortBy: ({ used }) => used,
                cell: ({ used }) => <Figure value={used} />,
              },
              {
                id: 'peak',
                header: 'Most in use',
                align: 'right',
                isOptional: true,
                sortBy: ({ peakUsed }) => peakUsed,
                cell: ({ peakUsed }) => <Figure value={peakUsed} />,
              },
              {
                id: 'idle',
                header: 'Idle',
                align: 'right',
                sortBy: ({ idle }) => idle,
                cell: ({ idle }) => <Figure value={idle} />,
              },
              {
                id: 'limit',
                header: 'Limit',
                align: 'right',
                isOptional: true,
                sortBy: ({ max }) => max,
                cell: ({ max }) => <Figure value={max} />,
              },
              {
                id: 'waiting',
                header: 'Most waiting',
                align: 'right',
                sortBy: ({ peakWaiting }) => peakWaiting,
                cell: ({ peakWaiting }) => (
                  <Figure value={peakWaiting} isBad={(peakWaiting ?? 0) > 0} />
                ),
              },
              {
                id: 'wait',
                header: 'Highest p95 wait',
                align: 'right',
                sortBy: ({ waitP95 }) => waitP95,
                cell: ({ waitP95 }) => (
                  <Figure value={waitP95} unit="ms" isBad={(waitP95 ?? 0) > LONG_WAIT_MS} />
                ),
              },
              {
                id: 'connects',
                header: 'Failed connects',
                align: 'right',
                isOptional: true,
                sortBy: ({ service }) => countFailed(service),
                cell: ({ service }) => (
                  <Figure
                    value={countFailed(service)}
                    isBad={(countFailed(service) ?? 0) > 0}
                    href={linkTo('/statement', {
                      service,
                      operation: 'CONNECT',
                      statement: 'CONNECT',
                    })}
                  />
                ),
              },
            ]}
          />
        )}
      </Loaded>
    </Card>
  );
}
