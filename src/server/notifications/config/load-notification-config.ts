import { IANAZone } from 'luxon';
import {
  type ConfigProblem,
  createConfigFileError,
  prefixReport,
  type ReportProblem,
  validateConfig,
} from '../../../core/config-files/config-validation.ts';
import { formatSuggestion } from '../../../core/config-files/format-suggestion.ts';
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
  DEFAULT_RECIPIENT_PERIOD_MS,
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

/**
 * Parses the notification file. Without a file, returns the default configuration.
 *
 * @param timeZone default time zone
 * @throws PS_NOTIFY_INVALID with all problems in the file and their positions
 */
export function loadNotificationConfig(timeZone: string, file?: NamedFileText): NotificationConfig {
  if (!file) return createDefaultNotificationConfig(timeZone);
  const problems: ConfigProblem[] = [];
  const source = parseYamlSource(file.name, file.text, problems);
  const report = source && createReporter(source, [], problems);
  const entry = source && report && validateConfig(notificationFileSchema, source.data, report);
  const config = entry && report && toNotificationConfig(entry, timeZone, report);
  if (!config || problems.length > 0) throw createConfigFileError('PS_NOTIFY_INVALID', problems);
  return config;
}

function toNotificationConfig(
  entry: NotificationFile,
  defaultTimeZone: string,
  report: ReportProblem,
): NotificationConfig {
  const { people = [], receivers = [], timeZone = defaultTimeZone } = entry;
  if (!IANAZone.isValidZone(timeZone)) {
    report(['timeZone'], '`timeZone` must be a time zone such as `Europe/Berlin`');
  }
  const { intervals = [], escalations = [], digests = [] } = entry;
  reportDuplicates('people', people, report);
  reportDuplicates('receivers', receivers, report);
  reportDuplicates('intervals', intervals, report);
  reportDuplicates('escalations', escalations, report);
  reportDuplicates('digests', digests, report);
  const definitions = {
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
    const policy = toEscalationPolicy(
      each,
      definitions.receivers,
      prefixReport(report, 'escalations', i),
    );
    definitions.escalations.set(policy.name, policy);
  }
  for (const [i, each] of receivers.entries()) {
    checkReceiver(each, people, prefixReport(report, 'receivers', i));
  }
  const route = toRoute(entry.route ?? {}, definitions, prefixReport(report, 'route'));
  const { intervals: _, ...rest } = definitions;
  return { timeZone, people, route, ...rest };
}

type ReceiverConfig = NonNullable<NotificationFile['receivers']>[number];

function toReceiver({
  name,
  to = {},
  channels,
  deadline,
  limit,
  recipientLimit,
}: ReceiverConfig): Receiver {
  return {
    name,
    channels,
    deadlineMs: deadline ?? DEFAULT_DEADLINE_MS,
    to: { roles: to.roles ?? [], people: to.people ?? [] },
    limit: limit
      ? { messages: limit.messages, perMs: limit.per ?? DEFAULT_LIMIT.perMs }
      : DEFAULT_LIMIT,
    recipientLimit: recipientLimit && {
      messages: recipientLimit.messages,
      perMs: recipientLimit.per ?? DEFAULT_RECIPIENT_PERIOD_MS,
    },
  };
}

/** Checks that the people of a receiver exist and have the addresses that its channels need. */
function checkReceiver(
  { to = {}, channels }: ReceiverConfig,
  people: NonNullable<NotificationFile['people']>,
  report: ReportProblem,
): void {
  const knownNames = people.map(({ name }) => name);
  for (const [i, name] of (to.people ?? []).entries()) {
    // People who aren't in the file can come from the API or the application, so report only likely
    // typos.
    const closest = knownNames.includes(name) ? undefined : findClosestMatch(name, knownNames, 1);
    if (closest === undefined) continue;
    report(['to', 'people', i], `unknown person \`${name}\`; did you mean \`${closest}\`?`);
  }
  const hasNoRecipients = (to.roles ?? []).length + (to.people ?? []).length === 0;
  for (const [i, { kind }] of channels.entries()) {
    if (kind === 'inApp' && hasNoRecipients) {
      report(['channels', i], '`inApp` requires `to` with `roles` or `people`');
    }
    const address = ADDRESS_FIELD_BY_CHANNEL[kind];
    const withoutAddress = people.filter(
      (person) => to.people?.includes(person.name) && address && person[address] === undefined,
    );
    for (const { name } of withoutAddress) {
      report(['channels', i], `\`${name}\` has no \`${address}\`, which \`${kind}\` requires`);
    }
  }
}

type IntervalConfig = NonNullable<NotificationFile['intervals']>[number];

function toTimeInterval(
  { name, times }: IntervalConfig,
  timeZone: string,
  report: ReportProblem,
): TimeInterval {
  const parsed = times.map((time, i) => {
    const data = isPlainObject(time) ? { timeZone, ...time } : time;
    return validateConfig(recurrenceSchema, data, prefixReport(report, 'times', i));
  });
  return { name, times: parsed.filter((each) => each !== undefined) };
}

type EscalationConfig = NonNullable<NotificationFile['escalations']>[number];

