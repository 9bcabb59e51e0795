import { useApi } from '../../api/queries.ts';
import { rangeQuery } from '../../api/range-query.ts';
import { GroupTable } from '../../data/group-table.tsx';
import { formatEndpoint } from '../../data/names.ts';
import { RequestCharts } from '../../data/request-charts.tsx';
import { RequestSamples } from '../../data/request-samples.tsx';
import { Stat } from '../../design/figure.tsx';
import { formatChange, formatPoints } from '../../format/quantities.ts';
import { useHeading } from '../../shell/use-heading.ts';
import { COMPARISONS } from '../../url/time-range.ts';
import { comparison, getParameter, linkTo, linkWith } from '../../url/view-state.ts';
import { WhereTimeGoes } from './where-time-goes.tsx';

/** Why is this endpoint slow or failing, since when, and for whom? */
export default function Endpoint() {
  const service = getParameter('service');
  const operation = getParameter('operation');
  const endpoint = getParameter('endpoint') ?? '(no route)';
  useHeading({
    title: formatEndpoint({ operation, endpoint }),
    isCode: true,
    crumbs: [
      { label: 'Services', href: linkTo('/services') },
      ...(service ? [{ label: service, href: linkTo('/service', { service }) }] : []),
    ],
  });
  const compare = comparison.value ?? 'yesterday';
  const filter = {
    endpoint: [endpoint],
    ...(service && { service: [service] }),
    ...(operation && { operation: [operation] }),
  };
  const { data } = useApi('endpoints', {
    ...rangeQuery.value,
    ...filter,
    compare,
    groupBy: ['endpoint'],
    limit: 1,
  });
  const figures = data?.endpoints[0];
  const previous = figures?.previous;
  const note = `vs ${COMPARISONS.find(([name]) => name === compare)?.[1]}`;
  return (
    <>
      <div class="stats">
        <Stat
          label="Requests"
          value={figures?.rate}
          unit="/s"
          change={formatChange(figures?.rate, previous?.rate)}
          changeNote={previous && note}
        />
        <Stat
          label="Failed"
          value={figures && (figures.errorRate ?? 0)}
          unit="%"
          href={linkWith({ samples: 'failed' })}
          isBad={(figures?.errorRate ?? 0) >= 1}
          higherIs="worse"
          change={previous && formatPoints(figures?.errorRate ?? 0, previous.errorRate ?? 0)}
          changeNote={previous && note}
        />
        <Stat
          label="p50"
          value={figures?.p50}
          unit="ms"
          higherIs="worse"
          change={formatChange(figures?.p50, previous?.p50)}
          changeNote={previous && note}
        />
        <Stat
          label="p95"
          value={figures?.p95}
          unit="ms"
          higherIs="worse"
          change={formatChange(figures?.p95, previous?.p95)}
          changeNote={previous && note}
        />
        <Stat
          label="p99"
          value={figures?.p99}
          unit="ms"
          higherIs="worse"
          change={formatChange(figures?.p99, previous?.p99)}
          changeNote={previous && note}
        />
      </div>
      <RequestCharts filter={filter} />
      <WhereTimeGoes figures={figures} />
      <GroupTable title="By tenant" dimension="organizationId" filter={filter} span={5} />
      <RequestSamples filter={filter} />
      <GroupTable title="By version" dimension="version" filter={filter} span={6} />
      <GroupTable title="By instance" dimension="instance" filter={filter} span={6} />
    </>
  );
}
