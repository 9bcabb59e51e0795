/** Scenarios that raise alerts, with their descriptions. */
export const ALERT_SCENARIOS = {
  'slow-statement': 'The search for available rooms takes 1.5 s.',
  'stuck-queue': 'No confirmation emails are sent.',
  'error-burst': 'Four out of five bookings fail.',
  'payment-outage': 'The payment provider refuses connections, so bookings fail.',
  'stuck-database': 'Bookings hang. A circuit breaker opens and puts them on a waiting list.',
  'demand-peak': 'After 5 minutes, demand for one hotel is high. Its prices rise.',
  backlog: '20,000 invoices arrive at once. More workers run until all invoices are processed.',
  'busy-host': 'The service keeps all CPUs of the host busy.',
} as const;

/** Scenarios with one problem each, which Perfscope's suggestions find within ten minutes. */
export const SUGGESTION_SCENARIOS = {
  'n-plus-one': 'The search for rooms reads the last guests one by one.',
  'missing-index': 'Guests are found by email, without an index.',
  'slow-table': 'Three reports read a table that was never archived.',
  'missing-limit': 'The calendar reads all bookings of a hotel.',
  'small-pool': 'The pool has two connections, and a synchronization needs more.',
  'connection-leak': 'Lookups of missing bookings keep their connections.',
  'chatty-transactions': 'Each line of an invoice is a statement.',
  'too-few-workers': 'Room cleanings arrive faster than one worker can plan them.',
  'too-many-workers': '16 more workers wait for confirmation emails.',
  'first-attempt-fails': 'Loyalty points are added before the booking is committed.',
  'retries-without-backoff': 'Failed updates of other booking sites are retried at once.',
  'repeated-reads': 'Each search computes the same seasonal rates.',
  'event-loop-block': 'Some bookings are rendered by the main thread.',
  'gc-pressure': 'A cache is rebuilt many times per second.',
  'slow-tenant': 'One hotel has a million times more rates than others.',
} as const;

/** The demo's scenarios with their descriptions. */
const SCENARIOS = { ...ALERT_SCENARIOS, ...SUGGESTION_SCENARIOS } as const;

export type AlertScenario = keyof typeof ALERT_SCENARIOS;
export type SuggestionScenario = keyof typeof SUGGESTION_SCENARIOS;
export type Scenario = keyof typeof SCENARIOS;

function isScenario(name: string): name is Scenario {
  return Object.hasOwn(SCENARIOS, name);
}

/**
 * Returns the scenarios in a list such as `n-plus-one,small-pool`.
 *
 * @returns the first name that is not a scenario, as a text, if there is one
 */
export function parseScenarios(list: string): Scenario[] | string {
  const names = list.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !isScenario(name));
  return unknown ?? names.filter(isScenario);
}

/** Time between the start of the demo and the start of a scenario, in ms. */
export const SCENARIO_DELAY_MS = 20_000;
/** Delay of scenarios with a surge, which is only visible after some minutes of usual traffic. In ms. */
export const SURGE_DELAY_MS = 300_000;

/** Returns whether a scenario starts after the longer delay. */
export function isSurge(scenario: Scenario): boolean {
  return scenario === 'demand-peak';
}
