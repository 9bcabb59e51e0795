/** Trouble that the demo can make, and what is to be seen then. */
export const SCENARIOS = {
  'slow-statement': 'the search for free rooms takes 1.5 s',
  'stuck-queue': 'nobody sends the confirmation e-mails any more',
  'error-burst': 'two of five bookings fail',
  'stuck-database': 'bookings hang: a breaker opens, and they are taken on a waiting list',
  'demand-peak': 'many people want the seaside: its prices rise, and fall again',
  backlog: 'three thousand invoices come at once: more workers until they are done',
  'busy-host': 'the service computes all the time',
} as const;

export type Scenario = keyof typeof SCENARIOS;

export function isScenario(name: string): name is Scenario {
  return Object.hasOwn(SCENARIOS, name);
}
