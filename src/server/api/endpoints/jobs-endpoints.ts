import { z } from 'zod';
import { DAY_MS } from '../../../core/duration.ts';
import { createError } from '../../../core/perfscope-error.ts';
import { isInQueueScope } from '../../../core/queue-scope.ts';
import { QueueJobStatus } from '../../../core/schema/enums.ts';
import type { QueueMetricRow } from '../../../core/schema/tables/queue-metrics-table.ts';
import type { TenantScope } from '../../../core/tenant-scope.ts';
import { queryJobPage, queryJobRows, queryQueueScopes } from '../../../storage/queries/job-rows.ts';
import { summarizeJob } from '../../../storage/queries/job-summary.ts';
import type { Query } from '../../../storage/queries/query-definition.ts';
import { defineEndpoint, type EndpointContext } from '../endpoint-definition.ts';
import { cutPage, parseMicrosPosition, parsePageStart } from '../request/pagination.ts';
import { toQuery, toRequestQuery } from '../request/request-query.ts';
import { getTimeZone, parseTimeRange } from '../request/request-time-range.ts';
import { toVisibleScope } from '../request/visible-scope.ts';
import { jobHistorySchema, jobSchema } from '../schemas/job-schemas.ts';
import {
  createFilterParameters,
  createNameFilter,
  createPagingParameters,
  FORMAT_PARAMETER,
  INCLUDE_TEST_PARAMETER,
  QUEUE_SCOPE_PARAMETER,
  RANGE_PARAMETERS,
  TENANT_FILTER_PARAMETERS,
} from '../schemas/query-parameters.ts';
import * as schemas from '../schemas/response-schemas.ts';

const STATUSES = Object.values(QueueJobStatus);

export const jobsEndpoint = defineEndpoint({
  path: '/api/performance/jobs',
  methods: ['get'],
  summary:
    'Lists jobs whose state changed in the time range, with their latest state. The latest change is first.',
  permission: 'read',
  query: z.strictObject({
    ...RANGE_PARAMETERS,
    ...createFilterParameters('queue'),
    ...QUEUE_SCOPE_PARAMETER,
    status: z
      .array(z.enum(STATUSES))
      .min(1)
      .max(STATUSES.length)
      .optional()
      .meta({ description: `Latest states to return: one or more of ${STATUSES.join(', ')}.` }),
    jobId: createNameFilter('job'),
    ...TENANT_FILTER_PARAMETERS,
    ...INCLUDE_TEST_PARAMETER,
    ...createPagingParameters(100, 1000),
    ...FORMAT_PARAMETER,
  }),
  response: z
    .strictObject({
      ...schemas.TIME_RANGE_FIELDS,
      jobs: z.array(jobSchema),
      nextCursor: schemas.nextCursorSchema,
    })
    .meta({ id: 'Jobs' }),
  toTable: ({ jobs }) => ({ columns: Object.keys(jobSchema.shape), rows: jobs }),
  async handle(context) {
    const { query, dependencies, nowMs } = context;
    const { dbQuery } = toRequestQuery(context);
    const { range, after } = parsePageStart(query, nowMs, () => dbQuery.range);
    const pinned = { ...dbQuery, range };
    const jobs = await queryJobPage(dependencies.queryClient, pinned, {
      jobIds: query.jobId,
      scopes: await findScopes(context, pinned),
      statuses: query.status,
      after: after && parseMicrosPosition(after),
      limit: query.limit + 1,
    });
    const { page, nextCursor } = cutPage(jobs, range, query, ({ micros, rowId }) => [
      micros,
      rowId,
    ]);
    return {
      ...schemas.toTimeRangeFields(range),
      jobs: page.map(({ rows }) => toJobView(rows, context.scope)),
      nextCursor,
    };
  },
});

export const jobEndpoint = defineEndpoint({
  path: '/api/performance/jobs/:id',
  methods: ['get'],
  summary:
    'Returns a job with its state changes, oldest first. If several queues have a job with this ID, returns all of them.',
  operation: 'job',
  permission: 'read',
  params: z.strictObject({
    id: z
      .string()
      .min(1)
      .max(512)
      .regex(/^[^\0]*$/)
      .meta({ description: 'The `jobId` from the list.' }),
  }),
  query: z.strictObject({
    ...RANGE_PARAMETERS,
    ...createFilterParameters('queue'),
    ...QUEUE_SCOPE_PARAMETER,
    ...TENANT_FILTER_PARAMETERS,
    ...INCLUDE_TEST_PARAMETER,
  }),
  response: z
    .strictObject({ ...schemas.TIME_RANGE_FIELDS, jobs: z.array(jobHistorySchema) })
    .meta({ id: 'JobHistories' }),
  async handle(context) {
    const { query, dependencies, params, scope, nowMs } = context;
    const { id = '' } = params;
    const hasRange = (query.from ?? query.to ?? query.last) !== undefined;
    const zone = getTimeZone(query, dependencies.zone);
    const range = hasRange
      ? parseTimeRange(query, zone, nowMs)
      : { fromMs: nowMs - dependencies.retentionDays * DAY_MS, toMs: nowMs + 1 };
    const dbQuery = toQuery(query, scope, range);
    const scopes = await findScopes(context, dbQuery);
    const rows = await queryJobRows(dependencies.queryClient, dbQuery, { jobIds: [id], scopes });
    if (rows.size === 0) throw createError('PS_NOT_FOUND', { item: 'job', id });
    return {
      ...schemas.toTimeRangeFields(range),
      jobs: [...rows.values()]
        .map((jobRows) => ({
          ...toJobView(jobRows, scope),
          history: jobRows.map((row) => toChangeView(row, scope)),
        }))
        .sort((a, b) => b.changedAt.getTime() - a.changedAt.getTime()),
    };
  },
});

/**
 * Returns the full names of the selected scopes. Callers without access to hosts select only by prefix.
 *
 * @returns `undefined` for all scopes
 */
async function findScopes(
  {
    query,
    dependencies,
    scope: { hosts },
  }: EndpointContext<{ scope?: readonly string[] | undefined }>,
  dbQuery: Query,
): Promise<string[] | undefined> {
  if (query.scope === undefined) return undefined;
  const scopes = await queryQueueScopes(dependencies.queryClient, dbQuery);
  return scopes.filter((name) => isInQueueScope(toVisibleScope(name, hosts), query.scope));
}

function toJobView(rows: readonly QueueMetricRow[], { hosts }: TenantScope) {
  const { scope, changedMs, createdMs, startedMs, finishedMs, ...job } = summarizeJob(rows);
  return {
    ...job,
    scope: toVisibleScope(scope, hosts),
    changedAt: new Date(changedMs),
    createdAt: toDate(createdMs),
    startedAt: toDate(startedMs),
    finishedAt: toDate(finishedMs),
  };
}

function toChangeView(row: QueueMetricRow, { hosts }: TenantScope) {
  const { status, waitTime, duration, attempts, errorMessage, stackTrace } = row;
  return {
    at: new Date(row.timestamp),
    status,
    waitTime,
    duration,
    attempts,
    delay: row.delay,
    errorMessage,
    stackTrace,
    service: row.service,
    instance: hosts ? row.instance : undefined,
  };
}

function toDate(ms: number | undefined): Date | undefined {
  return ms === undefined ? undefined : new Date(ms);
}
