import { useApi } from '../../api/queries.ts';
import { rangeQuery } from '../../api/range-query.ts';
import { DistributionChart } from '../../data/distribution-chart.tsx';
import { TrendChart } from '../../data/trend-chart.tsx';
import { WorkGroupTable } from '../../data/work-group-table.tsx';
import { WorkStats } from '../../data/work-stats.tsx';
import { Card } from '../../design/card.tsx';
import { CodeBlock } from '../../design/controls.tsx';
import { useHeading } from '../../shell/use-heading.ts';
import { comparison, getParameter, linkTo, linkWith } from '../../url/view-state.ts';
import { FailedConnects } from './failed-connects.tsx';
import { StatementEndpoints } from './statement-endpoints.tsx';

const TITLE_LENGTH = 120;

/** Is this statement slow or failing, since when, and who runs it? */
export default function Statement() {
  const service = getParameter('service');
  const operation = getParameter('operation');
  const statement = getParameter('statement') ?? '';
  useHeading({
    title: statement.length > TITLE_LENGTH ? `${statement.slice(0, TITLE_LENGTH)}…` : statement,
    isCode: true,
    crumbs: [
      { label: 'Databases', href: linkTo('/databases') },
      ...(service ? [{ label: service, href: linkTo('/databases', { service }) }] : []),
    ],
  });
  const compare = comparison.value ?? 'yesterday';
  const filter = {
    endpoint: [statement],
    ...(service && { service: [service] }),
    ...(operation && { operation: [operation] }),
  };
  const query = { metricType: 'DATABASE_QUERY_TIME' as const, ...filter };
  const { data } = useApi('database', {
    ...rangeQuery.value,
    ...filter,
    compare,
    groupBy: ['endpoint'],
    limit: 1,
  });
  return (
    <>
      <WorkStats
        label="Executions"
        figures={data?.statements[0]}
        failedHref={linkTo('/errors', { service })}
      />
      <TrendChart
        title="Executions"
        span={4}
        unit="/s"
        query={query}
        aggregates={['rate']}
        kind="area"
        name={() => 'executions'}
      />
      <TrendChart
        title="Duration"
        note="p50, p95, p99"
        span={4}
        unit="ms"
        query={query}
        aggregates={['p50', 'p95', 'p99']}
      />
      <DistributionChart title="Duration distribution" query={query} noun="executions" />
      <TrendChart
        title="Failed executions"
        height={110}
        unit="%"
        query={query}
        aggregates={['errorRate']}
        kind="area"
        name={() => 'failed'}
      />
      <Card
        title="Statement"
        note={
          <>
            Values are never stored.{' '}
            <a href={linkTo('/rules', { rule: 'database-time' })}>Rules for database time</a>
          </>
        }
      >
        <CodeBlock label="Statement">{statement}</CodeBlock>
      </Card>
      <StatementEndpoints service={service} statement={statement} />
      <WorkGroupTable
        title="By tenant"
        source="database"
        dimension="organizationId"
        filter={filter}
        href={(value) => linkWith({ organizationId: value })}
      />
      <WorkGroupTable
        title={service ? 'By version' : 'By service'}
        source="database"
        dimension={service ? 'version' : 'service'}
        filter={filter}
        href={(value) => (service ? undefined : linkWith({ service: value }))}
      />
      {statement === 'CONNECT' && <FailedConnects filter={service ? { service: [service] } : {}} />}
    </>
  );
}
