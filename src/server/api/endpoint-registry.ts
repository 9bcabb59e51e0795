import type { AnyEndpoint } from './endpoint-definition.ts';
import { actionsEndpoint, decisionsEndpoint } from './endpoints/actions-endpoints.ts';
import {
  acknowledgeEndpoint,
  alertEndpoint,
  alertSeriesEndpoint,
  alertsEndpoint,
  ruleEndpoint,
  rulesEndpoint,
} from './endpoints/alerts-endpoints.ts';
import { anomaliesEndpoint, bandsEndpoint } from './endpoints/anomalies-endpoints.ts';
import { backtestEndpoint, noiseEndpoint } from './endpoints/backtest-endpoints.ts';
import { bottlenecksEndpoint } from './endpoints/bottlenecks-endpoint.ts';
import { businessImpactEndpoint } from './endpoints/business-impact-endpoint.ts';
import { catalogEndpoint } from './endpoints/catalog-endpoint.ts';
import { compareEndpoint } from './endpoints/compare-endpoint.ts';
import { coverageEndpoint } from './endpoints/coverage-endpoint.ts';
import { dashboardEndpoint } from './endpoints/dashboard-endpoint.ts';
import { deployEndpoint, deploysEndpoint } from './endpoints/deploys-endpoints.ts';
import { distributionEndpoint } from './endpoints/distribution-endpoint.ts';
import { errorsEndpoint } from './endpoints/errors-endpoint.ts';
import { forecastEndpoint, forecastsEndpoint } from './endpoints/forecasts-endpoints.ts';
import { healthEndpoint } from './endpoints/health-endpoint.ts';
import { databaseEndpoint, endpointsEndpoint } from './endpoints/http-and-database-endpoints.ts';
import {
  acknowledgeIncidentEndpoint,
  incidentEndpoint,
  incidentsEndpoint,
} from './endpoints/incidents-endpoints.ts';
import { jobEndpoint, jobsEndpoint } from './endpoints/jobs-endpoints.ts';
import { keyEndpoint, keysEndpoint } from './endpoints/keys-endpoints.ts';
import { marksEndpoint } from './endpoints/marks-endpoint.ts';
import { meEndpoint } from './endpoints/me-endpoint.ts';
import { metricsEndpoint } from './endpoints/metrics-endpoint.ts';
import {
  notificationsEndpoint,
  readEndpoint,
  receiversEndpoint,
  testReceiverEndpoint,
} from './endpoints/notifications-endpoints.ts';
import { objectiveEndpoint, objectivesEndpoint } from './endpoints/objectives-endpoints.ts';
import { openApiEndpoint } from './endpoints/openapi-endpoint.ts';
import { outgoingEndpoint } from './endpoints/outgoing-endpoint.ts';
import { peopleEndpoint, personEndpoint } from './endpoints/people-endpoints.ts';
import { queuesEndpoint } from './endpoints/queues-endpoint.ts';
import { scalingEndpoint } from './endpoints/scaling-endpoint.ts';
import { testEndpoint } from './endpoints/self-test-endpoint.ts';
import { silenceEndpoint, silencesEndpoint } from './endpoints/silences-endpoints.ts';
import { storageEndpoint } from './endpoints/storage-endpoint.ts';
import { streamEndpoint } from './endpoints/stream-endpoint.ts';
import {
  dismissSuggestionEndpoint,
  explainSuggestionEndpoint,
  suggestionsEndpoint,
} from './endpoints/suggestions-endpoints.ts';
import { trendsEndpoint } from './endpoints/trends-endpoint.ts';
import { trendsSqlEndpoint } from './endpoints/trends-sql-endpoint.ts';
import { valuesEndpoint } from './endpoints/values-endpoint.ts';

/** All endpoints of the API by their names in the client. */
export const ENDPOINTS = {
  dashboard: dashboardEndpoint,
  trends: trendsEndpoint,
  distribution: distributionEndpoint,
  trendsSql: trendsSqlEndpoint,
  endpoints: endpointsEndpoint,
  bottlenecks: bottlenecksEndpoint,
  outgoing: outgoingEndpoint,
  database: databaseEndpoint,
  queues: queuesEndpoint,
  jobs: jobsEndpoint,
  job: jobEndpoint,
  health: healthEndpoint,
  coverage: coverageEndpoint,
  metrics: metricsEndpoint,
  values: valuesEndpoint,
  catalog: catalogEndpoint,
  errors: errorsEndpoint,
  marks: marksEndpoint,
  deploys: deploysEndpoint,
  deploy: deployEndpoint,
  compare: compareEndpoint,
  alerts: alertsEndpoint,
  alert: alertEndpoint,
  alertSeries: alertSeriesEndpoint,
  acknowledge: acknowledgeEndpoint,
  incidents: incidentsEndpoint,
  incident: incidentEndpoint,
  acknowledgeIncident: acknowledgeIncidentEndpoint,
  rules: rulesEndpoint,
  rule: ruleEndpoint,
  bands: bandsEndpoint,
  anomalies: anomaliesEndpoint,
  objectives: objectivesEndpoint,
  objective: objectiveEndpoint,
  forecasts: forecastsEndpoint,
  forecast: forecastEndpoint,
  businessImpact: businessImpactEndpoint,
  backtest: backtestEndpoint,
  noise: noiseEndpoint,
  silences: silencesEndpoint,
  silence: silenceEndpoint,
  notifications: notificationsEndpoint,
  read: readEndpoint,
  receivers: receiversEndpoint,
  testReceiver: testReceiverEndpoint,
  people: peopleEndpoint,
  person: personEndpoint,
  actions: actionsEndpoint,
  decisions: decisionsEndpoint,
  scaling: scalingEndpoint,
  suggestions: suggestionsEndpoint,
  dismissSuggestion: dismissSuggestionEndpoint,
  explainSuggestion: explainSuggestionEndpoint,
  storage: storageEndpoint,
  keys: keysEndpoint,
  key: keyEndpoint,
  me: meEndpoint,
  stream: streamEndpoint,
  test: testEndpoint,
  openapi: openApiEndpoint,
} as const;

export type EndpointName = keyof typeof ENDPOINTS;

export const ENDPOINT_LIST: readonly AnyEndpoint[] = Object.values(ENDPOINTS);
