import { useApi } from '../../api/queries.ts';
import { rangeQuery } from '../../api/range-query.ts';
import { caller } from '../../api/session.ts';
import { TrendChart } from '../../data/trend-chart.tsx';
import { Card } from '../../design/card.tsx';
import { Stat } from '../../design/figure.tsx';
import { SearchableTable } from '../../design/searchable-table.tsx';
import { EmptyState, Loaded } from '../../design/states.tsx';
import { tableHeight } from '../../design/table.tsx';
import { formatComparison } from '../../url/time-range.ts';
import { comparison, getParameter, linkTo } from '../../url/view-state.ts';
import { TenantDetails } from './tenant-details.tsx';
import { isAffected, type TenantRow, tenantColumns, toTenantRows } from './tenant-rows.tsx';

const ROWS = 12;
const MAX_TENANTS = 1000;
const MAX_SERIES = 6;

/** Who uses the services, who is affected by problems, and who fills the queues? */
export default function Tenants() {
  // Callers of one organization see its properties.
  const own = caller.value?.organizationId;
  const tenant = getParameter('tenant') ?? own;
  return tenant === undefined ? (
    <TenantList />
  ) : (
    <TenantDetails tenant={tenant} isOwn={tenant === own} />
  );
}

function TenantList() {
  const compare = comparison.value ?? 'previous';
  const note = formatComparison(compare);
  const query = { ...rangeQuery.value, limit: MAX_TENANTS };
  const state = useApi('endpoints', { ...query, compare, groupBy: ['organizationId'] });
  const properties = useApi('endpoints', { ...query, groupBy: ['organizationId', 'propertyId'] });
  const queues = useApi('queues', rangeQuery.value);
  const rows =
    state.data &&
    toTenantRows(
      state.data.endpoints,
      properties.data?.endpoints ?? [],
      queues.data?.tenants ?? [],
    );
  return (
    <>
      <TenantStats rows={rows} />
      <TrendChart
        title="Requests of the busiest tenants"
        span={6}
        unit="/s"
        query={{ groupBy: ['organizationId'], limit: MAX_SERIES }}
        aggregates={['rate']}
        name={({ organizationId = '(none)' }) => organizationId}
      />
      <TrendChart
        title="Response time of the busiest tenants"
        note="p95"
        span={6}
        unit="ms"
        query={{ groupBy: ['organizationId'], limit: MAX_SERIES }}
        aggregates={['p95']}
        name={({ organizationId = '(none)' }) => organizationId}
      />
      <Card
        title="Tenants"
        note={
          state.data?.nextCursor === undefined
            ? 'the most failed requests first'
            : `the ${MAX_TENANTS} tenants with the most requests`
        }
      >
        <Loaded state={state} height={tableHeight(ROWS) + 39}>
          {() => (
            <SearchableTable
              label="Tenants"
              columns={tenantColumns(note)}
              rows={rows ?? []}
              rowKey={({ tenant }) => tenant ?? ''}
              searchText={({ tenant, properties: names }) =>
                `${tenant ?? '(none)'} ${names.join(' ')}`
              }
              empty={<NoTenants />}
            />
          )}
        </Loaded>
      </Card>
    </>
  );
}

function NoTenants() {
  return (
    <EmptyState title="No requests in this range">
      Choose a longer range, or remove a filter. To see tenants, services must set the organization
      of each request. <a href={linkTo('/setup')}>Set up a service</a>.
    </EmptyState>
  );
}

function TenantStats({ rows }: { rows: readonly TenantRow[] | undefined }) {
  const known = rows?.filter(({ tenant }) => tenant !== undefined);
  const affected = known?.filter(isAffected);
  const busiest = known?.toSorted((a, b) => b.share - a.share)[0];
  const inQueues = known?.toSorted((a, b) => (b.workerShare ?? 0) - (a.workerShare ?? 0))[0];
  return (
    <div class="stats">
      <Stat label="Tenants" value={known?.length} changeNote="with requests or jobs" />
      <Stat
        label="Affected tenants"
        value={affected?.length}
        isBad={(affected?.length ?? 0) > 0}
        href={linkTo('/tenants', { sort: '-failed' })}
        changeNote="at least 1 % failed, or p95 up by half"
      />
      <Stat
        label="Largest share of requests"
        value={busiest?.share}
        unit="%"
        href={busiest && linkTo('/tenants', { tenant: busiest.tenant })}
        changeNote={busiest?.tenant}
      />
      <Stat
        label="Largest share of workers"
        value={inQueues?.workerShare}
        unit="%"
        href={inQueues && linkTo('/tenants', { tenant: inQueues.tenant })}
        changeNote={inQueues?.workerShare ? inQueues.tenant : 'no job ended'}
      />
    </div>
  );
}