function toEscalationPolicy(
  { name, levels }: EscalationConfig,
  receivers: ReadonlyMap<string, Receiver>,
  report: ReportProblem,
): EscalationPolicy {
  let previousMs = 0;
  const parsed = levels.map(({ after: afterMs, receivers: names, repeat: repeatMs, times }, i) => {
    if (afterMs <= previousMs) {
      report(['levels', i, 'after'], '`after` must be longer than in the previous level');
    }
    if (repeatMs !== undefined && repeatMs < 1000) {
      report(['levels', i, 'repeat'], '`repeat` must be at least `1s`');
    }
    if (times !== undefined && times > 1 && repeatMs === undefined) {
      report(['levels', i, 'times'], '`times` requires `repeat`');
    }
    previousMs = afterMs;
    reportUnknownNames(names, receivers, (at, message) =>
      report(['levels', i, 'receivers', at], message),
    );
    return { afterMs, receivers: names, repeatMs, times } satisfies EscalationLevel;
  });
  return { name, levels: parsed };
}

/** Definitions that routes can refer to. */
interface Definitions {
  readonly receivers: ReadonlyMap<string, Receiver>;
  readonly intervals: ReadonlyMap<string, TimeInterval>;
  readonly escalations: ReadonlyMap<string, EscalationPolicy>;
  readonly digests: ReadonlyMap<string, Digest>;
}

/** The settings that a route inherits from its parent unless it sets them. */
type InheritedRoute = Pick<Route, 'path' | 'receivers' | 'escalation' | 'digest'>;

const ROOT_ROUTE_DEFAULTS: InheritedRoute = {
  path: '',
  receivers: [DEFAULT_RECEIVER.name],
  escalation: undefined,
  digest: undefined,
};
const MAX_ROUTE_DEPTH = 20;

/** Converts a route and its children. */
function toRoute(
  data: unknown,
  definitions: Definitions,
  report: ReportProblem,
  parent: InheritedRoute = ROOT_ROUTE_DEFAULTS,
  depth = 0,
): Route {
  const entry = validateConfig(routeSchema, data, report) ?? {};
  checkRouteNames(entry, definitions, report);
  if (depth > MAX_ROUTE_DEPTH)
    report([], `routes can be nested at most ${MAX_ROUTE_DEPTH} levels deep`);
  const own: InheritedRoute = {
    path: parent.path,
    receivers: entry.receivers ?? parent.receivers,
    escalation: entry.escalation ?? parent.escalation,
    digest: entry.digest ?? parent.digest,
  };
  const routes = depth > MAX_ROUTE_DEPTH ? [] : (entry.routes ?? []);
  return {
    ...own,
    matchers: entry.matchers ?? [],
    severities: entry.severity,
    organization: entry.organization,
    property: entry.property,
    activeTimes: entry.activeTimes && findIntervals(entry.activeTimes, definitions),
    muteTimes: findIntervals(entry.muteTimes ?? [], definitions),
    continues: entry.continue ?? false,
    routes: routes.map((child, i) => {
      const path = parent.path === '' ? `${i + 1}` : `${parent.path}.${i + 1}`;
      return toRoute(
        child,
        definitions,
        prefixReport(report, 'routes', i),
        { ...own, path },
        depth + 1,
      );
    }),
  };
}

function checkRouteNames(
  entry: RouteConfig,
  definitions: Definitions,
  report: ReportProblem,
): void {
  const lists = [
    ['receivers', entry.receivers, definitions.receivers],
    ['activeTimes', entry.activeTimes, definitions.intervals],
    ['muteTimes', entry.muteTimes, definitions.intervals],
  ] as const;
  for (const [key, names = [], knownNames] of lists) {
    reportUnknownNames(names, knownNames, (at, message) => report([key, at], message));
  }
  const singles = [
    ['escalation', entry.escalation, definitions.escalations],
    ['digest', entry.digest, definitions.digests],
  ] as const;
  for (const [key, name, knownNames] of singles) {
    reportUnknownNames(name === undefined ? [] : [name], knownNames, (_at, message) =>
      report([key], message),
    );
  }
}

function findIntervals(names: readonly string[], definitions: Definitions): TimeInterval[] {
  return names.flatMap((name) => definitions.intervals.get(name) ?? []);
}

/** Reports each name that is not in `known`. */
function reportUnknownNames(
  names: readonly string[],
  known: ReadonlyMap<string, unknown>,
  report: (at: number, message: string) => void,
): void {
  for (const [at, name] of names.entries()) {
    if (!known.has(name))
      report(at, `unknown name \`${name}\`; ${formatSuggestion(name, [...known.keys()])}`);
  }
}

function reportDuplicates(
  list: string,
  entries: readonly { name: string }[],
  report: ReportProblem,
): void {
  const seen = new Set<string>();
  for (const [i, { name }] of entries.entries()) {
    if (seen.has(name)) {
      report(
        [list, i, 'name'],
        `the name \`${name}\` is used twice in \`${list}\`; each entry needs its own name`,
      );
    }
    seen.add(name);
  }
}
