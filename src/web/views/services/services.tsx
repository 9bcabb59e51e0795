import { useApi } from '../../api/queries.ts';
import { rangeQuery } from '../../api/range-query.ts';
import { useAllPages } from '../../data/all-pages.ts';
import { endpointColumns } from '../../data/endpoint-columns.tsx';
import { formatEndpoint } from '../../data/names.ts';
import { Card } from '../../design/card.tsx';
import { SearchableTable } from '../../design/searchable-table.tsx';
import { Loaded } from '../../design/states.tsx';
import { Table, tableHeight } from '../../design/table.tsx';
import { formatCount } from '../../format/quantities.ts';
import { comparison } from '../../url/view-state.ts';
import { NoServices, type ServiceRow, serviceColumns, toServiceRows } from './service-columns.tsx';

const ROWS = 8;

/** Which services and endpoints are slow, failing, or busy? */
export default function Services() {
  const compare = comparison.value ?? 'yesterday';
  const services = useApi('endpoints', {
    ...rangeQuery.value,
    compare,
    groupBy: ['service'],
    limit: 500,
  });
  const trends = useApi('trends', {
    ...rangeQuery.value,
    groupBy: ['service'],
    aggregate: ['rate'],
    limit: 100,
  });
  const alerts = useApi('alerts', { state: ['firing'] });
  const health = useApi('health', {});
  const objectives = useApi('objectives', {});
  const endpoints = useAllPages('endpoints', {
    ...rangeQuery.value,
    compare,
    groupBy: ['service', 'operation', 'endpoint'],
  });
  return (
    <>
      <Card title="Services">
        <Loaded state={services} height={tableHeight(ROWS)}>
          {(data) => (
            <Table<ServiceRow>
              label="Services"
              columns={serviceColumns(compare)}
              rows={toServiceRows(
                data.endpoints,
                trends.data,
                alerts.data?.alerts,
                health.data?.hosts,
                objectives.data?.objectives,
              )}
              rowKey={({ service }) => service}
              visibleRows={ROWS}
              empty={<NoServices />}
            />
          )}
        </Loaded>
      </Card>
      <Card
        title="Endpoints"
        note={endpoints.data && formatCount(endpoints.data.length, 'endpoint')}
      >
        <Loaded state={endpoints} height={tableHeight(ROWS)}>
          {(rows) => (
            <SearchableTable
              label="Endpoints"
              sortParameter="endpointSort"
              columns={endpointColumns(compare, true)}
              rows={rows}
              searchText={({ group }) => `${group.service} ${formatEndpoint(group)}`}
              rowKey={({ group }) => `${group.service} ${group.operation} ${group.endpoint}`}
              empty={<NoServices />}
            />
          )}
        </Loaded>
      </Card>
    </>
  );
}
