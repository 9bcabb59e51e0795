import { useApi } from '../../api/queries.ts';
import { rangeQuery } from '../../api/range-query.ts';
import { GroupTable } from '../../data/group-table.tsx';
import { formatEndpoint } from '../../data/names.ts';
import { RequestCharts } from '../../data/request-charts.tsx';
import { RequestSamples } from '../../data/request-samples.tsx';
import { WorkStats } from '../../data/work-stats.tsx';
import { useHeading } from '../../shell/use-heading.ts';
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
  return (
    <>
      <WorkStats label="Requests" figures={figures} failedHref={linkWith({ samples: 'failed' })} />
      <RequestCharts filter={filter} />
      <WhereTimeGoes figures={figures} filter={filter} />
      <GroupTable title="By tenant" dimension="organizationId" filter={filter} span={5} />
      <RequestSamples filter={filter} />
      <GroupTable title="By version" dimension="version" filter={filter} span={6} />
      <GroupTable title="By instance" dimension="instance" filter={filter} span={6} />
    </>
  );
}
