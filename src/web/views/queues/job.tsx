import { ApiError } from '../../../client/api-request.ts';
import { useRequest } from '../../api/queries.ts';
import { tenantQuery } from '../../api/range-query.ts';
import { client } from '../../api/session.ts';
import { jobKind, queueKey } from '../../data/queue-data.ts';
import { Card } from '../../design/card.tsx';
import { Badge } from '../../design/controls.tsx';
import { EmptyState, ErrorState, Skeleton } from '../../design/states.tsx';
import { Table } from '../../design/table.tsx';
import { formatDateTime, toZoneName } from '../../format/times.ts';
import { useHeading } from '../../shell/use-heading.ts';
import { getParameter, linkTo, zoneChoice } from '../../url/view-state.ts';
import { FindJob } from './find-job.tsx';
import { JobDetails, type JobHistory } from './job-history.tsx';

/** What happened to this job? Looks at all times, because a job can be older than the range of the page. */
export default function Job() {
  const id = getParameter('job') ?? '';
  const queue = getParameter('queue');
  const scope = getParameter('scope');
  useHeading({
    title: id ? `Job ${id}` : 'Job',
    crumbs: [
      { label: 'Queues', href: linkTo('/queues') },
      ...(queue ? [{ label: queue, href: linkTo('/queue', { queue, scope }) }] : []),
    ],
  });
  const { organizationId, propertyId, timeZone } = tenantQuery.value;
  const query = {
    timeZone,
    ...(organizationId && { organizationId }),
    ...(propertyId && { propertyId }),
    ...(queue && { queue: [queue] }),
    ...(scope && { scope: [scope] }),
  };
  const state = useRequest(['job', id, query], () => client.value.job(id, query), {
    enabled: id !== '',
  });
  if (id === '') {
    return (
      <Card title="Find a job" note={<FindJob />}>
        <EmptyState title="Enter the ID of a job">
          The queue library returns the ID when a job is added. The jobs of a queue are listed in{' '}
          <a href={linkTo('/queues')}>its view</a>.
        </EmptyState>
      </Card>
    );
  }
  if (state.error && state.data === undefined)
    return <Missing error={state.error} id={id} isLimited={queue !== undefined} />;
  if (state.data === undefined) return <Skeleton height={420} />;
  const [first, ...others] = state.data.jobs;
  if (others.length > 0) return <SeveralJobs jobs={state.data.jobs} />;
  return first ? <JobDetails job={first} /> : null;
}

function Missing({ error, id, isLimited }: { error: Error; id: string; isLimited: boolean }) {
  if (!(error instanceof ApiError) || error.status !== 404) return <ErrorState error={error} />;
  return (
    <Card title="Find a job" note={<FindJob />}>
      <EmptyState title="No job with this ID was recorded">
        Check the ID and the filters of the page. Jobs older than the retention of single jobs are
        deleted. {isLimited && <a href={linkTo('/job', { job: id })}>Look for it in all queues</a>}
      </EmptyState>
    </Card>
  );
}

/** Lists the queues that have a job with this ID. */
function SeveralJobs({ jobs }: { jobs: readonly JobHistory[] }) {
  const zone = toZoneName(zoneChoice.value);
  return (
    <Card title={`${jobs.length} queues have a job with this ID`} note="the latest change first">
      <Table
        label="Queues with this job"
        rows={jobs}
        rowKey={queueKey}
        columns={[
          {
            id: 'queue',
            header: 'Queue',
            isWide: true,
            sortBy: ({ queue }) => queue,
            cell: ({ queue, scope, jobId }) => (
              <span class="cell">
                <a class="name" href={linkTo('/job', { job: jobId, queue, scope })}>
                  {queue}
                </a>
                <span class="faint truncate">{scope}</span>
              </span>
            ),
          },
          {
            id: 'type',
            header: 'Type',
            isOptional: true,
            cell: ({ jobType }) => <span class="name">{jobType ?? '–'}</span>,
          },
          {
            id: 'status',
            header: 'State',
            sortBy: ({ status }) => status,
            cell: ({ status = 'unknown' }) => <Badge kind={jobKind(status)}>{status}</Badge>,
          },
          {
            id: 'tenant',
            header: 'Tenant',
            isOptional: true,
            cell: ({ organizationId }) => <span class="name">{organizationId ?? '–'}</span>,
          },
          {
            id: 'changed',
            header: 'Changed',
            align: 'right',
            sortBy: ({ changedAt }) => Date.parse(changedAt),
            cell: ({ changedAt }) => formatDateTime(Date.parse(changedAt), zone, true),
          },
        ]}
      />
    </Card>
  );
}
