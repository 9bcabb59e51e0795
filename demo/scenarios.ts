/** The demo's scenarios with their descriptions. */
export const SCENARIOS = {
  'slow-statement': 'The search for available rooms takes 1.5 s.',
  'stuck-queue': 'No confirmation emails are sent.',
  'error-burst': 'Four out of five bookings fail.',
  'payment-outage': 'The payment provider refuses connections, so bookings fail.',
  'stuck-database': 'Bookings hang. A circuit breaker opens and puts them on a waiting list.',
  'demand-peak': 'After 5 minutes, demand for one hotel is high. Its prices rise.',
  backlog: '20,000 invoices arrive at once. More workers run until all invoices are processed.',
  'busy-host': 'The service keeps all CPUs of the host busy.',
} as const;

export type Scenario = keyof typeof SCENARIOS;

export function isScenario(name: string): name is Scenario {
  return Object.hasOwn(SCENARIOS, name);
}

/** Time between the start of the demo and the start of a scenario, in ms. */
export const SCENARIO_DELAY_MS = 20_000;
/** Delay of scenarios with a surge, which is only visible after some minutes of usual traffic. In ms. */
export const SURGE_DELAY_MS = 300_000;

/** Returns whether a scenario starts after the longer delay. */
export function isSurge(scenario: Scenario): boolean {
  return scenario === 'demand-peak';
}
