import { checked } from '../../entries/check.ts';
import { below, type Report } from '../../entries/problems.ts';
import { DEFAULT_RECEIVER } from './defaults.ts';
import { type RouteEntry, routeEntry } from './entry.ts';
import { refuseUnknown } from './escalation.ts';
import type { Digest, Escalation, Interval, Receiver, Route } from './plan.ts';

/** What routes may name. */
interface Known {
  readonly receivers: ReadonlyMap<string, Receiver>;
  readonly intervals: ReadonlyMap<string, Interval>;
  readonly escalations: ReadonlyMap<string, Escalation>;
  readonly digests: ReadonlyMap<string, Digest>;
}

/** What a route has from the one above it, unless it says something else. */
type Inherited = Pick<Route, 'path' | 'receivers' | 'escalation' | 'digest'>;

const TOP: Inherited = {
  path: '',
  receivers: [DEFAULT_RECEIVER.name],
  escalation: undefined,
  digest: undefined,
};
const DEEPEST = 20;

/** Reads a route with all that are under it. */
export function routeOf(
  data: unknown,
  known: Known,
  report: Report,
  above: Inherited = TOP,
  depth = 0,
): Route {
  const entry = checked(routeEntry, data, report) ?? {};
  checkNames(entry, known, report);
  if (depth > DEEPEST) report([], `routes must not be deeper than ${DEEPEST}`);
  const own: Inherited = {
    path: above.path,
    receivers: entry.receivers ?? above.receivers,
    escalation: entry.escalation ?? above.escalation,
    digest: entry.digest ?? above.digest,
  };
  const routes = depth > DEEPEST ? [] : (entry.routes ?? []);
  return {
    ...own,
    matchers: entry.matchers ?? [],
    severities: entry.severity,
    organization: entry.organization,
    property: entry.property,
    activeTimes: entry.activeTimes && intervals(entry.activeTimes, known),
    muteTimes: intervals(entry.muteTimes ?? [], known),
    continues: entry.continue ?? false,
    routes: routes.map((child, i) => {
      const path = above.path === '' ? `${i + 1}` : `${above.path}.${i + 1}`;
      return routeOf(child, known, below(report, 'routes', i), { ...own, path }, depth + 1);
    }),
  };
}

function checkNames(entry: RouteEntry, known: Known, report: Report): void {
  const lists = [
    ['receivers', entry.receivers, known.receivers],
    ['activeTimes', entry.activeTimes, known.intervals],
    ['muteTimes', entry.muteTimes, known.intervals],
  ] as const;
  for (const [key, names = [], of] of lists) {
    refuseUnknown(names, of, (at, message) => report([key, at], message));
  }
  const singles = [
    ['escalation', entry.escalation, known.escalations],
    ['digest', entry.digest, known.digests],
  ] as const;
  for (const [key, name, of] of singles) {
    refuseUnknown(name === undefined ? [] : [name], of, (_at, message) => report([key], message));
  }
}

function intervals(names: readonly string[], known: Known): Interval[] {
  return names.flatMap((name) => known.intervals.get(name) ?? []);
}
