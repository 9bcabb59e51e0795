import type { ApiResponse, Query } from '../../../client/api-types.ts';
import { useApi } from '../../api/queries.ts';
import { rangeQuery } from '../../api/range-query.ts';
import { endpointLink } from '../../data/endpoint-columns.tsx';
import { formatEndpoint } from '../../data/names.ts';
import { readSample } from '../../data/sample.ts';
import { Card } from '../../design/card.tsx';
import { Figure } from '../../design/figure.tsx';
import { EmptyState, Loaded } from '../../design/states.tsx';
import { Table, tableHeight } from '../../design/table.tsx';

type Group = ApiResponse<'endpoints'>['endpoints'][number]['group'];

/** An endpoint with sampled requests that run a statement. */
interface EndpointUse {
  readonly group: Group;
  readonly requests: number;
  readonly executions: number;
  /** Time of the statement in these requests, in ms. */
  readonly time: number;
  readonly duration: number;
}

const ROWS = 5;
const SAMPLES = 1000;

/** The endpoints whose slow or failed requests run a statement. Only sampled requests know their statements. */
export function StatementEndpoints({
  service,
  statement,
}: {
  service: string | undefined;
  statement: string;
}) {
  const state = useApi('metrics', {
    ...rangeQuery.value,
    ...(service && { service: [service] }),
    name: ['http.server.request.sample'],
    limit: SAMPLES,
  } as Query<'metrics'>);
  const link = ({ group }: EndpointUse) => endpointLink(group);
  return (
    <Card title="Endpoints that run it" note="from the slow and failed requests that were kept">
      <Loaded state={state} height={tableHeight(ROWS)}>
        {({ metrics }) => (
          <Table<EndpointUse>
            label="Endpoints that run the statement"
            sortParameter="endpointSort"
            visibleRows={ROWS}
            rows={findUses(metrics, statement)}
            rowKey={({ group }) => `${group.service} ${formatEndpoint(group)}`}
            empty={
              <EmptyState title="No kept request ran this statement">
                Perfscope keeps the statements of slow and failed requests only. Other requests,
                jobs, and services that send OTLP can still run it.
              </EmptyState>
            }
            columns={[
              {
                id: 'endpoint',
                header: 'Endpoint',
                isWide: true,
                sortBy: ({ group }) => formatEndpoint(group),
                cell: (row) => (
                  <span class="cell">
                    <a class="mono name" href={link(row)} title={formatEndpoint(row.group)}>
                      {formatEndpoint(row.group)}
                    </a>
                    {!service && <span class="faint truncate">{row.group.service}</span>}
                  </span>
                ),
              },
              {
                id: 'requests',
                header: 'Kept requests',
                align: 'right',
                sortBy: ({ requests }) => requests,
                cell: (row) => <Figure value={row.requests} href={link(row)} />,
              },
              {
                id: 'executions',
                header: 'Executions per request',
                align: 'right',
                sortBy: ({ executions, requests }) => executions / requests,
                cell: ({ executions, requests }) => <Figure value={executions / requests} />,
              },
              {
                id: 'time',
                header: 'Time per request',
                align: 'right',
                sortBy: ({ time, requests }) => time / requests,
                cell: ({ time, requests }) => <Figure value={time / requests} unit="ms" />,
              },
              {
                id: 'share',
                header: 'Share of the request',
                align: 'right',
                isOptional: true,
                sortBy: ({ time, duration }) => time / duration,
                cell: ({ time, duration }) => (
                  <Figure value={duration > 0 ? (100 * time) / duration : undefined} unit="%" />
                ),
              },
            ]}
          />
        )}
      </Loaded>
    </Card>
  );
}

function findUses(metrics: ApiResponse<'metrics'>['metrics'], statement: string): EndpointUse[] {
  const uses = new Map<string, EndpointUse>();
  for (const row of metrics) {
    const { parts, durationMs } = readSample(row);
    const runs = parts.filter(({ kind, name }) => kind === 'database' && name === statement);
    if (runs.length === 0) continue;
    const { service, operation, endpoint } = row;
    const key = JSON.stringify([service, operation, endpoint]);
    const known = uses.get(key);
    uses.set(key, {
      group: { service: service!, operation: operation!, endpoint: endpoint! },
      requests: (known?.requests ?? 0) + 1,
      executions: (known?.executions ?? 0) + runs.length,
      time: (known?.time ?? 0) + runs.reduce((sum, { duration }) => sum + duration, 0),
      duration: (known?.duration ?? 0) + durationMs,
    });
  }
  return [...uses.values()].sort((a, b) => b.time - a.time);
}
