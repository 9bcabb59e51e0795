import { rangeQuery } from '../../api/range-query.ts';
import { caller, isAllowed } from '../../api/session.ts';
import { useAllPages } from '../../data/all-pages.ts';
import { FilterMenu } from '../../data/filter-menu.tsx';
import { toConcurrency } from '../../data/per-second.ts';
import { TrendChart } from '../../data/trend-chart.tsx';
import { totalTime } from '../../data/work-columns.tsx';
import { Card } from '../../design/card.tsx';
import { SearchableTable } from '../../design/searchable-table.tsx';
import { EmptyState, Loaded } from '../../design/states.tsx';
import { tableHeight } from '../../design/table.tsx';
import { formatCount } from '../../format/quantities.ts';
import { comparison, getParameters, linkTo } from '../../url/view-state.ts';
import { DatabaseStats } from './database-stats.tsx';
import { FailedConnects } from './failed-connects.tsx';
import { Pools } from './pools.tsx';
import { statementColumns, statementName } from './statement-columns.tsx';

const ROWS = 12;
const SEARCH_HEIGHT = 39;
const CHART_SERIES = 6;

/** Which statements cost the most time and fail, and do callers wait for connections? */
export default function Databases() {
  const services = getParameters('service');
  const filter = services.length > 0 ? { service: services } : {};
  const compare = comparison.value ?? 'yesterday';
  const statements = useAllPages('database', {
    ...rangeQuery.value,
    ...filter,
    compare,
    groupBy: ['service', 'operation', 'endpoint'],
  });
  // With one service, its operations say more than its name.
  const dimension = services.length === 1 ? 'operation' : 'service';
  const chart = {
    metricType: 'DATABASE_QUERY_TIME' as const,
    ...filter,
    groupBy: [dimension] as ['service'],
    limit: CHART_SERIES,
  };
  const nameOf = (group: { service?: string; operation?: string }) => group[dimension] ?? '(none)';
  return (
    <>
      <div class="buttons">
        <FilterMenu dimension="service" label="Service" />
      </div>
      <DatabaseStats filter={filter} />
      <TrendChart
        title="Statements"
        note={`by ${dimension}`}
        span={4}
        unit="/s"
        query={chart}
        aggregates={['rate']}
        name={nameOf}
        empty="No statement ran. Choose a longer range, or remove a filter."
      />
      <TrendChart
        title="Duration"
        note={`p95 by ${dimension}`}
        span={4}
        unit="ms"
        query={chart}
        aggregates={['p95']}
        name={nameOf}
      />
      <TrendChart
        title="Failed statements"
        note={`by ${dimension}`}
        span={4}
        unit="%"
        query={chart}
        aggregates={['errorRate']}
        name={nameOf}
      />
      <TrendChart
        title="Time by statement"
        note="average number of statements that run at the same time"
        unit="1"
        query={{
          metricType: 'DATABASE_QUERY_TIME',
          ...filter,
          groupBy: ['endpoint'],
          limit: CHART_SERIES,
        }}
        aggregates={['sum']}
        kind="stacked"
        name={({ endpoint }) => endpoint ?? '(no statement)'}
        transform={toConcurrency}
        isCompared={false}
      />
      <Card
        title="Statements"
        note={
          statements.data && `${formatCount(statements.data.length, 'statement')}, by total time`
        }
      >
        <Loaded state={statements} height={tableHeight(ROWS) + SEARCH_HEIGHT}>
          {(rows) => (
            <SearchableTable
              label="Statements"
              columns={statementColumns(compare, services.length !== 1)}
              rows={rows.toSorted((a, b) => totalTime(b) - totalTime(a))}
              visibleRows={ROWS}
              searchText={({ group }) => `${group.service} ${statementName(group)}`}
              rowKey={({ group }) => `${group.service} ${group.operation} ${group.endpoint}`}
              empty={<NoStatements />}
            />
          )}
        </Loaded>
      </Card>
      {/* Connections belong to no organization. */}
      {!caller.value?.organizationId && (
        <>
          <Pools filter={filter} />
          <FailedConnects filter={filter} />
        </>
      )}
    </>
  );
}

function NoStatements() {
  return (
    <EmptyState title="No statement ran in this range">
      Choose a longer range, or remove a filter.
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
