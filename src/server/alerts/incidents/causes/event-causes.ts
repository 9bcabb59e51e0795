import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../../core/duration.ts';
import { formatDuration } from '../../../../core/format.ts';
import type { TenantScope } from '../../../../core/tenant-scope.ts';
import { queryProcessRuns } from '../../../../storage/queries/process-runs.ts';
import {
  findServiceEvents,
  type ProcessRun,
  type ServiceEvent,
} from '../../../../storage/queries/service-events.ts';
import type { QueryClient } from '../../../../storage/questdb/query-client.ts';
import type { DeployStore } from '../../deploys/deploy-store.ts';
import {
  canSeeAllDeploys,
  type DeployView,
  listDeployViews,
  omitDeployedVersions,
} from '../../deploys/deploy-views.ts';
import { formatChangeOf, omitRepeatedRegressions } from '../../deploys/finding.ts';
import type { Cause } from './cause.ts';

/** The alerts whose deploys and restarts are searched for. */
export interface EventRequest {
  readonly scope: TenantScope;
  readonly services: readonly string[];
  /** Environments of the alerts. Deploys to other environments aren't causes. If empty, all are. */
  readonly environments: readonly string[];
  /** Versions that alerts of the incident are about. */
  readonly versions: readonly AlertedVersion[];
  /** Start of the first alert, in ms since the epoch. */
  readonly startedMs: number;
  readonly now: number;
  /** Interval at which processes report their health, in ms. */
  readonly healthIntervalMs: number;
  readonly deploys: Pick<DeployStore, 'list'>;
}

/** The version of a service that an alert is about, such as an alert about a regression after a deploy. */
interface AlertedVersion {
  readonly service: string;
  readonly version: string;
}

interface EventCauses {
  readonly versions: readonly Cause[];
  readonly restarts: readonly Cause[];
}

/** A deploy, a version, or a restart explains alerts that start within this time. */
const EVENT_MS = 15 * MINUTE_MS;
/** A deploy explains an alert about its version within this time. Then, the version is the normal state. */
const ALERTED_VERSION_MS = DAY_MS;
/** An event this long after the start of the first alert can be its cause. Clocks differ, and alerts start at minutes. */
const AFTER_MS = MINUTE_MS;
const MAX_VERSIONS = 2;
const MAX_FINDINGS = 3;

/**
 * Finds deploys, new versions, and restarts of services shortly before the first alert.
 *
 * @throws PS_UNAVAILABLE if QuestDB is unreachable
 */
export async function findEventCauses(
  queryClient: QueryClient,
  request: EventRequest,
): Promise<EventCauses> {
  const { scope, services, startedMs, now, healthIntervalMs, versions } = request;
  if (services.length === 0) return { versions: [], restarts: [] };
  const toMs = Math.min(now, startedMs + AFTER_MS);
  const range = { fromMs: startedMs - EVENT_MS, toMs };
  const extended = { ...range, fromMs: range.fromMs - HOUR_MS };
  const filter = { service: services };
  const deployFromMs = versions.length > 0 ? startedMs - ALERTED_VERSION_MS : extended.fromMs;
  const [runs, deploys] = await Promise.all([
    queryProcessRuns(queryClient, { scope, range: extended, filter }),
    listDeployViews(queryClient, request.deploys, {
      ...{ scope, services, now },
      range: { fromMs: deployFromMs, toMs },
    }),
  ]);
  const events = findServiceEvents(runs, range, Math.max(3 * healthIntervalMs, MINUTE_MS));
  return rankEventCauses({ ...request, events, deploys, unversioned: listUnversioned(runs) });
}

/** Services whose processes report no version. */
function listUnversioned(runs: readonly ProcessRun[]): string[] {
  const byService = Map.groupBy(runs, ({ service }) => service);
  return [...byService].flatMap(([service, ofService]) =>
    ofService.some(({ version }) => version !== undefined) ? [] : service,
  );
}

/** The events around the start of an incident. */
export interface IncidentEvents
  extends Pick<EventRequest, 'scope' | 'environments' | 'versions' | 'startedMs'> {
  readonly events: readonly ServiceEvent[];
  readonly deploys: readonly DeployView[];
  /** Services whose processes report no version. */
  readonly unversioned: readonly string[];
}

/**
 * Returns the likeliest deploys and the newest restart. Deploys that an alert is about come first, then deploys with a
 * regression, and then the newest deploys. A deploy and the new version of its processes are one cause.
 */
