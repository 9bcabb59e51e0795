import type { z } from 'zod';
import type { ENDPOINTS, EndpointName } from '../server/api/endpoint-registry.ts';

export type { EndpointName } from '../server/api/endpoint-registry.ts';

type Endpoints = typeof ENDPOINTS;

/** Times may be given as dates, and as ms since the epoch. */
type WithTimeInputs<Q> = {
  [K in keyof Q]: K extends 'from' | 'to' ? Q[K] | Date | number : Q[K];
};

/** Parameters of an endpoint. */
export type Query<N extends EndpointName> = WithTimeInputs<z.input<Endpoints[N]['query']>>;

/** What an endpoint answers; of the stream, the data of one event. */
export type Answer<N extends EndpointName> = z.output<Endpoints[N]['response']>;

/** Endpoints that answer page by page. */
export type PagedEndpointName = {
  [N in EndpointName]: Answer<N> extends { nextCursor?: string | undefined } ? N : never;
}[EndpointName] &
  ('endpoints' | 'database' | 'metrics' | 'notifications' | 'errors' | 'decisions');

/** What a server sends by itself. With `id` a later stream goes on behind it. */
export type ServerEvent =
  | { type: 'point'; id: string; data: Answer<'stream'> }
  | { type: 'alert'; id: string; data: Answer<'alert'>['alert'] }
  | { type: 'notification'; id: string; data: Answer<'notifications'>['notifications'][number] }
  | { type: 'decision'; id: string; data: Answer<'decisions'>['decisions'][number] }
  /** That much was too long ago to be sent again. */
  | { type: 'gap'; id: string; data: { from: string; to: string } };

/** Only their types come from the server's side: nothing of it is loaded by who uses the client. */
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
