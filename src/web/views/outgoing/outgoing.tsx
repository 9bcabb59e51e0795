import { rangeQuery } from '../../api/range-query.ts';
import { isAllowed } from '../../api/session.ts';
import { useAllPages } from '../../data/all-pages.ts';
import { FilterMenu } from '../../data/filter-menu.tsx';
import { TrendChart } from '../../data/trend-chart.tsx';
import { type WorkRow, workColumns } from '../../data/work-columns.tsx';
import { Card } from '../../design/card.tsx';
import { SearchableTable } from '../../design/searchable-table.tsx';
import { EmptyState, Loaded } from '../../design/states.tsx';
import { tableHeight } from '../../design/table.tsx';
import { formatCount } from '../../format/quantities.ts';
import { comparison, getParameter, getParameters, linkTo } from '../../url/view-state.ts';
import { ErrorKinds, type ErrorRates } from './error-kinds.tsx';
import { OutgoingHost } from './outgoing-host.tsx';

interface HostRow extends WorkRow {
  readonly group: { readonly endpoint?: string };
  readonly errorRates: ErrorRates;
}

const ROWS = 12;
const SEARCH_HEIGHT = 39;
const CHART_SERIES = 6;

/** Which hosts are slow or failing? With a host: since when, how, and which services call it? */
export default function Outgoing() {
  const host = getParameter('host');
  return host === undefined ? <OutgoingHosts /> : <OutgoingHost host={host} />;
}

function OutgoingHosts() {
  const services = getParameters('service');
  const filter = services.length > 0 ? { service: services } : {};
  const compare = comparison.value ?? 'yesterday';
  const hosts = useAllPages('outgoing', {
    ...rangeQuery.value,
    ...filter,
    compare,
    groupBy: ['endpoint'],
  });
  const chart = {
    metricType: 'OUTGOING_REQUEST_TIME' as const,
    ...filter,
    groupBy: ['endpoint'] as ['endpoint'],
    limit: CHART_SERIES,
  };
  const nameOf = ({ endpoint }: { endpoint?: string }) => endpoint ?? '(no host)';
  const toHref = ({ group }: HostRow) =>
    linkTo('/outgoing', { host: group.endpoint ?? '(no host)', service: services });
  return (
    <>
      <div class="buttons">
        <FilterMenu dimension="service" label="Service" />
      </div>
      <TrendChart
        title="Calls"
        note="by host"
        span={4}
        unit="/s"
        query={chart}
        aggregates={['rate']}
        name={nameOf}
        empty="No service called another host. Choose a longer range, or remove a filter."
      />
      <TrendChart
        title="Failed calls"
        note="by host"
        span={4}
        unit="%"
        query={chart}
        aggregates={['errorRate']}
        name={nameOf}
      />
      <TrendChart
        title="Duration"
        note="p95 by host"
        span={4}
        unit="ms"
        query={chart}
        aggregates={['p95']}
        name={nameOf}
      />
      <Card
        title="Hosts"
        note={hosts.data && `${formatCount(hosts.data.length, 'host')}, by failed calls`}
      >
        <Loaded state={hosts} height={tableHeight(ROWS) + SEARCH_HEIGHT}>
          {(rows) => (
            <SearchableTable<HostRow>
              label="Hosts"
              rows={rows.toSorted(
                (a, b) =>
                  (b.errorCount ?? 0) - (a.errorCount ?? 0) ||
                  b.count * (b.average ?? 0) - a.count * (a.average ?? 0),
              )}
              visibleRows={ROWS}
              searchText={({ group, errorRates }) =>
                `${group.endpoint} ${Object.keys(errorRates).join(' ')}`
              }
              rowKey={({ group }) => group.endpoint ?? ''}
              empty={<NoCalls />}
              columns={[
                {
                  id: 'host',
                  header: 'Host',
                  isWide: true,
                  sortBy: ({ group }) => group.endpoint,
                  cell: (row) => (
                    <span class="cell">
                      <a class="mono name" href={toHref(row)} title={row.group.endpoint}>
                        {row.group.endpoint ?? '(no host)'}
                      </a>
                    </span>
                  ),
                },
                ...workColumns<HostRow>({ compare, href: toHref }),
                {
                  id: 'kinds',
                  header: 'Kinds of errors',
                  align: 'left',
                  isOptional: true,
                  isWide: true,
                  cell: ({ errorRates }) => <ErrorKinds rates={errorRates} />,
                },
              ]}
            />
          )}
        </Loaded>
      </Card>
    </>
  );
}

function NoCalls() {
  return (
    <EmptyState title="No service called another host in this range">
      Calls of fetch, undici, and node:http appear by themselves.
      {isAllowed('readHosts') && (
        <>
          {' '}
          To see which libraries are measured, open <a href={linkTo('/hosts')}>Hosts and runtime</a>
          .
        </>
      )}
    </EmptyState>
  );
}
