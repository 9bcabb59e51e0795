/** The demo's scenarios with their descriptions. */
export const SCENARIOS = {
  'slow-statement': 'The search for available rooms takes 1.5 s.',
  'stuck-queue': 'No confirmation emails are sent.',
  'error-burst': 'Four out of five bookings fail.',
  'payment-outage': 'The payment provider refuses connections, so bookings fail.',
  'stuck-database': 'Bookings hang. A circuit breaker opens and puts them on a waiting list.',
  'demand-peak': 'Demand for one hotel is high. Its prices rise and later fall again.',
  backlog: '3,000 invoices arrive at once. More workers run until all invoices are processed.',
  'busy-host': 'The service keeps the CPU fully busy.',
} as const;

export type Scenario = keyof typeof SCENARIOS;

export function isScenario(name: string): name is Scenario {
  return Object.hasOwn(SCENARIOS, name);
}
