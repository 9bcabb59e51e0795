import { allMatch } from '../../entries/matcher.ts';
import { occurrence } from '../../entries/recurrence.ts';
import { type KnownAlert, matchable } from '../alert.ts';
import type { Interval, Route } from '../plan/plan.ts';

/**
 * The routes that tell of an alert: the deepest that match, in the order of the file. A route whose
 * children do not match tells itself; after one that matches the next are asked only where it says
 * `continue`. None where the root does not match.
 */
export function routesFor(alert: KnownAlert, root: Route): Route[] {
  if (!matches(alert, root)) return [];
  const found: Route[] = [];
  for (const child of root.routes) {
    const deeper = routesFor(alert, child);
    found.push(...deeper);
    if (deeper.length > 0 && !child.continues) break;
  }
  return found.length > 0 ? found : [root];
}

function matches(alert: KnownAlert, route: Route): boolean {
  const { severities, organization, property } = route;
  const { labels } = alert;
  return (
    (severities === undefined || severities.includes(alert.severity)) &&
    (organization === undefined || labels.organization === organization) &&
    (property === undefined || labels.property === property) &&
    allMatch(route.matchers, matchable(alert))
  );
}

/** Why a route tells nothing at the moment. */
export interface Muted {
  /** Name of the interval. */
  readonly by: string;
  readonly untilMs: number | undefined;
}

/** @returns undefined while it may tell */
export function mutedNow({ activeTimes, muteTimes }: Route, now: number): Muted | undefined {
  for (const interval of muteTimes) {
    const untilMs = endOf(interval, now);
    if (untilMs !== undefined) return { by: interval.name, untilMs };
  }
  if (activeTimes === undefined) return undefined;
  if (activeTimes.some((interval) => endOf(interval, now) !== undefined)) return undefined;
  return { by: activeTimes.map(({ name }) => name).join(', '), untilMs: undefined };
}

/** When the interval ends that `now` lies in. */
function endOf({ times }: Interval, now: number): number | undefined {
  const ends = times.map((time) => occurrence(time, now)?.[1]).filter((end) => end !== undefined);
  return ends.length > 0 ? Math.max(...ends) : undefined;
}
