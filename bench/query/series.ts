import type { Attributes } from '@opentelemetry/api';
import { ORGANIZATION, PROPERTY } from '../../src/schema/attributes.ts';
import type { Origin } from '../../src/schema/dimensions.ts';
import { seeded } from './random.ts';

export const SERVICES = 20;
const ENDPOINTS = 50;
const ORGANIZATIONS = 20;
/** Of them one in twelve is of requests that fail. */
const REQUEST_SERIES = 500;
const FAILING = 42;
export const QUEUES = 8;

/** One series of durations, and how they are distributed. */
export interface Series {
  readonly service: number;
  readonly metric: 'http' | 'database' | 'processing' | 'wait';
  readonly attributes: Attributes;
  readonly endpoint: string;
  /** Durations a cycle when traffic is usual. */
  readonly perCycle: number;
  readonly medianMs: number;
  /** Standard deviation of the durations' logarithm. */
  readonly sigma: number;
}

export const originOf = (service: number, instance = 1): Origin => ({
  service: `service-${service}`,
  serviceVersion: '1.4.2',
  environment: 'production',
  instance: `service-${service}-host${instance}-4711-${(service * 7919 + instance).toString(16)}`,
});

export const organization = (i: number) => `organization-${i % ORGANIZATIONS}`;

/** The estate's series: requests, and beside them statements and jobs. */
export function allSeries(requestSeries = REQUEST_SERIES): Series[] {
  const random = seeded(42);
  const endpoints = Array.from({ length: ENDPOINTS }, (_, i) => ({
    service: i % SERVICES,
    route: `/api/${['rooms', 'guests', 'invoices', 'bookings', 'owners'][i % 5]}/v${Math.floor(i / 5)}/:id`,
    method: ['GET', 'GET', 'POST', 'PUT'][i % 4]!,
    medianMs: 8 * 40 ** random(),
  }));
  const places = endpoints
    .flatMap((endpoint) =>
      Array.from({ length: ORGANIZATIONS }, (_, tenant) => ({ endpoint, tenant, at: random() })),
    )
    .sort((a, b) => a.at - b.at);
  const failing = Math.round((FAILING * requestSeries) / REQUEST_SERIES);
  const chosen = places.slice(0, requestSeries - failing);
  const requests = [
    ...chosen.map((place) => ({ ...place, status: 200 })),
    ...chosen.slice(0, failing).map((place) => ({ ...place, status: 503 })),
  ].map(({ endpoint, tenant, status }): Series => {
    const { service, route, method, medianMs } = endpoint;
    return {
      service,
      metric: 'http',
      endpoint: route,
      sigma: 0.45 + 0.25 * random(),
      perCycle: 40 * 4 ** random(),
      medianMs: medianMs * (0.7 + 0.6 * random()) * (status === 503 ? 2 : 1),
      attributes: {
        'http.request.method': method,
        'url.scheme': 'http',
        'http.route': route,
        'http.response.status_code': status,
        [ORGANIZATION]: organization(tenant),
        [PROPERTY]: `property-${tenant}-${Math.floor(3 * random())}`,
        ...(status === 503 && { 'error.type': '503' }),
      },
    };
  });
  return [...requests, ...statements(random), ...jobs(random)];
}

/** Two statements of each service, without a tenant. */
function statements(random: () => number): Series[] {
  return Array.from({ length: 2 * SERVICES }, (_, i) => {
    const [operation, text] =
      i < SERVICES
        ? ['SELECT', `SELECT * FROM rooms_${i} WHERE id = $1`]
        : ['UPDATE', `UPDATE rooms_${i - SERVICES} SET name = $1 WHERE id = $2`];
    return {
      service: i % SERVICES,
      metric: 'database',
      endpoint: text,
      perCycle: 120,
      sigma: 0.6,
      medianMs: 2 + 10 * random(),
      attributes: {
        'db.system.name': 'postgresql',
        'db.operation.name': operation,
        'db.query.text': text,
      },
    };
  });
}

/** How long the jobs of each queue wait and run. */
function jobs(random: () => number): Series[] {
  return Array.from({ length: 2 * QUEUES }, (_, i) => {
    const queue = `queue-${i % QUEUES}`;
    return {
      service: i % QUEUES,
      endpoint: queue,
      perCycle: 30,
      sigma: 0.7,
      metric: i < QUEUES ? 'processing' : 'wait',
      medianMs: 100 + 300 * random(),
      attributes: {
        'messaging.system': 'bullmq',
        'messaging.destination.name': queue,
        'perfscope.job.name': 'send',
        [ORGANIZATION]: organization(i),
      },
    };
  });
}
