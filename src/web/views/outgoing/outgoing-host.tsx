import { useApi } from '../../api/queries.ts';
import { rangeQuery } from '../../api/range-query.ts';
import { DistributionChart } from '../../data/distribution-chart.tsx';
import { FilterMenu } from '../../data/filter-menu.tsx';
import { TrendChart } from '../../data/trend-chart.tsx';
import { WorkGroupTable } from '../../data/work-group-table.tsx';
import { WorkStats } from '../../data/work-stats.tsx';
import { Card } from '../../design/card.tsx';
import { Figure } from '../../design/figure.tsx';
import { EmptyState, Loaded } from '../../design/states.tsx';
import { Table, tableHeight } from '../../design/table.tsx';
import { useHeading } from '../../shell/use-heading.ts';
import { comparison, getParameters, linkTo, linkWith } from '../../url/view-state.ts';
import { describeKind, listKinds, nameKind } from './error-kinds.tsx';

const KIND_ROWS = 5;

/** Calls to one host: rate, failures by kind, durations, and the services that call it. */
export function OutgoingHost({ host }: { host: string }) {
  useHeading({
    title: host,
    isCode: true,
    crumbs: [{ label: 'Outgoing calls', href: linkTo('/outgoing') }],
  });
  const services = getParameters('service');
  const compare = comparison.value ?? 'yesterday';
  const filter = { endpoint: [host], ...(services.length > 0 && { service: services }) };
  const query = { metricType: 'OUTGOING_REQUEST_TIME' as const, ...filter };
  const state = useApi('outgoing', {
    ...rangeQuery.value,
    ...filter,
    compare,
    groupBy: ['endpoint'],
    limit: 1,
  });
  const figures = state.data?.hosts[0];
  return (
    <>
      <div class="buttons">
        <FilterMenu dimension="service" label="Service" />
      </div>
      <WorkStats
        label="Calls"
        figures={figures}
        failedHref={linkTo('/rules', { rule: 'outgoing-errors' })}
      />
      <TrendChart
        title="Calls"
        span={4}
        unit="/s"
        query={query}
        aggregates={['rate']}
        kind="area"
        name={() => 'calls'}
      />
      <TrendChart
        title="Duration"
        note="p50, p95, p99"
        span={4}
        unit="ms"
        query={query}
        aggregates={['p50', 'p95', 'p99']}
      />
      <DistributionChart title="Duration distribution" query={query} noun="calls" />
      <TrendChart
        title="Failed calls"
        span={6}
        unit="%"
        query={query}
        aggregates={['errorRate']}
        kind="area"
        name={() => 'failed'}
      />
      <Card
        title="Errors by kind"
        note={<a href={linkTo('/rules', { rule: 'outgoing-errors' })}>rule for failed calls</a>}
        span={6}
      >
        <Loaded state={state} height={tableHeight(KIND_ROWS)}>
          {() => (
            <Table
              label="Errors by kind"
              sortParameter="kindSort"
              visibleRows={KIND_ROWS}
              rows={listKinds(figures?.errorRates ?? {})}
              rowKey={([kind]) => kind}
              empty={
                <EmptyState title="No call failed in this range">
                  Calls with a 4xx status aren't failures, because the host works.
                </EmptyState>
              }
              columns={[
                {
                  id: 'kind',
                  header: 'Kind',
                  sortBy: ([kind]) => kind,
                  cell: ([kind]) => <span class="name">{nameKind(kind)}</span>,
                },
                {
                  id: 'meaning',
                  header: 'Meaning',
                  isWide: true,
                  isOptional: true,
                  cell: ([kind]) => (
                    <span class="cell">
                      <span class="muted truncate" title={describeKind(kind)}>
                        {describeKind(kind)}
                      </span>
                    </span>
                  ),
                },
                {
                  id: 'rate',
                  header: 'Share of calls',
                  align: 'right',
                  sortBy: ([, rate]) => rate,
                  cell: ([, rate]) => <Figure value={rate} unit="%" isBad={rate >= 1} />,
                },
              ]}
            />
          )}
        </Loaded>
      </Card>
      <WorkGroupTable
        title="Services that call it"
        source="outgoing"
        dimension="service"
        filter={filter}
        href={(value) => linkWith({ service: value })}
      />
      <WorkGroupTable
        title="By operation"
        source="outgoing"
        dimension="operation"
        filter={filter}
        href={() => undefined}
      />
      <WorkGroupTable
        title="By tenant"
        source="outgoing"
        dimension="organizationId"
        filter={filter}
        href={(value) => linkWith({ organizationId: value })}
      />
      <WorkGroupTable
        title="By version"
        source="outgoing"
        dimension="version"
        filter={filter}
        href={() => undefined}
      />
    </>
  );
}
