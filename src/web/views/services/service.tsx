import { useApi } from '../../api/queries.ts';
import { rangeQuery } from '../../api/range-query.ts';
import { useAllPages } from '../../data/all-pages.ts';
import { endpointColumns } from '../../data/endpoint-columns.tsx';
import { GroupTable } from '../../data/group-table.tsx';
import { formatEndpoint } from '../../data/names.ts';
import { RequestCharts } from '../../data/request-charts.tsx';
import { Card } from '../../design/card.tsx';
import { SearchableTable } from '../../design/searchable-table.tsx';
import { Loaded } from '../../design/states.tsx';
import { tableHeight } from '../../design/table.tsx';
import { useHeading } from '../../shell/use-heading.ts';
import { comparison, getParameter, linkTo } from '../../url/view-state.ts';
import { FunctionsCard } from './functions-card.tsx';
import { NoServices } from './service-columns.tsx';
import { WhereTimeGoes } from './where-time-goes.tsx';

const ROWS = 8;

/** Is this service slow or failing? Which of its endpoints, versions, and tenants? */
export default function Service() {
  const service = getParameter('service') ?? '';
  useHeading({ title: service, crumbs: [{ label: 'Services', href: linkTo('/services') }] });
  const compare = comparison.value ?? 'yesterday';
  const filter = { service: [service] };
  const query = { ...rangeQuery.value, ...filter, compare };
  const total = useApi('endpoints', { ...query, groupBy: ['service'], limit: 1 });
  const endpoints = useAllPages('endpoints', {
    ...query,
    groupBy: ['service', 'operation', 'endpoint'],
  });
  return (
    <>
      <RequestCharts filter={filter} />
      <Card title="Endpoints">
        <Loaded state={endpoints} height={tableHeight(ROWS) + 39}>
          {(rows) => (
            <SearchableTable
              label="Endpoints"
              columns={endpointColumns(compare, false)}
              rows={rows}
              visibleRows={ROWS}
              searchText={({ group }) => formatEndpoint(group)}
              rowKey={({ group }) => formatEndpoint(group)}
              empty={<NoServices />}
            />
          )}
        </Loaded>
      </Card>
      <WhereTimeGoes figures={total.data?.endpoints[0]} filter={filter} />
      <GroupTable title="By tenant" dimension="organizationId" filter={filter} span={5} />
      <FunctionsCard service={service} />
      <GroupTable title="By version" dimension="version" filter={filter} span={6} />
      <GroupTable title="By instance" dimension="instance" filter={filter} span={6} />
    </>
  );
}
