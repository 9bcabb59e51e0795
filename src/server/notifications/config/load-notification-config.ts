import { IANAZone } from 'luxon';
import {
  type ConfigProblem,
  createConfigFileError,
  formatSuggestion,
  prefixReport,
  type ReportProblem,
  validateConfig,
} from '../../../core/config-files/config-validation.ts';
import { recurrenceSchema } from '../../../core/config-files/recurrence.ts';
import type { NamedFileText } from '../../../core/config-files/watched-file.ts';
import {
  createReporter,
  isPlainObject,
  parseYamlSource,
} from '../../../core/config-files/yaml-source.ts';
import { findClosestMatch } from '../../../core/did-you-mean.ts';
import {
  createDefaultNotificationConfig,
  DEFAULT_DEADLINE_MS,
  DEFAULT_LIMIT,
  DEFAULT_RECEIVER,
  type Digest,
  type EscalationLevel,
  type EscalationPolicy,
  type NotificationConfig,
  type Receiver,
  type Route,
  type TimeInterval,
} from './notification-config.ts';
import {
  ADDRESS_FIELD_BY_CHANNEL,
  type NotificationFile,
  notificationFileSchema,
  type RouteConfig,
  routeSchema,
} from './notification-file-schema.ts';

type EscalationConfig = NonNullable<NotificationFile['escalations']>[number];

function toEscalationPolicy(
  { name, levels }: EscalationConfig,
  receivers: ReadonlyMap<string, Receiver>,
  report: ReportProblem,
): EscalationPolicy {
  let beforeMs = 0;
  const made = levels.map(({ after: afterMs, receivers: names, repeat: repeatMs, times }, i) => {
    if (afterMs <= beforeMs) {
      report(['levels', i, 'after'], '`after` must be later than that of the level before');
    }
    if (repeatMs !== undefined && repeatMs < 1000) {
      report(['levels', i, 'repeat'], '`repeat` must be at least `1s`');
    }
    if (times !== undefined && times > 1 && repeatMs === undefined) {
      report(['levels', i, 'times'], '`times` needs `repeat`, the time between them');
    }
    beforeMs = afterMs;
    reportUnknownNames(names, receivers, (at, message) =>
      report(['levels', i, 'receivers', at], message),
    );
    return { afterMs, receivers: names, repeatMs, times } satisfies EscalationLevel;
  });
  return { name, levels: made };
}

/** Reports each name that is none of `known`. */
function reportUnknownNames(
  names: readonly string[],
  known: ReadonlyMap<string, unknown>,
  report: (at: number, message: string) => void,
): void {
  for (const [at, name] of names.entries()) {
    if (!known.has(name))
      report(at, `there is no \`${name}\`; ${formatSuggestion(name, [...known.keys()])}`);
  }
}

/** What routes may name. */
interface KnownNames {
  readonly receivers: ReadonlyMap<string, Receiver>;
  readonly intervals: ReadonlyMap<string, TimeInterval>;
  readonly escalations: ReadonlyMap<string, EscalationPolicy>;
  readonly digests: ReadonlyMap<string, Digest>;
}

/** What a route has from the one above it, unless it says something else. */
type InheritedRoute = Pick<Route, 'path' | 'receivers' | 'escalation' | 'digest'>;

const ROOT_ROUTE_DEFAULTS: InheritedRoute = {
  path: '',
  receivers: [DEFAULT_RECEIVER.name],
  escalation: undefined,
  digest: undefined,
};
const MAX_ROUTE_DEPTH = 20;

/** Reads a route with all that are under it. */
function toRoute(
  data: unknown,
  known: KnownNames,
  report: ReportProblem,
  above: InheritedRoute = ROOT_ROUTE_DEFAULTS,
  depth = 0,
): Route {
  const entry = validateConfig(routeSchema, data, report) ?? {};
  checkRouteNames(entry, known, report);
  if (depth > MAX_ROUTE_DEPTH) report([], `routes must not be deeper than ${MAX_ROUTE_DEPTH}`);
  const own: InheritedRoute = {
    path: above.path,
    receivers: entry.receivers ?? above.receivers,
    escalation: entry.escalation ?? above.escalation,
    digest: entry.digest ?? above.digest,
  };
  const routes = depth > MAX_ROUTE_DEPTH ? [] : (entry.routes ?? []);
  return {
    ...own,
    matchers: entry.matchers ?? [],
    severities: entry.severity,
    organization: entry.organization,
    property: entry.property,
    activeTimes: entry.activeTimes && findIntervals(entry.activeTimes, known),
    muteTimes: findIntervals(entry.muteTimes ?? [], known),
    continues: entry.continue ?? false,
    routes: routes.map((child, i) => {
      const path = above.path === '' ? `${i + 1}` : `${above.path}.${i + 1}`;
      return toRoute(child, known, prefixReport(report, 'routes', i), { ...own, path }, depth + 1);
    }),
  };
}

function checkRouteNames(entry: RouteConfig, known: KnownNames, report: ReportProblem): void {
  const lists = [
    ['receivers', entry.receivers, known.receivers],
    ['activeTimes', entry.activeTimes, known.intervals],
    ['muteTimes', entry.muteTimes, known.intervals],
  ] as const;
  for (const [key, names = [], of] of lists) {
    reportUnknownNames(names, of, (at, message) => report([key, at], message));
  }
  const singles = [
    ['escalation', entry.escalation, known.escalations],
    ['digest', entry.digest, known.digests],
  ] as const;
  for (const [key, name, of] of singles) {
    reportUnknownNames(name === undefined ? [] : [name], of, (_at, message) =>
      report([key], message),
    );
  }
}

