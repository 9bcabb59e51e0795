import { useApi } from '../../api/queries.ts';
import { rangeQuery } from '../../api/range-query.ts';
import { type EndpointRow, endpointColumns } from '../../data/endpoint-columns.tsx';
import { formatEndpoint } from '../../data/names.ts';
import { Card } from '../../design/card.tsx';
import { EmptyState, Loaded } from '../../design/states.tsx';
import { type Column, Table, tableHeight } from '../../design/table.tsx';
import { comparison, linkTo } from '../../url/view-state.ts';

const ROWS = 10;
const LIMIT = 200;

/** The slowest endpoints of a tenant. */
export function TenantEndpoints({ tenant }: { tenant: string }) {
  const compare = comparison.value ?? 'previous';
  const state = useApi('endpoints', {
    ...rangeQuery.value,
    organizationId: [tenant],
    compare,
    groupBy: ['service', 'operation', 'endpoint'],
    limit: LIMIT,
  });
  const columns = endpointColumns(compare, true).map((column) =>
    column.id === 'endpoint' ? { ...column, cell: nameCell(tenant) } : column,
  );
  return (
    <Card title="Endpoints" note="slowest p95 first">
      <Loaded state={state} height={tableHeight(ROWS)}>
        {({ endpoints }) => (
          <Table
            label="Endpoints of the tenant"
            sortParameter="endpointSort"
            visibleRows={ROWS}
            columns={columns}
            rows={endpoints.toSorted((a, b) => (b.p95 ?? 0) - (a.p95 ?? 0))}
            rowKey={({ group }) => `${group.service} ${group.operation} ${group.endpoint}`}
            empty={
              <EmptyState title="No requests of this tenant in this range">
                Choose a longer range, or remove a filter.
              </EmptyState>
            }
          />
        )}
      </Loaded>
    </Card>
  );
}

/** Links to the endpoint with the tenant as filter, so that its figures are the same. */
function nameCell(tenant: string): Column<EndpointRow>['cell'] {
  return ({ group }) => {
    const { service, operation, endpoint = '(no route)' } = group;
    return (
      <span class="cell">
        <a
          class="mono name"
          href={linkTo('/endpoint', { service, operation, endpoint, organizationId: tenant })}
          title={formatEndpoint(group)}
        >
          {formatEndpoint(group)}
        </a>
        {service && <span class="faint truncate">{service}</span>}
      </span>
    );
  };
}
