import { z } from 'zod';
import { HOUR_MS } from '../../../core/duration.ts';
import { getSeverityRank } from '../../../core/schema/enums.ts';
import { getRunStepMs, queryProcessRuns } from '../../../storage/queries/process-runs.ts';
import { findServiceEvents, type ServiceEvent } from '../../../storage/queries/service-events.ts';
import { type DeployView, omitDeployedVersions } from '../../alerts/deploys/deploy-views.ts';
import type { FiredAlert } from '../../alerts/service/alert-views.ts';
import { defineEndpoint } from '../endpoint-definition.ts';
import { toRequestQuery } from '../request/request-query.ts';
import { severitySchema } from '../schemas/alert-schemas.ts';
import {
  createFilterParameters,
  RANGE_PARAMETERS,
  TENANT_FILTER_PARAMETERS,
} from '../schemas/query-parameters.ts';
import * as schemas from '../schemas/response-schemas.ts';

const { optionalTextSchema, optionalNumberSchema, timeSchema } = schemas;
const MARK_KINDS = ['version', 'restart', 'alert'] as const;

const markSchema = z
  .strictObject({
    at: timeSchema,
    kind: z.enum(MARK_KINDS),
    text: z.string(),
    service: optionalTextSchema,
    version: optionalTextSchema,
    previousVersion: optionalTextSchema,
    count: optionalNumberSchema.meta({ description: 'Number of processes that restarted.' }),
    deployId: optionalTextSchema.meta({ description: 'ID of a recorded or detected deploy.' }),
    alertId: optionalTextSchema,
    rule: optionalTextSchema,
    severity: severitySchema.optional(),
    until: timeSchema
      .optional()
      .meta({ description: 'When the alert was resolved. Missing if it is still active.' }),
  })
  .meta({ id: 'Mark', description: 'An event to show in charts.' });
type Mark = Omit<z.input<typeof markSchema>, 'at' | 'until'> & {
  readonly at: Date;
  readonly until?: Date | undefined;
};

/** Maximum number of marks. More would hide the charts. */
const MAX_MARKS = 200;
/** Versions and processes that reported in this time before the range aren't new. */
const LOOKBACK_MS = HOUR_MS;
/** A process is running until it has missed more reports than this. */
const MAX_MISSED_REPORTS = 3;

export const marksEndpoint = defineEndpoint({
  path: '/api/performance/marks',
  methods: ['get'],
  summary:
    'Lists events to show in charts, oldest first: new versions, restarts, and alerts that fired.',
  permission: 'read',
  query: z.strictObject({
    ...RANGE_PARAMETERS,
    ...createFilterParameters('service', 'environment'),
    ...TENANT_FILTER_PARAMETERS,
  }),
  response: z
    .strictObject({
      ...schemas.TIME_RANGE_FIELDS,
      marks: z.array(markSchema),
      total: z.number().meta({
        description: `Number of events in the range. If there are more than ${MAX_MARKS}, restarts and less severe alerts are omitted first.`,
      }),
    })
    .meta({ id: 'Marks' }),
  async handle(context) {
    const { query, dependencies } = context;
    const { dbQuery } = toRequestQuery(context);
    const { range, scope } = dbQuery;
    const extended = { ...range, fromMs: range.fromMs - LOOKBACK_MS };
    const toleranceMs = Math.max(
      MAX_MISSED_REPORTS * dependencies.healthIntervalMs,
      getRunStepMs(extended),
    );
    const [runs, alerts, deploys] = await Promise.all([
      queryProcessRuns(dependencies.queryClient, { ...dbQuery, range: extended }),
      dependencies.alerts.listFired(range, query, scope),
      dependencies.alerts.listDeploys(range, query, scope),
    ]);
    const events = findServiceEvents(runs, range, toleranceMs);
    const marks = [
      ...omitDeployedVersions(events, deploys).map(toEventMark),
      ...deploys.map(toDeployMark),
      ...alerts.map(toAlertMark),
    ];
    return {
      ...schemas.toTimeRangeFields(range),
      marks: selectMarks(marks),
      total: marks.length,
    };
  },
});

function toDeployMark({
  id,
  startsAt,
  service,
  version,
  previousVersion,
  findings,
}: DeployView): Mark {
  const regression = findings.find(({ verdict }) => verdict === 'regression');
  const after = previousVersion === undefined ? '' : ` after ${previousVersion}`;
  const text = `version ${version}${after}${regression ? ', with a regression' : ''}`;
  return { kind: 'version', at: startsAt, text, service, version, previousVersion, deployId: id };
}

function toEventMark({ atMs, ...event }: ServiceEvent): Mark {
  return { ...event, at: new Date(atMs), text: formatEvent(event) };
}

function formatEvent(event: Omit<ServiceEvent, 'atMs'> & Partial<ServiceEvent>): string {
  if (event.kind === 'version') return `version ${event.version} after ${event.previousVersion}`;
  return event.count === 1 ? '1 instance restarted' : `${event.count} instances restarted`;
}

function toAlertMark({ firedAt, until, id, rule, severity, service, summary }: FiredAlert): Mark {
  const text = summary ?? rule;
  return { kind: 'alert', at: firedAt, until, text, service, alertId: id, rule, severity };
}

/** Returns the most important marks, oldest first. */
function selectMarks(marks: readonly Mark[]): Mark[] {
  return marks
    .toSorted((a, b) => getImportance(b) - getImportance(a) || b.at.getTime() - a.at.getTime())
    .slice(0, MAX_MARKS)
    .sort((a, b) => a.at.getTime() - b.at.getTime());
}

function getImportance({ kind, severity }: Mark): number {
  if (kind === 'version') return Number.POSITIVE_INFINITY;
  return severity ? getSeverityRank(severity) : -1;
}
