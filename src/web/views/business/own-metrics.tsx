import { useState } from 'preact/hooks';
import type { ApiResponse } from '../../../client/api-types.ts';
import { useApi } from '../../api/queries.ts';
import { rangeQuery } from '../../api/range-query.ts';
import { TrendChart } from '../../data/trend-chart.tsx';
import type { AggregateName } from '../../data/trend-data.ts';
import { Card } from '../../design/card.tsx';
import { CodeBlock } from '../../design/controls.tsx';
import { ErrorState, Skeleton } from '../../design/states.tsx';
import { formatText } from '../../format/quantities.ts';
import { getParameter, linkTo, setParameters } from '../../url/view-state.ts';

type CatalogMetric = ApiResponse<'catalog'>['metrics'][number];

const MAX_METRICS = 1000;
const FIRST_CHARTS = 12;
const MAX_SERVICES = 20;
/** Metrics of agents, servers, and libraries. The other views show them. */
const FOREIGN_PREFIXES = [
  'perfscope.',
  'process.',
  'nodejs.',
  'v8js.',
  'db.client.',
  'http.',
  'messaging.',
];
const DURATION_UNITS = ['ms', 's'];
const EXAMPLE =
  "performanceMonitoringService.recordMetric({ name: 'checkout', value: 12.5, unit: 'ms' });";

/** The metrics that applications define themselves, by service. */
export function OwnMetrics() {
  const state = useApi('catalog', {
    ...rangeQuery.value,
    metricType: ['CUSTOM'],
    limit: MAX_METRICS,
  });
  const search = getParameter('search') ?? '';
  if (state.error && !state.data) return <ErrorState error={state.error} />;
  if (!state.data) return <Skeleton height={260} />;
  const metrics = state.data.metrics.filter(isOwn);
  if (metrics.length === 0) return <NoMetrics />;
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const found = metrics.filter(({ name = '', services }) => {
    const text = `${name} ${services.join(' ')}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
  return (
    <>
      <Card
        title="Metrics of the applications"
        note={`${found.length} of ${metrics.length} metrics`}
      >
        <input
          class="input"
          type="search"
          style={{ maxWidth: '320px' }}
          placeholder="Search metrics and services"
          aria-label="Search metrics and services"
          value={search}
          onInput={(event) =>
            setParameters({ search: event.currentTarget.value }, { replace: true })
          }
        />
        {found.length === 0 && (
          <p class="muted">No metric contains all these words. Change or clear the search.</p>
        )}
      </Card>
      {groupByService(found).map(([service, own]) => (
        <ServiceMetrics key={service} service={service} metrics={own} />
      ))}
    </>
  );
}

function isOwn({ name }: CatalogMetric): boolean {
  return name !== undefined && !FOREIGN_PREFIXES.some((prefix) => name.startsWith(prefix));
}

function groupByService(
  metrics: readonly CatalogMetric[],
): [service: string, metrics: CatalogMetric[]][] {
  const groups = new Map<string, CatalogMetric[]>();
  for (const metric of metrics) {
    const services = metric.services.length > 0 ? metric.services : ['(none)'];
    for (const service of services.slice(0, MAX_SERVICES)) {
      groups.set(service, [...(groups.get(service) ?? []), metric]);
    }
  }
  return [...groups].sort(([a], [b]) => a.localeCompare(b));
}

/** The charts of a service. The first ones are drawn at once, because each is a request. */
function ServiceMetrics({
  service,
  metrics,
}: {
  service: string;
  metrics: readonly CatalogMetric[];
}) {
  const [isComplete, setComplete] = useState(false);
  const shown = isComplete ? metrics : metrics.slice(0, FIRST_CHARTS);
  return (
    <>
      <h2 class="name" style={{ marginTop: '6px' }}>
        <a href={linkTo('/service', { service })}>{service}</a>
      </h2>
      {shown.map((metric) => (
        <MetricChart key={`${metric.name} ${metric.unit}`} metric={metric} service={service} />
      ))}
      {shown.length < metrics.length && (
        <p>
          <button type="button" class="button" onClick={() => setComplete(true)}>
            Show {formatText(metrics.length - shown.length)} more metrics of {service}
          </button>
        </p>
      )}
    </>
  );
}

function MetricChart({ metric, service }: { metric: CatalogMetric; service: string }) {
  const { name = '', unit = '1', count } = metric;
  const aggregates: AggregateName[] = DURATION_UNITS.includes(unit)
    ? ['average', 'p95']
    : ['average', 'max'];
  return (
    <TrendChart
      title={name}
      href={linkTo('/explore', { metricType: 'CUSTOM', name })}
      note={`${formatText(count)} values`}
      span={4}
      height={140}
      unit={unit}
      query={{
        metricType: 'CUSTOM',
        name: [name],
        ...(service !== '(none)' && { service: [service] }),
      }}
      aggregates={aggregates}
      name={(_group, aggregate) => (aggregate === 'average' ? 'mean' : aggregate)}
    />
  );
}

function NoMetrics() {
  return (
    <Card title="Metrics of the applications">
      <div class="state" style={{ maxWidth: 'none' }}>
        <h3>No application has recorded its own metrics in this range</h3>
        <p>
          Record any value, such as the number of bookings or the duration of a checkout. Each
          metric gets a chart here. Metrics over OpenTelemetry work as well.{' '}
          <a href={linkTo('/setup')}>Set up a service</a>.
        </p>
        <CodeBlock label="Example">{EXAMPLE}</CodeBlock>
      </div>
    </Card>
  );
}
