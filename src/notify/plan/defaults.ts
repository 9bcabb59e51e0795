import type { NotifyPlan, Receiver, Route } from './plan.ts';

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

export const DEADLINE_MS = HOUR_MS;
export const LIMIT = { messages: 120, perMs: MINUTE_MS } as const;

/** The receiver that is there without any file, unless a file has one of its own by this name. */
export const DEFAULT_RECEIVER: Receiver = {
  name: 'default',
  to: { roles: ['PROPERTY_MGR', 'ADMIN'], people: [] },
  channels: [{ kind: 'inApp' }],
  deadlineMs: DEADLINE_MS,
  // Whoever reads in Perfscope is not disturbed by many.
  limit: { messages: 100_000, perMs: MINUTE_MS },
};

const ROUTE: Route = {
  path: '',
  receivers: [DEFAULT_RECEIVER.name],
  matchers: [],
  severities: undefined,
  organization: undefined,
  property: undefined,
  activeTimes: undefined,
  muteTimes: [],
  continues: false,
  escalation: undefined,
  digest: undefined,
  routes: [],
};

/** In-app, to the managers of the property concerned and to administrators. */
export function defaultPlan(timeZone: string): NotifyPlan {
  return {
    timeZone,
    people: [],
    route: ROUTE,
    receivers: new Map([[DEFAULT_RECEIVER.name, DEFAULT_RECEIVER]]),
    escalations: new Map(),
    digests: new Map(),
  };
}