function findIntervals(names: readonly string[], known: KnownNames): TimeInterval[] {
  return names.flatMap((name) => known.intervals.get(name) ?? []);
}

/**
 * Reads who is told of what. Without a file: in-app to PROPERTY_MGR and ADMIN.
 *
 * @param timeZone of times of day that name none
 * @throws PS_NOTIFY_INVALID with every problem of the file, each with its line
 */
export function loadNotificationConfig(timeZone: string, file?: NamedFileText): NotificationConfig {
  if (!file) return createDefaultNotificationConfig(timeZone);
  const problems: ConfigProblem[] = [];
  const source = parseYamlSource(file.name, file.text, problems);
  const report = source && createReporter(source, [], problems);
  const entry = source && report && validateConfig(notificationFileSchema, source.data, report);
  const plan = entry && report && toNotificationConfig(entry, timeZone, report);
  if (!plan || problems.length > 0) throw createConfigFileError('PS_NOTIFY_INVALID', problems);
  return plan;
}

function toNotificationConfig(
  entry: NotificationFile,
  fallbackZone: string,
  report: ReportProblem,
): NotificationConfig {
  const { people = [], receivers = [], timeZone = fallbackZone } = entry;
  if (!IANAZone.isValidZone(timeZone)) {
    report(['timeZone'], '`timeZone` must be a time zone such as `Europe/Berlin`');
  }
  const { intervals = [], escalations = [], digests = [] } = entry;
  reportDuplicates('people', people, report);
  reportDuplicates('receivers', receivers, report);
  reportDuplicates('intervals', intervals, report);
  reportDuplicates('escalations', escalations, report);
  reportDuplicates('digests', digests, report);
  const known = {
    receivers: new Map(
      [DEFAULT_RECEIVER, ...receivers.map(toReceiver)].map((each) => [each.name, each]),
    ),
    intervals: new Map(
      intervals.map((each, i) => [
        each.name,
        toTimeInterval(each, timeZone, prefixReport(report, 'intervals', i)),
      ]),
    ),
    escalations: new Map<string, EscalationPolicy>(),
    digests: new Map<string, Digest>(
      digests.map(({ name, every: everyMs, at = [] }) => [name, { name, everyMs, at, timeZone }]),
    ),
  };
  for (const [i, each] of escalations.entries()) {
    const made = toEscalationPolicy(each, known.receivers, prefixReport(report, 'escalations', i));
    known.escalations.set(made.name, made);
  }
  for (const [i, each] of receivers.entries()) {
    checkReceiver(each, people, prefixReport(report, 'receivers', i));
  }
  const route = toRoute(entry.route ?? {}, known, prefixReport(report, 'route'));
  const { intervals: _, ...rest } = known;
  return { timeZone, people, route, ...rest };
}

type ReceiverConfig = NonNullable<NotificationFile['receivers']>[number];

function toReceiver({ name, to = {}, channels, deadline, limit }: ReceiverConfig): Receiver {
  return {
    name,
    channels,
    deadlineMs: deadline ?? DEFAULT_DEADLINE_MS,
    to: { roles: to.roles ?? [], people: to.people ?? [] },
    limit: limit
      ? { messages: limit.messages, perMs: limit.per ?? DEFAULT_LIMIT.perMs }
      : DEFAULT_LIMIT,
  };
}

/** Channels that reach people need to know whom, and those must be known. */
function checkReceiver(
  { to = {}, channels }: ReceiverConfig,
  people: NonNullable<NotificationFile['people']>,
  report: ReportProblem,
): void {
  const known = people.map(({ name }) => name);
  for (const [i, name] of (to.people ?? []).entries()) {
    // Others may come from the API or from the application, so only what looks mistyped is an error.
    const near = known.includes(name) ? undefined : findClosestMatch(name, known, 1);
    if (near === undefined) continue;
    report(['to', 'people', i], `there is no \`${name}\`; did you mean \`${near}\`?`);
  }
  const isNobody = (to.roles ?? []).length + (to.people ?? []).length === 0;
  for (const [i, { kind }] of channels.entries()) {
    if (kind === 'inApp' && isNobody) {
      report(['channels', i], '`inApp` needs `to` with the `roles` or `people` who are told');
    }
    const address = ADDRESS_FIELD_BY_CHANNEL[kind];
    const lacking = people.filter(
      (person) => to.people?.includes(person.name) && address && person[address] === undefined,
    );
    for (const { name } of lacking) {
      report(['channels', i], `\`${name}\` has no \`${address}\`, which \`${kind}\` needs`);
    }
  }
}

type IntervalConfig = NonNullable<NotificationFile['intervals']>[number];

function toTimeInterval(
  { name, times }: IntervalConfig,
  timeZone: string,
  report: ReportProblem,
): TimeInterval {
  const read = times.map((time, i) => {
    const data = isPlainObject(time) ? { timeZone, ...time } : time;
    return validateConfig(recurrenceSchema, data, prefixReport(report, 'times', i));
  });
  return { name, times: read.filter((each) => each !== undefined) };
}

function reportDuplicates(
  list: string,
  entries: readonly { name: string }[],
  report: ReportProblem,
): void {
  const seen = new Set<string>();
  for (const [i, { name }] of entries.entries()) {
    if (seen.has(name)) {
      report([list, i, 'name'], `\`${name}\` is the name of two \`${list}\`; each needs its own`);
    }
    seen.add(name);
  }
}