export function rankEventCauses(given: IncidentEvents): EventCauses {
  const { events, deploys, unversioned, startedMs } = given;
  const selected = deploys.filter((deploy) => isPossibleCause(deploy, given));
  const versions = [
    ...selected.map((deploy) => ({
      cause: toDeployCause(deploy, given),
      rank: isAlerted(deploy, given) ? 0 : listRegressions(deploy).length > 0 ? 1 : 2,
    })),
    ...omitDeployedVersions(events, deploys)
      .filter(({ kind }) => kind === 'version')
      .map((event) => ({ cause: toEventCause(event, startedMs), rank: 2 })),
  ].sort((a, b) => a.rank - b.rank || b.cause.onsetMs - a.cause.onsetMs);
  // Without a version, the new processes of a deploy look like a restart.
  const deployed = new Set(selected.map(({ service }) => service));
  const restarts = events
    .filter(({ kind }) => kind === 'restart')
    .filter(({ service }) => !unversioned.includes(service) || !deployed.has(service))
    .sort((a, b) => b.atMs - a.atMs);
  return {
    versions: versions.slice(0, MAX_VERSIONS).map(({ cause }) => cause),
    restarts: restarts.slice(0, 1).map((event) => toEventCause(event, startedMs)),
  };
}

function isPossibleCause(deploy: DeployView, given: IncidentEvents): boolean {
  const { environment, startsAt, endedAt } = deploy;
  const { environments, startedMs } = given;
  const isElsewhere =
    environments.length > 0 && environment !== undefined && !environments.includes(environment);
  const hasEnded = endedAt !== undefined && endedAt.getTime() <= startedMs;
  if (isElsewhere || hasEnded) return false;
  const maximumMs = isAlerted(deploy, given) ? ALERTED_VERSION_MS : EVENT_MS;
  const ageMs = startedMs - startsAt.getTime();
  return ageMs <= maximumMs && ageMs > -AFTER_MS;
}

function isAlerted(deploy: DeployView, { versions }: IncidentEvents): boolean {
  return versions.some(
    ({ service, version }) => service === deploy.service && version === deploy.version,
  );
}

function listRegressions({ findings }: DeployView): DeployView['findings'] {
  return omitRepeatedRegressions(findings.filter(({ verdict }) => verdict === 'regression'));
}

function toDeployCause(deploy: DeployView, { scope, startedMs }: IncidentEvents): Cause {
  const { id, service, version, previousVersion, startsAt } = deploy;
  const regressions = listRegressions(deploy);
  const [first, ...others] = regressions;
  const more =
    others.length === 0 ? '' : ` and ${others.length} more ${plural('regression', others.length)}`;
  const onsetMs = startsAt.getTime();
  const evidence = [
    formatEventTime(onsetMs, startedMs),
    formatReport(deploy),
    ...regressions.slice(0, MAX_FINDINGS).map(({ text }) => text),
    // The number of series is about all tenants.
    regressions.length === 0 && deploy.comparedSeries > 0 && canSeeAllDeploys(scope)
      ? `no regression was confirmed in ${deploy.comparedSeries} compared series`
      : '',
  ];
  return {
    kind: 'version',
    subject: `${service} ${version}`,
    service,
    text:
      formatUpdate(service, version, previousVersion) +
      (first ? `: ${formatChangeOf(first)}${more}` : ''),
    onsetMs,
    ...EVENT_VALUES,
    evidence: evidence.filter((part) => part !== '').join('; '),
    deployId: id,
  };
}

/** Returns who recorded a deploy. Authors and commits are unknown to callers limited to tenants. */
function formatReport({ sources, author, commit }: DeployView): string {
  if (!sources.includes('recorded')) return '';
  const by = author === undefined ? '' : ` by ${author}`;
  return `recorded${by}${commit === undefined ? '' : `, commit ${commit}`}`;
}

function toEventCause(event: ServiceEvent, startedMs: number): Cause {
  const { kind, service, atMs } = event;
  const shared = { kind, service, onsetMs: atMs, evidence: formatEventTime(atMs, startedMs) };
  if (event.kind === 'version') {
    const { version, previousVersion } = event;
    const text = formatUpdate(service, version, previousVersion);
    return { ...shared, ...EVENT_VALUES, subject: `${service} ${version}`, text };
  }
  const { count } = event;
  const text = `${count} ${plural('process', count)} of \`${service}\` restarted`;
  return { ...shared, ...EVENT_VALUES, subject: service, text, now: count };
}

const EVENT_VALUES = { before: 0, now: 1, unit: '1' } as const;

function formatUpdate(service: string, version: string, previousVersion: string | undefined) {
  const from = previousVersion === undefined ? '' : ` from ${previousVersion}`;
  return `\`${service}\` was updated to version ${version}${from}`;
}

function plural(noun: string, count: number): string {
  if (count === 1) return noun;
  return noun.endsWith('s') ? `${noun}es` : `${noun}s`;
}

function formatEventTime(atMs: number, startedMs: number): string {
  const gap = formatDuration(Math.abs(startedMs - atMs));
  return `${gap} ${atMs <= startedMs ? 'before' : 'after'} the first alert started`;
}
