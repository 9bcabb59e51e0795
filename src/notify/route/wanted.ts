import { isActive, type KnownAlert } from '../alert.ts';
import type { NotifyPlan, Person, Receiver, Route } from '../plan/plan.ts';
import { mutedNow, routesFor } from './route.ts';
import { type Target, targetKey, targetsOf } from './target.ts';

/** Why routing does not tell of an alert. */
export interface Stopped {
  readonly alert: KnownAlert;
  readonly reason: 'no_route' | 'muted' | 'no_recipient' | 'digest';
  readonly receiver: string | undefined;
  readonly detail: string;
}

/** What one target is to be told of a group. */
export interface Wanted {
  readonly target: Target;
  readonly alerts: readonly KnownAlert[];
}

/** What routing makes of a group of alerts. */
export interface Routing {
  readonly now: readonly Wanted[];
  /** The same for the digests by their name. */
  readonly later: readonly (Wanted & { readonly digest: string })[];
  readonly stopped: readonly Stopped[];
  /** Alert ids with the name of what escalates them. */
  readonly escalated: readonly { readonly alert: KnownAlert; readonly escalation: string }[];
}

export interface RoutingContext {
  readonly plan: NotifyPlan;
  readonly people: readonly Person[];
  readonly now: number;
}

/** Finds who is told of the alerts that go on. */
export function routeAlerts(alerts: readonly KnownAlert[], context: RoutingContext): Routing {
  const { plan, now } = context;
  const wanted = new Map<string, { target: Target; alerts: KnownAlert[]; digest?: string }>();
  const stopped: Stopped[] = [];
  const escalated: { alert: KnownAlert; escalation: string }[] = [];
  for (const alert of alerts.filter(isActive)) {
    const routes = routesFor(alert, plan.route);
    if (routes.length === 0) {
      const detail = 'no route of the file matches it';
      stopped.push({ alert, reason: 'no_route', receiver: undefined, detail });
    }
    for (const route of routes) {
      const muted = mutedNow(route, now);
      if (muted) {
        const detail = `by ${muted.by}`;
        stopped.push({ alert, reason: 'muted', receiver: route.receivers.join(', '), detail });
        continue;
      }
      for (const { target, receiver } of routeTargets(alert, route, context, stopped)) {
        const { digest } = route;
        if (digest !== undefined) {
          stopped.push({
            alert,
            reason: 'digest',
            receiver: receiver.name,
            detail: `in ${digest}`,
          });
        }
        const key = JSON.stringify([digest ?? null, targetKey(target)]);
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
    now: all.filter(({ digest }) => digest === undefined),
    later: all.flatMap(({ digest, ...each }) =>
      digest === undefined ? [] : [{ ...each, digest }],
    ),
    stopped,
    escalated,
  };
}

function routeTargets(
  alert: KnownAlert,
  route: Pick<Route, 'receivers'>,
  { plan, people }: RoutingContext,
  stopped: Stopped[],
): { target: Target; receiver: Receiver }[] {
  return route.receivers.flatMap((name) => {
    const receiver = plan.receivers.get(name);
    const targets = receiver ? targetsOf(receiver, alert, people) : [];
    if (!receiver || targets.length === 0) {
      const detail = receiver ? 'it concerns nobody there' : 'there is no such receiver';
      stopped.push({ alert, reason: 'no_recipient', receiver: name, detail });
      return [];
    }
    return targets.map((target) => ({ target, receiver }));
  });
}

/** The targets of the receivers that a level of an escalation names, with the alerts for each. */
export function targetsOfReceivers(
  alerts: readonly KnownAlert[],
  receivers: readonly string[],
  context: RoutingContext,
  stopped: Stopped[],
): Wanted[] {
  const wanted = new Map<string, { target: Target; alerts: KnownAlert[] }>();
  for (const alert of alerts) {
    for (const { target } of routeTargets(alert, { receivers }, context, stopped)) {
      const key = targetKey(target);
      const known = wanted.get(key);
      if (known) known.alerts.push(alert);
      else wanted.set(key, { target, alerts: [alert] });
    }
  }
  return [...wanted.values()];
}
