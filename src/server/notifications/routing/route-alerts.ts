import { type Alert, getMatchLabels, isActive } from '../../../core/alerts/alert.ts';
import { matchesAll } from '../../../core/config-files/matcher.ts';
import { findOccurrence } from '../../../core/config-files/recurrence.ts';
import type { Person } from '../../../core/people.ts';
import type {
  NotificationConfig,
  Receiver,
  Route,
  TimeInterval,
} from '../config/notification-config.ts';
import { findTargets, type Target, toTargetKey } from './notification-target.ts';

/**
 * The routes that tell of an alert: the deepest that match, in the order of the file. A route whose
 * children do not match tells itself; after one that matches the next are asked only where it says
 * `continue`. None where the root does not match.
 */
export function findRoutes(alert: Alert, root: Route): Route[] {
  if (!isMatchingRoute(alert, root)) return [];
  const found: Route[] = [];
  for (const child of root.routes) {
    const deeper = findRoutes(alert, child);
    found.push(...deeper);
    if (deeper.length > 0 && !child.continues) break;
  }
  return found.length > 0 ? found : [root];
}

function isMatchingRoute(alert: Alert, route: Route): boolean {
  const { severities, organization, property } = route;
  const { labels } = alert;
  return (
    (severities === undefined || severities.includes(alert.severity)) &&
    (organization === undefined || labels.organization === organization) &&
    (property === undefined || labels.property === property) &&
    matchesAll(route.matchers, getMatchLabels(alert))
  );
}

/** Why a route tells nothing at the moment. */
export interface Mute {
  /** Name of the interval. */
  readonly by: string;
  readonly untilMs: number | undefined;
}

/** @returns undefined while it may tell */
export function findMute({ activeTimes, muteTimes }: Route, now: number): Mute | undefined {
  for (const interval of muteTimes) {
    const untilMs = findIntervalEnd(interval, now);
    if (untilMs !== undefined) return { by: interval.name, untilMs };
  }
  if (activeTimes === undefined) return undefined;
  if (activeTimes.some((interval) => findIntervalEnd(interval, now) !== undefined))
    return undefined;
  return { by: activeTimes.map(({ name }) => name).join(', '), untilMs: undefined };
}

/** When the interval ends that `now` lies in. */
function findIntervalEnd({ times }: TimeInterval, now: number): number | undefined {
  const ends = times
    .map((time) => findOccurrence(time, now)?.[1])
    .filter((end) => end !== undefined);
  return ends.length > 0 ? Math.max(...ends) : undefined;
}

/** Why routing does not tell of an alert. */
export interface RoutingSuppression {
  readonly alert: Alert;
  readonly reason: 'no_route' | 'muted' | 'no_recipient' | 'digest';
  readonly receiver: string | undefined;
  readonly detail: string;
}

/** What one target is to be told of a group. */
export interface TargetAlerts {
  readonly target: Target;
  readonly alerts: readonly Alert[];
}

/** What routing makes of a group of alerts. */
export interface RoutingResult {
  readonly immediate: readonly TargetAlerts[];
  /** The same for the digests by their name. */
  readonly digested: readonly (TargetAlerts & { readonly digest: string })[];
  readonly suppressed: readonly RoutingSuppression[];
  /** Alert ids with the name of what escalates them. */
  readonly escalated: readonly { readonly alert: Alert; readonly escalation: string }[];
}

export interface RoutingContext {
  readonly config: NotificationConfig;
  readonly people: readonly Person[];
  readonly now: number;
}

/** Finds who is told of the alerts that go on. */
export function routeAlerts(alerts: readonly Alert[], context: RoutingContext): RoutingResult {
  const { config: plan, now } = context;
  const wanted = new Map<string, { target: Target; alerts: Alert[]; digest?: string }>();
  const stopped: RoutingSuppression[] = [];
  const escalated: { alert: Alert; escalation: string }[] = [];
  for (const alert of alerts.filter(isActive)) {
    const routes = findRoutes(alert, plan.route);
    if (routes.length === 0) {
      const detail = 'no route of the file matches it';
      stopped.push({ alert, reason: 'no_route', receiver: undefined, detail });
    }
    for (const route of routes) {
      const muted = findMute(route, now);
      if (muted) {
        const detail = `by ${muted.by}`;
        stopped.push({ alert, reason: 'muted', receiver: route.receivers.join(', '), detail });
        continue;
      }
      for (const { target, receiver } of findRouteTargets(alert, route, context, stopped)) {
        const { digest } = route;
        if (digest !== undefined) {
          stopped.push({
            alert,
            reason: 'digest',
            receiver: receiver.name,
            detail: `in ${digest}`,
          });
        }
        const key = JSON.stringify([digest ?? null, toTargetKey(target)]);
        const known = wanted.get(key);
        if (!known) wanted.set(key, { target, alerts: [alert], ...(digest && { digest }) });
        else if (!known.alerts.includes(alert)) known.alerts.push(alert);
      }
      if (route.escalation !== undefined && alert.state === 'firing') {
        escalated.push({ alert, escalation: route.escalation });
      }
    }
  }
  const all = [...wanted.values()];
  return {
    immediate: all.filter(({ digest }) => digest === undefined),
    digested: all.flatMap(({ digest, ...each }) =>
      digest === undefined ? [] : [{ ...each, digest }],
    ),
    suppressed: stopped,
    escalated,
  };
}

function findRouteTargets(
  alert: Alert,
  route: Pick<Route, 'receivers'>,
  { config: plan, people }: RoutingContext,
  stopped: RoutingSuppression[],
): { target: Target; receiver: Receiver }[] {
  return route.receivers.flatMap((name) => {
    const receiver = plan.receivers.get(name);
    const targets = receiver ? findTargets(receiver, alert, people) : [];
    if (!receiver || targets.length === 0) {
      const detail = receiver ? 'it concerns nobody there' : 'there is no such receiver';
      stopped.push({ alert, reason: 'no_recipient', receiver: name, detail });
      return [];
    }
    return targets.map((target) => ({ target, receiver }));
  });
}

/** The targets of the receivers that a level of an escalation names, with the alerts for each. */
export function findReceiverTargets(
  alerts: readonly Alert[],
  receivers: readonly string[],
  context: RoutingContext,
  stopped: RoutingSuppression[],
): TargetAlerts[] {
  const wanted = new Map<string, { target: Target; alerts: Alert[] }>();
  for (const alert of alerts) {
    for (const { target } of findRouteTargets(alert, { receivers }, context, stopped)) {
      const key = toTargetKey(target);
      const known = wanted.get(key);
      if (known) known.alerts.push(alert);
      else wanted.set(key, { target, alerts: [alert] });
    }
  }
  return [...wanted.values()];
}
