import type { z } from 'zod';
import type { ENDPOINTS, EndpointName } from '../server/api/endpoint-registry.ts';

export type { EndpointName } from '../server/api/endpoint-registry.ts';

type Endpoints = typeof ENDPOINTS;

/** Accepts times as `Date` and as ms since the epoch. */
type WithTimeInputs<Q> = {
  [K in keyof Q]: K extends 'from' | 'to' ? Q[K] | Date | number : Q[K];
};

/** Query parameters of an endpoint. */
export type Query<N extends EndpointName> = WithTimeInputs<z.input<Endpoints[N]['query']>>;

/** Response of an endpoint, or the data of one event for `stream`. */
export type ApiResponse<N extends EndpointName> = z.output<Endpoints[N]['response']>;

/** Endpoints with a paginated response. */
export type PagedEndpointName = {
  [N in EndpointName]: ApiResponse<N> extends { nextCursor?: string | undefined } ? N : never;
}[EndpointName] &
  ('endpoints' | 'database' | 'metrics' | 'notifications' | 'errors' | 'decisions');

/** An event of the stream. Pass `id` as `lastEventId` to resume after the event. */
export type ServerEvent =
  | { type: 'point'; id: string; data: ApiResponse<'stream'> }
  | { type: 'alert'; id: string; data: ApiResponse<'alert'>['alert'] }
  | {
      type: 'notification';
      id: string;
      data: ApiResponse<'notifications'>['notifications'][number];
    }
  | { type: 'decision'; id: string; data: ApiResponse<'decisions'>['decisions'][number] }
  /** Events in this time range are too old to be sent again. */
  | { type: 'gap'; id: string; data: { from: string; to: string } };

/**
 * Paths of the endpoints. Duplicated here, because the client imports only types from the server.
 */
export const ENDPOINT_PATHS: { readonly [N in EndpointName]: Endpoints[N]['path'] } = {
  dashboard: '/api/performance/dashboard',
  trends: '/api/performance/trends',
  endpoints: '/api/performance/endpoints',
  database: '/api/performance/database',
  queues: '/api/performance/queues',
  health: '/api/performance/health',
  metrics: '/api/performance/metrics',
  errors: '/api/performance/errors',
  alerts: '/api/performance/alerts',
  alert: '/api/performance/alerts/:id',
  acknowledge: '/api/performance/alerts/:id/acknowledge',
  rules: '/api/performance/rules',
  silences: '/api/performance/silences',
  silence: '/api/performance/silences/:id',
  notifications: '/api/performance/notifications',
  read: '/api/performance/notifications/:id/read',
  receivers: '/api/performance/receivers',
  people: '/api/performance/people',
  person: '/api/performance/people/:id',
  actions: '/api/performance/actions',
  decisions: '/api/performance/decisions',
  scaling: '/api/performance/scaling',
  keys: '/api/performance/keys',
  key: '/api/performance/keys/:id',
  stream: '/api/performance/stream',
  test: '/api/performance/test',
  openapi: '/api/openapi.json',
};
