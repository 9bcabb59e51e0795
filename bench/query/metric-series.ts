import type { Attributes } from '@opentelemetry/api';
import { ATTR_ORGANIZATION_ID, ATTR_PROPERTY_ID } from '../../src/agent/attribute-keys.ts';
import type { ServiceResource } from '../../src/core/schema/table-definition.ts';
import { createRandom } from '../../test/support/random.ts';

export const SERVICE_COUNT = 20;
const ENDPOINT_COUNT = 50;
const ORGANIZATION_COUNT = 20;
/** One in twelve of these series contains failed requests. */
const DEFAULT_REQUEST_SERIES = 500;
const FAILING_SERIES = 42;
export const QUEUE_COUNT = 8;

/** A series of durations and their distribution. */
export interface Series {
  readonly service: number;
  readonly metric: 'http' | 'database' | 'processing' | 'wait';
  readonly attributes: Attributes;
  readonly endpoint: string;
  /** Number of durations per cycle with average traffic. */
  readonly perCycle: number;
  readonly medianMs: number;
  /** Standard deviation of the logarithm of the durations. */
  readonly sigma: number;
}

export const makeOrigin = (service: number, instance = 1): ServiceResource => ({
  service: `service-${service}`,
  serviceVersion: '1.4.2',
  environment: 'production',
  instance: `service-${service}-host${instance}-4711-${(service * 7919 + instance).toString(16)}`,
});

export const formatOrganization = (i: number) => `organization-${i % ORGANIZATION_COUNT}`;

/** Creates the series of all services: requests, statements, and jobs. */
export function makeSeries(requestSeries = DEFAULT_REQUEST_SERIES): Series[] {
  const random = createRandom(42);
  const endpoints = Array.from({ length: ENDPOINT_COUNT }, (_, i) => ({
    service: i % SERVICE_COUNT,
    route: `/api/${['rooms', 'guests', 'invoices', 'bookings', 'owners'][i % 5]}/v${Math.floor(i / 5)}/:id`,
    method: ['GET', 'GET', 'POST', 'PUT'][i % 4]!,
    medianMs: 8 * 40 ** random(),
  }));
  const candidates = endpoints
    .flatMap((endpoint) =>
      Array.from({ length: ORGANIZATION_COUNT }, (_, tenant) => ({
        endpoint,
        tenant,
        order: random(),
      })),
    )
    .sort((a, b) => a.order - b.order);
  const failingCount = Math.round((FAILING_SERIES * requestSeries) / DEFAULT_REQUEST_SERIES);
  const selected = candidates.slice(0, requestSeries - failingCount);
  const requests = [
    ...selected.map((candidate) => ({ ...candidate, status: 200 })),
    ...selected.slice(0, failingCount).map((candidate) => ({ ...candidate, status: 503 })),
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
        [ATTR_ORGANIZATION_ID]: formatOrganization(tenant),
        [ATTR_PROPERTY_ID]: `property-${tenant}-${Math.floor(3 * random())}`,
        ...(status === 503 && { 'error.type': '503' }),
      },
    };
  });
  return [...requests, ...makeStatementSeries(random), ...makeJobSeries(random)];
}

/** Creates two statement series per service, without a tenant. */
function makeStatementSeries(random: () => number): Series[] {
  return Array.from({ length: 2 * SERVICE_COUNT }, (_, i) => {
    const [operation, text] =
      i < SERVICE_COUNT
        ? ['SELECT', `SELECT * FROM rooms_${i} WHERE id = $1`]
        : ['UPDATE', `UPDATE rooms_${i - SERVICE_COUNT} SET name = $1 WHERE id = $2`];
    return {
      service: i % SERVICE_COUNT,
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

/** Creates the wait time and processing time series of each queue. */
function makeJobSeries(random: () => number): Series[] {
  return Array.from({ length: 2 * QUEUE_COUNT }, (_, i) => {
    const queue = `queue-${i % QUEUE_COUNT}`;
    return {
      service: i % QUEUE_COUNT,
      endpoint: queue,
      perCycle: 30,
      sigma: 0.7,
      metric: i < QUEUE_COUNT ? 'processing' : 'wait',
      medianMs: 100 + 300 * random(),
      attributes: {
        'messaging.system': 'bullmq',
        'messaging.destination.name': queue,
        'perfscope.job.name': 'send',
        [ATTR_ORGANIZATION_ID]: formatOrganization(i),
      },
    };
  });
}
