import type { AnyEndpoint } from './endpoint.ts';
import { acknowledgeEndpoint } from './endpoints/acknowledge.ts';
import { actionsEndpoint } from './endpoints/actions.ts';
import { alertEndpoint } from './endpoints/alert.ts';
import { alertsEndpoint } from './endpoints/alerts.ts';
import { dashboardEndpoint } from './endpoints/dashboard.ts';
import { databaseEndpoint } from './endpoints/database.ts';
import { decisionsEndpoint } from './endpoints/decisions.ts';
import { endpointsEndpoint } from './endpoints/endpoints.ts';
import { errorsEndpoint } from './endpoints/errors.ts';
import { healthEndpoint } from './endpoints/health.ts';
import { keyEndpoint, keysEndpoint } from './endpoints/keys.ts';
import { metricsEndpoint } from './endpoints/metrics.ts';
import {
  notificationsEndpoint,
  readEndpoint,
  receiversEndpoint,
} from './endpoints/notifications.ts';
import { openApiEndpoint } from './endpoints/openapi.ts';
import { peopleEndpoint, personEndpoint } from './endpoints/people.ts';
import { queuesEndpoint } from './endpoints/queues.ts';
import { rulesEndpoint } from './endpoints/rules.ts';
import { scalingEndpoint } from './endpoints/scaling.ts';
import { silenceEndpoint, silencesEndpoint } from './endpoints/silences.ts';
import { streamEndpoint } from './endpoints/stream.ts';
import { testEndpoint } from './endpoints/test.ts';
import { trendsEndpoint } from './endpoints/trends.ts';

/** Every endpoint of the API, under the name that the client has for it. */
export const ENDPOINTS = {
  dashboard: dashboardEndpoint,
  trends: trendsEndpoint,
  endpoints: endpointsEndpoint,
  database: databaseEndpoint,
  queues: queuesEndpoint,
  health: healthEndpoint,
  metrics: metricsEndpoint,
  errors: errorsEndpoint,
  alerts: alertsEndpoint,
  alert: alertEndpoint,
  acknowledge: acknowledgeEndpoint,
  rules: rulesEndpoint,
  silences: silencesEndpoint,
  silence: silenceEndpoint,
  notifications: notificationsEndpoint,
  read: readEndpoint,
  receivers: receiversEndpoint,
  people: peopleEndpoint,
  person: personEndpoint,
  actions: actionsEndpoint,
  decisions: decisionsEndpoint,
  scaling: scalingEndpoint,
  keys: keysEndpoint,
  key: keyEndpoint,
  stream: streamEndpoint,
  test: testEndpoint,
  openapi: openApiEndpoint,
} as const;

export type EndpointName = keyof typeof ENDPOINTS;

export const ENDPOINT_LIST: readonly AnyEndpoint[] = Object.values(ENDPOINTS);
