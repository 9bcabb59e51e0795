import { type Alert, getMatchLabels, isActive } from '../../../core/alerts/alert.ts';
import { matchesAll } from '../../../core/config-files/matcher.ts';
import { findOccurrenceEnd } from '../../../core/config-files/recurrence.ts';
import type { Person } from '../../../core/person-and-roles.ts';
import type {
  NotificationConfig,
  Receiver,
  Route,
  TimeInterval,
} from '../config/notification-config.ts';
import { acceptsSeverity, findTargets, type Target, toTargetKey } from './notification-target.ts';

/**
 * Returns the routes for an alert: the deepest matching routes, in the order of the file. If no child
 * matches, the route itself is used. After a match, siblings are tried only if the route has
 * `continue: true`. Returns no routes if the root does not match.
 */
export function findRoutes(alert: Alert, root: Route): Route[] {
  if (!isMatchingRoute(alert, root)) return [];
  const matchingRoutes: Route[] = [];
  for (const child of root.routes) {
    const deeper = findRoutes(alert, child);
    matchingRoutes.push(...deeper);
    if (deeper.length > 0 && !child.continues) break;
  }
  return matchingRoutes.length > 0 ? matchingRoutes : [root];
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

/** Why a route is muted. */
export interface Mute {
  /** Name of the interval. For `activeTimes`, the names of all intervals. */
  readonly by: string;
  readonly untilMs: number | undefined;
}

/** Returns why a route is muted now, or `undefined` if it is active. */
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

/** Returns the end of the interval that contains `now`, or `undefined` if none does. */
function findIntervalEnd({ times }: TimeInterval, now: number): number | undefined {
  const ends = times.map((time) => findOccurrenceEnd(time, now)).filter((end) => end !== undefined);
  return ends.length > 0 ? Math.max(...ends) : undefined;
}

/** Why an alert is not sent now. */
export interface RoutingSuppression {
  readonly alert: Alert;
  readonly reason: 'no_route' | 'muted' | 'no_recipient' | 'severity' | 'digest';
  readonly receiver: string | undefined;
  readonly detail: string;
}

/** A target and the alerts of a group for it. */
export interface TargetAlerts {
  readonly target: Target;
  readonly alerts: readonly Alert[];
}

export interface RoutingResult {
  readonly immediate: readonly TargetAlerts[];
  /** Alerts that wait for a digest. */
  readonly digested: readonly (TargetAlerts & { readonly digest: string })[];
  readonly suppressed: readonly RoutingSuppression[];
  /** Alerts with the name of the escalation policy to start. */
  readonly escalated: readonly { readonly alert: Alert; readonly escalation: string }[];
}

export interface RoutingContext {
  readonly config: NotificationConfig;
  readonly people: readonly Person[];
  readonly now: number;
}

/** Finds the targets of active alerts. */
export function routeAlerts(alerts: readonly Alert[], context: RoutingContext): RoutingResult {
  const { config, now } = context;
  const byTarget = new Map<string, { target: Target; alerts: Alert[]; digest?: string }>();
  const addedAddresses = new Set<string>();
  const suppressed: RoutingSuppression[] = [];
  const escalated: { alert: Alert; escalation: string }[] = [];
  for (const alert of alerts.filter(isActive)) {
    const routes = findRoutes(alert, config.route);
    if (routes.length === 0) {
      const detail = 'no route matches';
      suppressed.push({ alert, reason: 'no_route', receiver: undefined, detail });
    }
    for (const route of routes) {
      const muted = findMute(route, now);
      if (muted) {
        const detail = `interval: ${muted.by}`;
        suppressed.push({ alert, reason: 'muted', receiver: route.receivers.join(', '), detail });
        continue;
      }
      for (const { target, receiver } of findRouteTargets(alert, route, context, suppressed)) {
        const { digest } = route;
        if (digest !== undefined) {
          suppressed.push({
            alert,
            reason: 'digest',
            receiver: receiver.name,
            detail: `digest: ${digest}`,
          });
        }
        const { kind, person } = target;
        if (person !== undefined) {
          // The person receives the alert once per channel, even through several receivers.
          const address = JSON.stringify([digest ?? null, alert.id, kind, person]);
          if (addedAddresses.has(address)) continue;
          addedAddresses.add(address);
        }
        const key = JSON.stringify([digest ?? null, toTargetKey(target)]);
        const existing = byTarget.get(key);
        if (!existing) byTarget.set(key, { target, alerts: [alert], ...(digest && { digest }) });
        else if (!existing.alerts.includes(alert)) existing.alerts.push(alert);
      }
      if (route.escalation !== undefined && alert.state === 'firing') {
        escalated.push({ alert, escalation: route.escalation });
      }
    }
  }
  const all = [...byTarget.values()];
  return {
    immediate: all.filter(({ digest }) => digest === undefined),
    digested: all.flatMap(({ digest, ...each }) =>
      digest === undefined ? [] : [{ ...each, digest }],
    ),
    suppressed,
    escalated,
  };
}

function findRouteTargets(
  alert: Alert,
  route: Pick<Route, 'receivers'>,
  { config, people }: RoutingContext,
  suppressed: RoutingSuppression[],
): { target: Target; receiver: Receiver }[] {
  return route.receivers.flatMap((name) => {
    const receiver = config.receivers.get(name);
    const targets = receiver ? findTargets(receiver, alert, people) : [];
    const excluded = (receiver?.channels ?? []).filter((each) => !acceptsSeverity(each, alert));
    if (excluded.length > 0) {
      const kinds = excluded.map(({ kind }) => kind).join(', ');
      const detail = `${kinds}: not configured for ${alert.severity} alerts`;
      suppressed.push({ alert, reason: 'severity', receiver: name, detail });
    }
    if (receiver && targets.length === 0 && excluded.length > 0) return [];
    if (!receiver || targets.length === 0) {
      const detail = receiver
        ? 'the receiver has no recipient for this tenant'
        : 'the receiver does not exist';
      suppressed.push({ alert, reason: 'no_recipient', receiver: name, detail });
      return [];
    }
    return targets.map((target) => ({ target, receiver }));
  });
}

/** Returns the targets of an escalation level's receivers, with the alerts for each target. */
export function findReceiverTargets(
  alerts: readonly Alert[],
  receivers: readonly string[],
  context: RoutingContext,
  suppressed: RoutingSuppression[],
): TargetAlerts[] {
  const byTarget = new Map<string, { target: Target; alerts: Alert[] }>();
  for (const alert of alerts) {
    for (const { target } of findRouteTargets(alert, { receivers }, context, suppressed)) {
      const key = toTargetKey(target);
      const existing = byTarget.get(key);
      if (existing) existing.alerts.push(alert);
      else byTarget.set(key, { target, alerts: [alert] });
    }
  }
  return [...byTarget.values()];
}
