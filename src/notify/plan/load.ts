import { IANAZone } from 'luxon';
import { nearest } from '../../config/nearest.ts';
import { checked } from '../../entries/check.ts';
import { below, fileInvalid, type LocatedProblem, type Report } from '../../entries/problems.ts';
import { recurrenceEntry } from '../../entries/recurrence.ts';
import { isData, parseSource, reporter } from '../../entries/source.ts';
import type { NamedText } from '../../entries/watched-file.ts';
import { ADDRESSED } from './channel-entry.ts';
import { DEADLINE_MS, DEFAULT_RECEIVER, defaultPlan, LIMIT } from './defaults.ts';
import { type NotifyEntry, notifyEntry } from './entry.ts';
import { escalationOf } from './escalation.ts';
import type { Digest, Escalation, Interval, NotifyPlan, Receiver } from './plan.ts';
import { routeOf } from './route.ts';

/**
 * Reads who is told of what. Without a file: in-app to PROPERTY_MGR and ADMIN.
 *
 * @param timeZone of times of day that name none
 * @throws PS_NOTIFY_INVALID with every problem of the file, each with its line
 */
export function loadNotifyPlan(timeZone: string, file?: NamedText): NotifyPlan {
  if (!file) return defaultPlan(timeZone);
  const problems: LocatedProblem[] = [];
  const source = parseSource(file.name, file.text, problems);
  const report = source && reporter(source, [], problems);
  const entry = source && report && checked(notifyEntry, source.data, report);
  const plan = entry && report && planOf(entry, timeZone, report);
  if (!plan || problems.length > 0) throw fileInvalid('PS_NOTIFY_INVALID', problems);
  return plan;
}

function planOf(entry: NotifyEntry, fallbackZone: string, report: Report): NotifyPlan {
  const { people = [], receivers = [], timeZone = fallbackZone } = entry;
  if (!IANAZone.isValidZone(timeZone)) {
    report(['timeZone'], '`timeZone` must be a time zone such as `Europe/Berlin`');
  }
  const { intervals = [], escalations = [], digests = [] } = entry;
  refuseTwice('people', people, report);
  refuseTwice('receivers', receivers, report);
  refuseTwice('intervals', intervals, report);
  refuseTwice('escalations', escalations, report);
  refuseTwice('digests', digests, report);
  const known = {
    receivers: new Map(
      [DEFAULT_RECEIVER, ...receivers.map(receiverOf)].map((each) => [each.name, each]),
    ),
    intervals: new Map(
      intervals.map((each, i) => [
        each.name,
        intervalOf(each, timeZone, below(report, 'intervals', i)),
      ]),
    ),
    escalations: new Map<string, Escalation>(),
    digests: new Map<string, Digest>(
      digests.map(({ name, every: everyMs, at = [] }) => [name, { name, everyMs, at, timeZone }]),
    ),
  };
  for (const [i, each] of escalations.entries()) {
    const made = escalationOf(each, known.receivers, below(report, 'escalations', i));
    known.escalations.set(made.name, made);
  }
  for (const [i, each] of receivers.entries()) {
    checkReceiver(each, people, below(report, 'receivers', i));
  }
  const route = routeOf(entry.route ?? {}, known, below(report, 'route'));
  const { intervals: _, ...rest } = known;
  return { timeZone, people, route, ...rest };
}

type ReceiverEntry = NonNullable<NotifyEntry['receivers']>[number];

function receiverOf({ name, to = {}, channels, deadline, limit }: ReceiverEntry): Receiver {
  return {
    name,
    channels,
    deadlineMs: deadline ?? DEADLINE_MS,
    to: { roles: to.roles ?? [], people: to.people ?? [] },
    limit: limit ? { messages: limit.messages, perMs: limit.per ?? LIMIT.perMs } : LIMIT,
  };
}

/** Channels that reach people need to know whom, and those must be known. */
function checkReceiver(
  { to = {}, channels }: ReceiverEntry,
  people: NonNullable<NotifyEntry['people']>,
  report: Report,
): void {
  const known = people.map(({ name }) => name);
  for (const [i, name] of (to.people ?? []).entries()) {
    // Others may come from the API or from the application, so only what looks mistyped is an error.
    const near = known.includes(name) ? undefined : nearest(name, known, 1);
    if (near === undefined) continue;
    report(['to', 'people', i], `there is no \`${name}\`; did you mean \`${near}\`?`);
  }
  const isNobody = (to.roles ?? []).length + (to.people ?? []).length === 0;
  for (const [i, { kind }] of channels.entries()) {
    if (kind === 'inApp' && isNobody) {
      report(['channels', i], '`inApp` needs `to` with the `roles` or `people` who are told');
    }
    const address = ADDRESSED[kind];
    const lacking = people.filter(
      (person) => to.people?.includes(person.name) && address && person[address] === undefined,
    );
    for (const { name } of lacking) {
      report(['channels', i], `\`${name}\` has no \`${address}\`, which \`${kind}\` needs`);
    }
  }
}

type IntervalEntry = NonNullable<NotifyEntry['intervals']>[number];

function intervalOf({ name, times }: IntervalEntry, timeZone: string, report: Report): Interval {
  const read = times.map((time, i) => {
    const data = isData(time) ? { timeZone, ...time } : time;
    return checked(recurrenceEntry, data, below(report, 'times', i));
  });
  return { name, times: read.filter((each) => each !== undefined) };
}

function refuseTwice(list: string, entries: readonly { name: string }[], report: Report): void {
  const seen = new Set<string>();
  for (const [i, { name }] of entries.entries()) {
    if (seen.has(name)) {
      report([list, i, 'name'], `\`${name}\` is the name of two \`${list}\`; each needs its own`);
    }
    seen.add(name);
  }
}
