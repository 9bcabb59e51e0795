// Generated from the OpenAPI document by `npm run client-types`. Don't edit this file.

/** Paths of the endpoints. */
export const ENDPOINT_PATHS = {
  dashboard: '/api/performance/dashboard',
  trends: '/api/performance/trends',
  distribution: '/api/performance/distribution',
  trendsSql: '/api/performance/trends/sql',
  endpoints: '/api/performance/endpoints',
  bottlenecks: '/api/performance/bottlenecks',
  outgoing: '/api/performance/outgoing',
  database: '/api/performance/database',
  queues: '/api/performance/queues',
  jobs: '/api/performance/jobs',
  job: '/api/performance/jobs/:id',
  health: '/api/performance/health',
  coverage: '/api/performance/coverage',
  metrics: '/api/performance/metrics',
  values: '/api/performance/values',
  catalog: '/api/performance/catalog',
  errors: '/api/performance/errors',
  marks: '/api/performance/marks',
  deploys: '/api/performance/deploys',
  deploy: '/api/performance/deploys/:id',
  compare: '/api/performance/compare',
  alerts: '/api/performance/alerts',
  alert: '/api/performance/alerts/:id',
  alertSeries: '/api/performance/alerts/:id/series',
  acknowledge: '/api/performance/alerts/:id/acknowledge',
  incidents: '/api/performance/incidents',
  incident: '/api/performance/incidents/:id',
  acknowledgeIncident: '/api/performance/incidents/:id/acknowledge',
  rules: '/api/performance/rules',
  rule: '/api/performance/rules/:id',
  bands: '/api/performance/bands',
  anomalies: '/api/performance/anomalies',
  objectives: '/api/performance/objectives',
  objective: '/api/performance/objectives/:id',
  forecasts: '/api/performance/forecasts',
  forecast: '/api/performance/forecasts/:id',
  businessImpact: '/api/performance/business-impact',
  backtest: '/api/performance/backtest',
  noise: '/api/performance/noise',
  silences: '/api/performance/silences',
  silence: '/api/performance/silences/:id',
  notifications: '/api/performance/notifications',
  read: '/api/performance/notifications/:id/read',
  receivers: '/api/performance/receivers',
  testReceiver: '/api/performance/receivers/:id/test',
  people: '/api/performance/people',
  person: '/api/performance/people/:id',
  actions: '/api/performance/actions',
  decisions: '/api/performance/decisions',
  scaling: '/api/performance/scaling',
  suggestions: '/api/performance/suggestions',
  dismissSuggestion: '/api/performance/suggestions/:id/dismiss',
  explainSuggestion: '/api/performance/suggestions/:id/explain',
  storage: '/api/performance/storage',
  keys: '/api/performance/keys',
  key: '/api/performance/keys/:id',
  me: '/api/performance/me',
  stream: '/api/performance/stream',
  test: '/api/performance/test',
  openapi: '/api/openapi.json',
} as const;

/**
 * A server-sent event. `data` is JSON.
 */
export type StreamEvent =
  | {
      event: 'point';
      /**
       * Send it as Last-Event-ID to resume after this event.
       */
      id: string;
      data: Point;
    }
  | {
      event: 'alert';
      /**
       * Send it as Last-Event-ID to resume after this event.
       */
      id: string;
      data: Alert;
    }
  | {
      event: 'incident';
      /**
       * Send it as Last-Event-ID to resume after this event.
       */
      id: string;
      data: Incident;
    }
  | {
      event: 'notification';
      /**
       * Send it as Last-Event-ID to resume after this event.
       */
      id: string;
      data: Notification;
    }
  | {
      event: 'decision';
      /**
       * Send it as Last-Event-ID to resume after this event.
       */
      id: string;
      data: Decision;
    }
  | {
      event: 'gap';
      /**
       * Send it as Last-Event-ID to resume after this event.
       */
      id: string;
      data: Gap;
    };

/**
 * Types of the API by the names of the endpoints.
 */
export interface ApiTypes {
  queries: {
    dashboard: DashboardQuery;
    trends: TrendsQuery;
    distribution: DistributionQuery;
    trendsSql: TrendsSqlQuery;
    endpoints: EndpointsQuery;
    bottlenecks: BottlenecksQuery;
    outgoing: OutgoingQuery;
    database: DatabaseQuery;
    queues: QueuesQuery;
    jobs: JobsQuery;
    job: JobQuery;
    health: HealthQuery;
    coverage: CoverageQuery;
    metrics: MetricsQuery;
    values: ValuesQuery;
    catalog: CatalogQuery;
    errors: ErrorsQuery;
    marks: MarksQuery;
    deploys: DeploysQuery;
    deploy: Record<string, never>;
    compare: CompareQuery;
    alerts: AlertsQuery;
    alert: Record<string, never>;
    alertSeries: AlertSeriesQuery;
    acknowledge: Record<string, never>;
    incidents: IncidentsQuery;
    incident: Record<string, never>;
    acknowledgeIncident: Record<string, never>;
    rules: Record<string, never>;
    rule: Record<string, never>;
    bands: BandsQuery;
    anomalies: AnomaliesQuery;
    objectives: ObjectivesQuery;
    objective: ObjectiveQuery;
    forecasts: ForecastsQuery;
    forecast: Record<string, never>;
    businessImpact: BusinessImpactQuery;
    backtest: BacktestQuery;
    noise: NoiseQuery;
    silences: Record<string, never>;
    silence: Record<string, never>;
    notifications: NotificationsQuery;
    read: Record<string, never>;
    receivers: Record<string, never>;
    testReceiver: Record<string, never>;
    people: Record<string, never>;
    person: Record<string, never>;
    actions: Record<string, never>;
    decisions: DecisionsQuery;
    scaling: ScalingQuery;
    suggestions: SuggestionsQuery;
    dismissSuggestion: Record<string, never>;
    explainSuggestion: Record<string, never>;
    storage: Record<string, never>;
    keys: Record<string, never>;
    key: Record<string, never>;
    me: Record<string, never>;
    stream: StreamQuery;
    test: TestQuery;
    openapi: Record<string, never>;
  };
  bodies: {
    deploys: DeploysBody;
    acknowledge: AcknowledgeBody;
    acknowledgeIncident: AcknowledgeIncidentBody;
    backtest: BacktestBody;
    silences: SilencesBody;
    testReceiver: TestReceiverBody;
    people: PeopleBody;
    dismissSuggestion: DismissSuggestionBody;
    explainSuggestion: ExplainSuggestionBody;
    keys: KeysBody;
  };
  responses: {
    dashboard: Dashboard;
    trends: TrendsAnswer;
    distribution: Distribution;
    trendsSql: TrendsSql;
    endpoints: Endpoints;
    bottlenecks: Bottlenecks;
    outgoing: Outgoing;
    database: Database;
    queues: Queues;
    jobs: Jobs;
    job: JobHistories;
    health: Health;
    coverage: Coverage;
    metrics: Metrics;
    values: Values;
    catalog: Catalog;
    errors: Errors;
    marks: Marks;
    deploys: Deploys;
    deploy: DeployDetails;
    compare: VersionComparison;
    alerts: Alerts;
    alert: OneAlert;
    alertSeries: AlertSeries;
    acknowledge: Acknowledged;
    incidents: Incidents;
    incident: OneIncident;
    acknowledgeIncident: AcknowledgedIncident;
    rules: Rules;
    rule: OneRule;
    bands: Bands;
    anomalies: Anomalies;
    objectives: Objectives;
    objective: OneObjective;
    forecasts: Forecasts;
    forecast: OneForecast;
    businessImpact: BusinessImpact;
    backtest: Backtest;
    noise: Noise;
    silences: Silences;
    silence: Silences;
    notifications: Notifications;
    read: Read;
    receivers: Receivers;
    testReceiver: ReceiverTest;
    people: People;
    person: People;
    actions: Actions;
    decisions: Decisions;
    scaling: Scaling;
    suggestions: Suggestions;
    dismissSuggestion: Dismissals;
    explainSuggestion: ExplainedSuggestion;
    storage: Storage;
    keys: Keys;
    key: Keys;
    me: Me;
    test: {
      action:
        | 'setup'
        | 'test-metrics'
        | 'test-queue'
        | 'health'
        | 'dashboard'
        | 'start-monitoring'
        | 'stop-monitoring'
        | 'cleanup';
      ok: true;
      [k: string]: unknown;
    };
    openapi: {
      openapi: string;
      [k: string]: unknown;
    };
  };
  events: {
    stream: StreamEvent;
  };
}

/**
 * Query parameters of `GET /api/performance/dashboard`.
 */
export interface DashboardQuery {
  /**
   * Start of the time range: an ISO 8601 time, or milliseconds since the epoch.
   */
  from?: string;
  /**
   * End of the time range: an ISO 8601 time, or milliseconds since the epoch. Default: now.
   */
  to?: string;
  /**
   * Length of the time range, instead of from: a number with the unit s, m, h, or d, such as 15m.
   */
  last?: string;
  /**
   * IANA time zone such as Europe/Vienna. Default: the time zone of the server.
   */
  timeZone?: string;
  /**
   * Time range to compare with: previous, yesterday, or lastWeek.
   */
  compare?: 'previous' | 'yesterday' | 'lastWeek';
  /**
   * Limits the response to this service. Can be repeated.
   */
  service?: string[];
  /**
   * Limits the response to this version. Can be repeated.
   */
  version?: string[];
  /**
   * Limits the response to this environment. Can be repeated.
   */
  environment?: string[];
  /**
   * Limits the response to this instance. Can be repeated.
   */
  instance?: string[];
  /**
   * Limits the response to this organization. Can be repeated.
   */
  organizationId?: string[];
  /**
   * Limits the response to this property. Can be repeated.
   */
  propertyId?: string[];
  /**
   * Whether to include test measurements: true or false.
   *
   * @default false
   */
  includeTest?: boolean;
}

/**
 * Query parameters of `GET /api/performance/trends`.
 */
export interface TrendsQuery {
  /**
   * Start of the time range: an ISO 8601 time, or milliseconds since the epoch.
   */
  from?: string;
  /**
   * End of the time range: an ISO 8601 time, or milliseconds since the epoch. Default: now.
   */
  to?: string;
  /**
   * Length of the time range, instead of from: a number with the unit s, m, h, or d, such as 15m.
   */
  last?: string;
  /**
   * IANA time zone such as Europe/Vienna. Default: the time zone of the server.
   */
  timeZone?: string;
  /**
   * Length of a time bucket: a number with the unit s, m, h, or d, such as 1m.
   */
  step?: string;
  /**
   * Time range to compare with: previous, yesterday, or lastWeek.
   */
  compare?: 'previous' | 'yesterday' | 'lastWeek';
  /**
   * @default "API_RESPONSE_TIME"
   */
  metricType?:
    | 'API_RESPONSE_TIME'
    | 'API_STREAM_DURATION'
    | 'OUTGOING_REQUEST_TIME'
    | 'DATABASE_QUERY_TIME'
    | 'DATABASE_CONNECTIONS'
    | 'QUEUE_WAIT_TIME'
    | 'QUEUE_PROCESSING_TIME'
    | 'QUEUE_DEPTH'
    | 'QUEUE_OLDEST_AGE'
    | 'CPU_USAGE'
    | 'MEMORY_USAGE'
    | 'DISK_USAGE'
    | 'NETWORK_IO'
    | 'EVENT_LOOP_DELAY'
    | 'GC_DURATION'
    | 'HEAP_USAGE'
    | 'ACTIVE_USERS'
    | 'ONGOING_RESERVATIONS'
    | 'BREAKER_STATE'
    | 'CUSTOM';
  /**
   * Limits the response to this metric name. Can be repeated.
   */
  name?: string[];
  /**
   * Aggregates to return: one or more of count, rate, average, errorRate, min, max, p50, p90, p95, p99, p999, apdex, last, sum.
   *
   * @default ["rate","average","errorRate","p95"]
   */
  aggregate?: (
    | 'count'
    | 'rate'
    | 'average'
    | 'errorRate'
    | 'min'
    | 'max'
    | 'p50'
    | 'p90'
    | 'p95'
    | 'p99'
    | 'p999'
    | 'apdex'
    | 'last'
    | 'sum'
  )[];
  /**
   * Dimensions to group by, one series per group: service, version, environment, instance, endpoint, operation, queue, queueScope, organizationId, propertyId, name.
   */
  groupBy?: (
    | 'service'
    | 'version'
    | 'environment'
    | 'instance'
    | 'endpoint'
    | 'operation'
    | 'queue'
    | 'queueScope'
    | 'organizationId'
    | 'propertyId'
    | 'name'
  )[];
  /**
   * Maximum number of series, 1 to 100. Series with the most measurements come first.
   *
   * @default 20
   */
  limit?: number;
  /**
   * Apdex target, in ms: faster responses count as satisfactory.
   *
   * @default 500
   */
  apdexTarget?: number;
  /**
   * Limits the response to this service. Can be repeated.
   */
  service?: string[];
  /**
   * Limits the response to this version. Can be repeated.
   */
  version?: string[];
  /**
   * Limits the response to this environment. Can be repeated.
   */
  environment?: string[];
  /**
   * Limits the response to this instance. Can be repeated.
   */
  instance?: string[];
  /**
   * Limits the response to this endpoint. Can be repeated.
   */
  endpoint?: string[];
  /**
   * Limits the response to this operation. Can be repeated.
   */
  operation?: string[];
  /**
   * Limits the response to this queue. Can be repeated.
   */
  queue?: string[];
  /**
   * Limits the response to this queue scope. Can be repeated.
   */
  queueScope?: string[];
  /**
   * Limits the response to this organization. Can be repeated.
   */
  organizationId?: string[];
  /**
   * Limits the response to this property. Can be repeated.
   */
  propertyId?: string[];
  /**
   * Whether to include test measurements: true or false.
   *
   * @default false
   */
  includeTest?: boolean;
  /**
   * Response format: json or csv. Default: determined by the Accept header.
   */
  format?: 'json' | 'csv';
}

/**
 * Query parameters of `GET /api/performance/distribution`.
 */
export interface DistributionQuery {
  /**
   * Start of the time range: an ISO 8601 time, or milliseconds since the epoch.
   */
  from?: string;
  /**
   * End of the time range: an ISO 8601 time, or milliseconds since the epoch. Default: now.
   */
  to?: string;
  /**
   * Length of the time range, instead of from: a number with the unit s, m, h, or d, such as 15m.
   */
  last?: string;
  /**
   * IANA time zone such as Europe/Vienna. Default: the time zone of the server.
   */
  timeZone?: string;
  /**
   * Length of a time bucket: a number with the unit s, m, h, or d, such as 1m.
   */
  step?: string;
  /**
   * @default "API_RESPONSE_TIME"
   */
  metricType?:
    | 'API_RESPONSE_TIME'
    | 'API_STREAM_DURATION'
    | 'OUTGOING_REQUEST_TIME'
    | 'DATABASE_QUERY_TIME'
    | 'DATABASE_CONNECTIONS'
    | 'QUEUE_WAIT_TIME'
    | 'QUEUE_PROCESSING_TIME'
    | 'QUEUE_DEPTH'
    | 'QUEUE_OLDEST_AGE'
    | 'CPU_USAGE'
    | 'MEMORY_USAGE'
    | 'DISK_USAGE'
    | 'NETWORK_IO'
    | 'EVENT_LOOP_DELAY'
    | 'GC_DURATION'
    | 'HEAP_USAGE'
    | 'ACTIVE_USERS'
    | 'ONGOING_RESERVATIONS'
    | 'BREAKER_STATE'
    | 'CUSTOM';
  /**
   * Limits the response to this metric name. Can be repeated.
   */
  name?: string[];
  /**
   * Limits the response to this service. Can be repeated.
   */
  service?: string[];
  /**
   * Limits the response to this version. Can be repeated.
   */
  version?: string[];
  /**
   * Limits the response to this environment. Can be repeated.
   */
  environment?: string[];
  /**
   * Limits the response to this instance. Can be repeated.
   */
  instance?: string[];
  /**
   * Limits the response to this endpoint. Can be repeated.
   */
  endpoint?: string[];
  /**
   * Limits the response to this operation. Can be repeated.
   */
  operation?: string[];
  /**
   * Limits the response to this queue. Can be repeated.
   */
  queue?: string[];
  /**
   * Limits the response to this queue scope. Can be repeated.
   */
  queueScope?: string[];
  /**
   * Limits the response to this organization. Can be repeated.
   */
  organizationId?: string[];
  /**
   * Limits the response to this property. Can be repeated.
   */
  propertyId?: string[];
  /**
   * Whether to include test measurements: true or false.
   *
   * @default false
   */
  includeTest?: boolean;
}

/**
 * Query parameters of `GET /api/performance/trends/sql`.
 */
export interface TrendsSqlQuery {
  /**
   * Start of the time range: an ISO 8601 time, or milliseconds since the epoch.
   */
  from?: string;
  /**
   * End of the time range: an ISO 8601 time, or milliseconds since the epoch. Default: now.
   */
  to?: string;
  /**
   * Length of the time range, instead of from: a number with the unit s, m, h, or d, such as 15m.
   */
  last?: string;
  /**
   * IANA time zone such as Europe/Vienna. Default: the time zone of the server.
   */
  timeZone?: string;
  /**
   * Length of a time bucket: a number with the unit s, m, h, or d, such as 1m.
   */
  step?: string;
  /**
   * Time range to compare with: previous, yesterday, or lastWeek.
   */
  compare?: 'previous' | 'yesterday' | 'lastWeek';
  /**
   * @default "API_RESPONSE_TIME"
   */
  metricType?:
    | 'API_RESPONSE_TIME'
    | 'API_STREAM_DURATION'
    | 'OUTGOING_REQUEST_TIME'
    | 'DATABASE_QUERY_TIME'
    | 'DATABASE_CONNECTIONS'
    | 'QUEUE_WAIT_TIME'
    | 'QUEUE_PROCESSING_TIME'
    | 'QUEUE_DEPTH'
    | 'QUEUE_OLDEST_AGE'
    | 'CPU_USAGE'
    | 'MEMORY_USAGE'
    | 'DISK_USAGE'
    | 'NETWORK_IO'
    | 'EVENT_LOOP_DELAY'
    | 'GC_DURATION'
    | 'HEAP_USAGE'
    | 'ACTIVE_USERS'
    | 'ONGOING_RESERVATIONS'
    | 'BREAKER_STATE'
    | 'CUSTOM';
  /**
   * Limits the response to this metric name. Can be repeated.
   */
  name?: string[];
  /**
   * Aggregates to return: one or more of count, rate, average, errorRate, min, max, p50, p90, p95, p99, p999, apdex, last, sum.
   *
   * @default ["rate","average","errorRate","p95"]
   */
  aggregate?: (
    | 'count'
    | 'rate'
    | 'average'
    | 'errorRate'
    | 'min'
    | 'max'
    | 'p50'
    | 'p90'
    | 'p95'
    | 'p99'
    | 'p999'
    | 'apdex'
    | 'last'
    | 'sum'
  )[];
  /**
   * Dimensions to group by, one series per group: service, version, environment, instance, endpoint, operation, queue, queueScope, organizationId, propertyId, name.
   */
  groupBy?: (
    | 'service'
    | 'version'
    | 'environment'
    | 'instance'
    | 'endpoint'
    | 'operation'
    | 'queue'
    | 'queueScope'
    | 'organizationId'
    | 'propertyId'
    | 'name'
  )[];
  /**
   * Maximum number of series, 1 to 100. Series with the most measurements come first.
   *
   * @default 20
   */
  limit?: number;
  /**
   * Apdex target, in ms: faster responses count as satisfactory.
   *
   * @default 500
   */
  apdexTarget?: number;
  /**
   * Limits the response to this service. Can be repeated.
   */
  service?: string[];
  /**
   * Limits the response to this version. Can be repeated.
   */
  version?: string[];
  /**
   * Limits the response to this environment. Can be repeated.
   */
  environment?: string[];
  /**
   * Limits the response to this instance. Can be repeated.
   */
  instance?: string[];
  /**
   * Limits the response to this endpoint. Can be repeated.
   */
  endpoint?: string[];
  /**
   * Limits the response to this operation. Can be repeated.
   */
  operation?: string[];
  /**
   * Limits the response to this queue. Can be repeated.
   */
  queue?: string[];
  /**
   * Limits the response to this queue scope. Can be repeated.
   */
  queueScope?: string[];
  /**
   * Limits the response to this organization. Can be repeated.
   */
  organizationId?: string[];
  /**
   * Limits the response to this property. Can be repeated.
   */
  propertyId?: string[];
  /**
   * Whether to include test measurements: true or false.
   *
   * @default false
   */
  includeTest?: boolean;
}

/**
 * Query parameters of `GET /api/performance/endpoints`.
 */
export interface EndpointsQuery {
  /**
   * Start of the time range: an ISO 8601 time, or milliseconds since the epoch.
   */
  from?: string;
  /**
   * End of the time range: an ISO 8601 time, or milliseconds since the epoch. Default: now.
   */
  to?: string;
  /**
   * Length of the time range, instead of from: a number with the unit s, m, h, or d, such as 15m.
   */
  last?: string;
  /**
   * IANA time zone such as Europe/Vienna. Default: the time zone of the server.
   */
  timeZone?: string;
  /**
   * Time range to compare with: previous, yesterday, or lastWeek.
   */
  compare?: 'previous' | 'yesterday' | 'lastWeek';
  /**
   * Dimensions to group by: one or more of service, version, environment, instance, endpoint, operation, queue, queueScope, organizationId, propertyId.
   *
   * @default ["endpoint","operation"]
   */
  groupBy?: (
    | 'service'
    | 'version'
    | 'environment'
    | 'instance'
    | 'endpoint'
    | 'operation'
    | 'queue'
    | 'queueScope'
    | 'organizationId'
    | 'propertyId'
  )[];
  /**
   * Apdex target, in ms: faster responses count as satisfactory.
   *
   * @default 500
   */
  apdexTarget?: number;
  /**
   * Field to sort by: a metric or a dimension.
   *
   * @default "count"
   */
  sort?:
    | 'count'
    | 'rate'
    | 'errorCount'
    | 'errorRate'
    | 'average'
    | 'min'
    | 'max'
    | 'p50'
    | 'p90'
    | 'p95'
    | 'p99'
    | 'p999'
    | 'apdex'
    | 'slowShare'
    | 'abortedCount'
    | 'abortedRate'
    | 'count2xx'
    | 'count3xx'
    | 'count4xx'
    | 'count5xx'
    | 'firstByteAverage'
    | 'firstByteMax'
    | 'databaseTime'
    | 'databaseShare'
    | 'databaseCalls'
    | 'outgoingTime'
    | 'outgoingShare'
    | 'outgoingCalls'
    | 'queueTime'
    | 'queueShare'
    | 'queueCalls'
    | 'connectionWaitTime'
    | 'connectionWaitShare'
    | 'eventLoopWaitTime'
    | 'eventLoopWaitShare'
    | 'ownTime'
    | 'ownShare'
    | 'service'
    | 'version'
    | 'environment'
    | 'instance'
    | 'endpoint'
    | 'operation'
    | 'queue'
    | 'queueScope'
    | 'organizationId'
    | 'propertyId';
  /**
   * Sort order: asc or desc. Default: asc for dimensions, desc for numbers.
   */
  order?: 'asc' | 'desc';
  /**
   * Page size: a whole number from 1 to 10000.
   *
   * @default 50
   */
  limit?: number;
  /**
   * The nextCursor of the previous page. Keep the other parameters unchanged.
   */
  cursor?: string;
  /**
   * Response format: json or csv. Default: determined by the Accept header.
   */
  format?: 'json' | 'csv';
  /**
   * Limits the response to this service. Can be repeated.
   */
  service?: string[];
  /**
   * Limits the response to this version. Can be repeated.
   */
  version?: string[];
  /**
   * Limits the response to this environment. Can be repeated.
   */
  environment?: string[];
  /**
   * Limits the response to this instance. Can be repeated.
   */
  instance?: string[];
  /**
   * Limits the response to this endpoint. Can be repeated.
   */
  endpoint?: string[];
  /**
   * Limits the response to this operation. Can be repeated.
   */
  operation?: string[];
  /**
   * Limits the response to this queue. Can be repeated.
   */
  queue?: string[];
  /**
   * Limits the response to this queue scope. Can be repeated.
   */
  queueScope?: string[];
  /**
   * Limits the response to this organization. Can be repeated.
   */
  organizationId?: string[];
  /**
   * Limits the response to this property. Can be repeated.
   */
  propertyId?: string[];
  /**
   * Whether to include test measurements: true or false.
   *
   * @default false
   */
  includeTest?: boolean;
}

/**
 * Query parameters of `GET /api/performance/bottlenecks`.
 */
export interface BottlenecksQuery {
  /**
   * Start of the time range: an ISO 8601 time, or milliseconds since the epoch.
   */
  from?: string;
  /**
   * End of the time range: an ISO 8601 time, or milliseconds since the epoch. Default: now.
   */
  to?: string;
  /**
   * Length of the time range, instead of from: a number with the unit s, m, h, or d, such as 15m.
   */
  last?: string;
  /**
   * IANA time zone such as Europe/Vienna. Default: the time zone of the server.
   */
  timeZone?: string;
  /**
   * Dimensions to group by: one or more of service, version, environment, instance, endpoint, operation, queue, queueScope, organizationId, propertyId.
   *
   * @default ["service","endpoint","operation"]
   */
  groupBy?: (
    | 'service'
    | 'version'
    | 'environment'
    | 'instance'
    | 'endpoint'
    | 'operation'
    | 'queue'
    | 'queueScope'
    | 'organizationId'
    | 'propertyId'
  )[];
  /**
   * Limits the response to this service. Can be repeated.
   */
  service?: string[];
  /**
   * Limits the response to this version. Can be repeated.
   */
  version?: string[];
  /**
   * Limits the response to this environment. Can be repeated.
   */
  environment?: string[];
  /**
   * Limits the response to this instance. Can be repeated.
   */
  instance?: string[];
  /**
   * Limits the response to this endpoint. Can be repeated.
   */
  endpoint?: string[];
  /**
   * Limits the response to this operation. Can be repeated.
   */
  operation?: string[];
  /**
   * Limits the response to this organization. Can be repeated.
   */
  organizationId?: string[];
  /**
   * Limits the response to this property. Can be repeated.
   */
  propertyId?: string[];
  /**
   * Maximum number of groups: a whole number from 1 to 1000.
   *
   * @default 100
   */
  limit?: number;
}

/**
 * Query parameters of `GET /api/performance/outgoing`.
 */
export interface OutgoingQuery {
  /**
   * Start of the time range: an ISO 8601 time, or milliseconds since the epoch.
   */
  from?: string;
  /**
   * End of the time range: an ISO 8601 time, or milliseconds since the epoch. Default: now.
   */
  to?: string;
  /**
   * Length of the time range, instead of from: a number with the unit s, m, h, or d, such as 15m.
   */
  last?: string;
  /**
   * IANA time zone such as Europe/Vienna. Default: the time zone of the server.
   */
  timeZone?: string;
  /**
   * Time range to compare with: previous, yesterday, or lastWeek.
   */
  compare?: 'previous' | 'yesterday' | 'lastWeek';
  /**
   * Dimensions to group by: one or more of service, version, environment, instance, endpoint, operation, queue, queueScope, organizationId, propertyId.
   *
   * @default ["endpoint"]
   */
  groupBy?: (
    | 'service'
    | 'version'
    | 'environment'
    | 'instance'
    | 'endpoint'
    | 'operation'
    | 'queue'
    | 'queueScope'
    | 'organizationId'
    | 'propertyId'
  )[];
  /**
   * Apdex target, in ms: faster responses count as satisfactory.
   *
   * @default 500
   */
  apdexTarget?: number;
  /**
   * Field to sort by: a metric or a dimension.
   *
   * @default "count"
   */
  sort?:
    | 'count'
    | 'rate'
    | 'errorCount'
    | 'errorRate'
    | 'average'
    | 'min'
    | 'max'
    | 'p50'
    | 'p90'
    | 'p95'
    | 'p99'
    | 'p999'
    | 'apdex'
    | 'slowShare'
    | 'service'
    | 'version'
    | 'environment'
    | 'instance'
    | 'endpoint'
    | 'operation'
    | 'queue'
    | 'queueScope'
    | 'organizationId'
    | 'propertyId';
  /**
   * Sort order: asc or desc. Default: asc for dimensions, desc for numbers.
   */
  order?: 'asc' | 'desc';
  /**
   * Page size: a whole number from 1 to 10000.
   *
   * @default 50
   */
  limit?: number;
  /**
   * The nextCursor of the previous page. Keep the other parameters unchanged.
   */
  cursor?: string;
  /**
   * Response format: json or csv. Default: determined by the Accept header.
   */
  format?: 'json' | 'csv';
  /**
   * Limits the response to this service. Can be repeated.
   */
  service?: string[];
  /**
   * Limits the response to this version. Can be repeated.
   */
  version?: string[];
  /**
   * Limits the response to this environment. Can be repeated.
   */
  environment?: string[];
  /**
   * Limits the response to this instance. Can be repeated.
   */
  instance?: string[];
  /**
   * Limits the response to this endpoint. Can be repeated.
   */
  endpoint?: string[];
  /**
   * Limits the response to this operation. Can be repeated.
   */
  operation?: string[];
  /**
   * Limits the response to this queue. Can be repeated.
   */
  queue?: string[];
  /**
   * Limits the response to this queue scope. Can be repeated.
   */
  queueScope?: string[];
  /**
   * Limits the response to this organization. Can be repeated.
   */
  organizationId?: string[];
  /**
   * Limits the response to this property. Can be repeated.
   */
  propertyId?: string[];
  /**
   * Whether to include test measurements: true or false.
   *
   * @default false
   */
  includeTest?: boolean;
}

/**
 * Query parameters of `GET /api/performance/database`.
 */
export interface DatabaseQuery {
  /**
   * Start of the time range: an ISO 8601 time, or milliseconds since the epoch.
   */
  from?: string;
  /**
   * End of the time range: an ISO 8601 time, or milliseconds since the epoch. Default: now.
   */
  to?: string;
  /**
   * Length of the time range, instead of from: a number with the unit s, m, h, or d, such as 15m.
   */
  last?: string;
  /**
   * IANA time zone such as Europe/Vienna. Default: the time zone of the server.
   */
  timeZone?: string;
  /**
   * Time range to compare with: previous, yesterday, or lastWeek.
   */
  compare?: 'previous' | 'yesterday' | 'lastWeek';
  /**
   * Dimensions to group by: one or more of service, version, environment, instance, endpoint, operation, queue, queueScope, organizationId, propertyId.
   *
   * @default ["endpoint","operation"]
   */
  groupBy?: (
    | 'service'
    | 'version'
    | 'environment'
    | 'instance'
    | 'endpoint'
    | 'operation'
    | 'queue'
    | 'queueScope'
    | 'organizationId'
    | 'propertyId'
  )[];
  /**
   * Apdex target, in ms: faster responses count as satisfactory.
   *
   * @default 500
   */
  apdexTarget?: number;
  /**
   * Field to sort by: a metric or a dimension.
   *
   * @default "count"
   */
  sort?:
    | 'count'
    | 'rate'
    | 'errorCount'
    | 'errorRate'
    | 'average'
    | 'min'
    | 'max'
    | 'p50'
    | 'p90'
    | 'p95'
    | 'p99'
    | 'p999'
    | 'apdex'
    | 'slowShare'
    | 'service'
    | 'version'
    | 'environment'
    | 'instance'
    | 'endpoint'
    | 'operation'
    | 'queue'
    | 'queueScope'
    | 'organizationId'
    | 'propertyId';
  /**
   * Sort order: asc or desc. Default: asc for dimensions, desc for numbers.
   */
  order?: 'asc' | 'desc';
  /**
   * Page size: a whole number from 1 to 10000.
   *
   * @default 50
   */
  limit?: number;
  /**
   * The nextCursor of the previous page. Keep the other parameters unchanged.
   */
  cursor?: string;
  /**
   * Response format: json or csv. Default: determined by the Accept header.
   */
  format?: 'json' | 'csv';
  /**
   * Limits the response to this service. Can be repeated.
   */
  service?: string[];
  /**
   * Limits the response to this version. Can be repeated.
   */
  version?: string[];
  /**
   * Limits the response to this environment. Can be repeated.
   */
  environment?: string[];
  /**
   * Limits the response to this instance. Can be repeated.
   */
  instance?: string[];
  /**
   * Limits the response to this endpoint. Can be repeated.
   */
  endpoint?: string[];
  /**
   * Limits the response to this operation. Can be repeated.
   */
  operation?: string[];
  /**
   * Limits the response to this queue. Can be repeated.
   */
  queue?: string[];
  /**
   * Limits the response to this queue scope. Can be repeated.
   */
  queueScope?: string[];
  /**
   * Limits the response to this organization. Can be repeated.
   */
  organizationId?: string[];
  /**
   * Limits the response to this property. Can be repeated.
   */
  propertyId?: string[];
  /**
   * Whether to include test measurements: true or false.
   *
   * @default false
   */
  includeTest?: boolean;
}

/**
 * Query parameters of `GET /api/performance/queues`.
 */
export interface QueuesQuery {
  /**
   * Start of the time range: an ISO 8601 time, or milliseconds since the epoch.
   */
  from?: string;
  /**
   * End of the time range: an ISO 8601 time, or milliseconds since the epoch. Default: now.
   */
  to?: string;
  /**
   * Length of the time range, instead of from: a number with the unit s, m, h, or d, such as 15m.
   */
  last?: string;
  /**
   * IANA time zone such as Europe/Vienna. Default: the time zone of the server.
   */
  timeZone?: string;
  /**
   * Length of a time bucket: a number with the unit s, m, h, or d, such as 1m.
   */
  step?: string;
  /**
   * Limits the response to this service. Can be repeated.
   */
  service?: string[];
  /**
   * Limits the response to this version. Can be repeated.
   */
  version?: string[];
  /**
   * Limits the response to this environment. Can be repeated.
   */
  environment?: string[];
  /**
   * Limits the response to this instance. Can be repeated.
   */
  instance?: string[];
  /**
   * Limits the response to this organization. Can be repeated.
   */
  organizationId?: string[];
  /**
   * Limits the response to this property. Can be repeated.
   */
  propertyId?: string[];
  /**
   * Limits the response to this queue. Can be repeated.
   */
  queue?: string[];
  /**
   * Limits the response to queues in this scope: prefix@host:port/db, or only the prefix. Can be repeated.
   */
  scope?: string[];
  /**
   * Whether to include test measurements: true or false.
   *
   * @default false
   */
  includeTest?: boolean;
}

/**
 * Query parameters of `GET /api/performance/jobs`.
 */
export interface JobsQuery {
  /**
   * Start of the time range: an ISO 8601 time, or milliseconds since the epoch.
   */
  from?: string;
  /**
   * End of the time range: an ISO 8601 time, or milliseconds since the epoch. Default: now.
   */
  to?: string;
  /**
   * Length of the time range, instead of from: a number with the unit s, m, h, or d, such as 15m.
   */
  last?: string;
  /**
   * IANA time zone such as Europe/Vienna. Default: the time zone of the server.
   */
  timeZone?: string;
  /**
   * Limits the response to this queue. Can be repeated.
   */
  queue?: string[];
  /**
   * Limits the response to queues in this scope: prefix@host:port/db, or only the prefix. Can be repeated.
   */
  scope?: string[];
  /**
   * Latest states to return: one or more of waiting, active, completed, failed, delayed, prioritized, waiting-children, stalled.
   */
  status?: (
    | 'waiting'
    | 'active'
    | 'completed'
    | 'failed'
    | 'delayed'
    | 'prioritized'
    | 'waiting-children'
    | 'stalled'
  )[];
  /**
   * Limits the response to this job. Can be repeated.
   */
  jobId?: string[];
  /**
   * Limits the response to this organization. Can be repeated.
   */
  organizationId?: string[];
  /**
   * Limits the response to this property. Can be repeated.
   */
  propertyId?: string[];
  /**
   * Whether to include test measurements: true or false.
   *
   * @default false
   */
  includeTest?: boolean;
  /**
   * Page size: a whole number from 1 to 1000.
   *
   * @default 100
   */
  limit?: number;
  /**
   * The nextCursor of the previous page. Keep the other parameters unchanged.
   */
  cursor?: string;
  /**
   * Response format: json or csv. Default: determined by the Accept header.
   */
  format?: 'json' | 'csv';
}

/**
 * Query parameters of `GET /api/performance/jobs/:id`.
 */
export interface JobQuery {
  /**
   * Start of the time range: an ISO 8601 time, or milliseconds since the epoch.
   */
  from?: string;
  /**
   * End of the time range: an ISO 8601 time, or milliseconds since the epoch. Default: now.
   */
  to?: string;
  /**
   * Length of the time range, instead of from: a number with the unit s, m, h, or d, such as 15m.
   */
  last?: string;
  /**
   * IANA time zone such as Europe/Vienna. Default: the time zone of the server.
   */
  timeZone?: string;
  /**
   * Limits the response to this queue. Can be repeated.
   */
  queue?: string[];
  /**
   * Limits the response to queues in this scope: prefix@host:port/db, or only the prefix. Can be repeated.
   */
  scope?: string[];
  /**
   * Limits the response to this organization. Can be repeated.
   */
  organizationId?: string[];
  /**
   * Limits the response to this property. Can be repeated.
   */
  propertyId?: string[];
  /**
   * Whether to include test measurements: true or false.
   *
   * @default false
   */
  includeTest?: boolean;
}

/**
 * Query parameters of `GET /api/performance/health`.
 */
export interface HealthQuery {
  /**
   * Start of the time range: an ISO 8601 time, or milliseconds since the epoch.
   */
  from?: string;
  /**
   * End of the time range: an ISO 8601 time, or milliseconds since the epoch. Default: now.
   */
  to?: string;
  /**
   * Length of the time range, instead of from: a number with the unit s, m, h, or d, such as 15m.
   */
  last?: string;
  /**
   * IANA time zone such as Europe/Vienna. Default: the time zone of the server.
   */
  timeZone?: string;
  /**
   * Limits the response to this service. Can be repeated.
   */
  service?: string[];
  /**
   * Limits the response to this version. Can be repeated.
   */
  version?: string[];
  /**
   * Limits the response to this environment. Can be repeated.
   */
  environment?: string[];
  /**
   * Limits the response to this instance. Can be repeated.
   */
  instance?: string[];
}

/**
 * Query parameters of `GET /api/performance/coverage`.
 */
export interface CoverageQuery {
  /**
   * Start of the time range: an ISO 8601 time, or milliseconds since the epoch.
   */
  from?: string;
  /**
   * End of the time range: an ISO 8601 time, or milliseconds since the epoch. Default: now.
   */
  to?: string;
  /**
   * Length of the time range, instead of from: a number with the unit s, m, h, or d, such as 15m.
   */
  last?: string;
  /**
   * IANA time zone such as Europe/Vienna. Default: the time zone of the server.
   */
  timeZone?: string;
  /**
   * Limits the response to this service. Can be repeated.
   */
  service?: string[];
  /**
   * Limits the response to this version. Can be repeated.
   */
  version?: string[];
  /**
   * Limits the response to this environment. Can be repeated.
   */
  environment?: string[];
  /**
   * Limits the response to this instance. Can be repeated.
   */
  instance?: string[];
}

/**
 * Query parameters of `GET /api/performance/metrics`.
 */
export interface MetricsQuery {
  /**
   * Start of the time range: an ISO 8601 time, or milliseconds since the epoch.
   */
  from?: string;
  /**
   * End of the time range: an ISO 8601 time, or milliseconds since the epoch. Default: now.
   */
  to?: string;
  /**
   * Length of the time range, instead of from: a number with the unit s, m, h, or d, such as 15m.
   */
  last?: string;
  /**
   * IANA time zone such as Europe/Vienna. Default: the time zone of the server.
   */
  timeZone?: string;
  /**
   * Metric types to return. Default: all.
   */
  metricType?: (
    | 'API_RESPONSE_TIME'
    | 'API_STREAM_DURATION'
    | 'OUTGOING_REQUEST_TIME'
    | 'DATABASE_QUERY_TIME'
    | 'DATABASE_CONNECTIONS'
    | 'QUEUE_WAIT_TIME'
    | 'QUEUE_PROCESSING_TIME'
    | 'QUEUE_DEPTH'
    | 'QUEUE_OLDEST_AGE'
    | 'CPU_USAGE'
    | 'MEMORY_USAGE'
    | 'DISK_USAGE'
    | 'NETWORK_IO'
    | 'EVENT_LOOP_DELAY'
    | 'GC_DURATION'
    | 'HEAP_USAGE'
    | 'ACTIVE_USERS'
    | 'ONGOING_RESERVATIONS'
    | 'BREAKER_STATE'
    | 'CUSTOM'
  )[];
  /**
   * Limits the response to this metric name. Can be repeated.
   */
  name?: string[];
  /**
   * Limits the response to this user. Can be repeated.
   */
  userId?: string[];
  /**
   * Limits the response to rows whose value is greater than this number.
   */
  minValue?: number;
  /**
   * Limits the response to rows whose value is at most this number.
   */
  maxValue?: number;
  /**
   * If true, returns only failed requests, calls, and statements, and intervals with failures. If false, returns only the others.
   */
  failed?: boolean;
  /**
   * Order of the rows: at (newest first) or value (largest first, without rows that have no value).
   *
   * @default "at"
   */
  sort?: 'at' | 'value';
  /**
   * Limits the response to this service. Can be repeated.
   */
  service?: string[];
  /**
   * Limits the response to this version. Can be repeated.
   */
  version?: string[];
  /**
   * Limits the response to this environment. Can be repeated.
   */
  environment?: string[];
  /**
   * Limits the response to this instance. Can be repeated.
   */
  instance?: string[];
  /**
   * Limits the response to this endpoint. Can be repeated.
   */
  endpoint?: string[];
  /**
   * Limits the response to this operation. Can be repeated.
   */
  operation?: string[];
  /**
   * Limits the response to this queue. Can be repeated.
   */
  queue?: string[];
  /**
   * Limits the response to this queue scope. Can be repeated.
   */
  queueScope?: string[];
  /**
   * Limits the response to this organization. Can be repeated.
   */
  organizationId?: string[];
  /**
   * Limits the response to this property. Can be repeated.
   */
  propertyId?: string[];
  /**
   * Whether to include test measurements: true or false.
   *
   * @default false
   */
  includeTest?: boolean;
  /**
   * Page size: a whole number from 1 to 10000.
   *
   * @default 100
   */
  limit?: number;
  /**
   * The nextCursor of the previous page. Keep the other parameters unchanged.
   */
  cursor?: string;
  /**
   * Response format: json or csv. Default: determined by the Accept header.
   */
  format?: 'json' | 'csv';
}

/**
 * Query parameters of `GET /api/performance/values`.
 */
export interface ValuesQuery {
  /**
   * Start of the time range: an ISO 8601 time, or milliseconds since the epoch.
   */
  from?: string;
  /**
   * End of the time range: an ISO 8601 time, or milliseconds since the epoch. Default: now.
   */
  to?: string;
  /**
   * Length of the time range, instead of from: a number with the unit s, m, h, or d, such as 15m.
   */
  last?: string;
  /**
   * IANA time zone such as Europe/Vienna. Default: the time zone of the server.
   */
  timeZone?: string;
  /**
   * Dimension to list: service, version, environment, instance, endpoint, operation, queue, organizationId, propertyId.
   *
   * @default "service"
   */
  dimension?:
    | 'service'
    | 'version'
    | 'environment'
    | 'instance'
    | 'endpoint'
    | 'operation'
    | 'queue'
    | 'organizationId'
    | 'propertyId';
  /**
   * Metric type of the values to list. Default: all.
   */
  metricType?:
    | 'API_RESPONSE_TIME'
    | 'API_STREAM_DURATION'
    | 'OUTGOING_REQUEST_TIME'
    | 'DATABASE_QUERY_TIME'
    | 'DATABASE_CONNECTIONS'
    | 'QUEUE_WAIT_TIME'
    | 'QUEUE_PROCESSING_TIME'
    | 'QUEUE_DEPTH'
    | 'QUEUE_OLDEST_AGE'
    | 'CPU_USAGE'
    | 'MEMORY_USAGE'
    | 'DISK_USAGE'
    | 'NETWORK_IO'
    | 'EVENT_LOOP_DELAY'
    | 'GC_DURATION'
    | 'HEAP_USAGE'
    | 'ACTIVE_USERS'
    | 'ONGOING_RESERVATIONS'
    | 'BREAKER_STATE'
    | 'CUSTOM';
  /**
   * Limits the response to values that contain this text. Case is ignored.
   */
  search?: string;
  /**
   * Maximum number of values, 1 to 1000.
   *
   * @default 50
   */
  limit?: number;
  /**
   * Limits the response to this service. Can be repeated.
   */
  service?: string[];
  /**
   * Limits the response to this version. Can be repeated.
   */
  version?: string[];
  /**
   * Limits the response to this environment. Can be repeated.
   */
  environment?: string[];
  /**
   * Limits the response to this instance. Can be repeated.
   */
  instance?: string[];
  /**
   * Limits the response to this endpoint. Can be repeated.
   */
  endpoint?: string[];
  /**
   * Limits the response to this operation. Can be repeated.
   */
  operation?: string[];
  /**
   * Limits the response to this queue. Can be repeated.
   */
  queue?: string[];
  /**
   * Limits the response to this queue scope. Can be repeated.
   */
  queueScope?: string[];
  /**
   * Limits the response to this organization. Can be repeated.
   */
  organizationId?: string[];
  /**
   * Limits the response to this property. Can be repeated.
   */
  propertyId?: string[];
  /**
   * Whether to include test measurements: true or false.
   *
   * @default false
   */
  includeTest?: boolean;
}

/**
 * Query parameters of `GET /api/performance/catalog`.
 */
export interface CatalogQuery {
  /**
   * Start of the time range: an ISO 8601 time, or milliseconds since the epoch.
   */
  from?: string;
  /**
   * End of the time range: an ISO 8601 time, or milliseconds since the epoch. Default: now.
   */
  to?: string;
  /**
   * Length of the time range, instead of from: a number with the unit s, m, h, or d, such as 15m.
   */
  last?: string;
  /**
   * IANA time zone such as Europe/Vienna. Default: the time zone of the server.
   */
  timeZone?: string;
  /**
   * Metric types to return. Default: all.
   */
  metricType?: (
    | 'API_RESPONSE_TIME'
    | 'API_STREAM_DURATION'
    | 'OUTGOING_REQUEST_TIME'
    | 'DATABASE_QUERY_TIME'
    | 'DATABASE_CONNECTIONS'
    | 'QUEUE_WAIT_TIME'
    | 'QUEUE_PROCESSING_TIME'
    | 'QUEUE_DEPTH'
    | 'QUEUE_OLDEST_AGE'
    | 'CPU_USAGE'
    | 'MEMORY_USAGE'
    | 'DISK_USAGE'
    | 'NETWORK_IO'
    | 'EVENT_LOOP_DELAY'
    | 'GC_DURATION'
    | 'HEAP_USAGE'
    | 'ACTIVE_USERS'
    | 'ONGOING_RESERVATIONS'
    | 'BREAKER_STATE'
    | 'CUSTOM'
  )[];
  /**
   * Limits the response to this service. Can be repeated.
   */
  service?: string[];
  /**
   * Limits the response to this version. Can be repeated.
   */
  version?: string[];
  /**
   * Limits the response to this environment. Can be repeated.
   */
  environment?: string[];
  /**
   * Limits the response to this instance. Can be repeated.
   */
  instance?: string[];
  /**
   * Limits the response to this organization. Can be repeated.
   */
  organizationId?: string[];
  /**
   * Limits the response to this property. Can be repeated.
   */
  propertyId?: string[];
  /**
   * Whether to include test measurements: true or false.
   *
   * @default false
   */
  includeTest?: boolean;
  /**
   * Page size: a whole number from 1 to 1000.
   *
   * @default 100
   */
  limit?: number;
  /**
   * The nextCursor of the previous page. Keep the other parameters unchanged.
   */
  cursor?: string;
}

/**
 * Query parameters of `GET /api/performance/errors`.
 */
export interface ErrorsQuery {
  /**
   * Start of the time range: an ISO 8601 time, or milliseconds since the epoch.
   */
  from?: string;
  /**
   * End of the time range: an ISO 8601 time, or milliseconds since the epoch. Default: now.
   */
  to?: string;
  /**
   * Length of the time range, instead of from: a number with the unit s, m, h, or d, such as 15m.
   */
  last?: string;
  /**
   * IANA time zone such as Europe/Vienna. Default: the time zone of the server.
   */
  timeZone?: string;
  /**
   * Kinds to return: one or more of uncaught, rejection, request, job, database, alert.
   */
  kind?: ('uncaught' | 'rejection' | 'request' | 'job' | 'database' | 'alert')[];
  /**
   * Levels to return: one or more of fatal, error.
   */
  level?: ('fatal' | 'error')[];
  /**
   * Limits the response to this fingerprint. Can be repeated.
   */
  fingerprint?: string[];
  /**
   * Length of a time bucket: a number with the unit s, m, h, or d, such as 1m.
   */
  step?: string;
  /**
   * Limits the response to this service. Can be repeated.
   */
  service?: string[];
  /**
   * Limits the response to this version. Can be repeated.
   */
  version?: string[];
  /**
   * Limits the response to this environment. Can be repeated.
   */
  environment?: string[];
  /**
   * Limits the response to this endpoint. Can be repeated.
   */
  endpoint?: string[];
  /**
   * Limits the response to this organization. Can be repeated.
   */
  organizationId?: string[];
  /**
   * Limits the response to this property. Can be repeated.
   */
  propertyId?: string[];
  /**
   * Field to sort by: one of count, firstSeen, lastSeen.
   *
   * @default "lastSeen"
   */
  sort?: 'count' | 'firstSeen' | 'lastSeen';
  /**
   * Sort order: asc or desc.
   *
   * @default "desc"
   */
  order?: 'asc' | 'desc';
  /**
   * Page size: a whole number from 1 to 1000.
   *
   * @default 50
   */
  limit?: number;
  /**
   * The nextCursor of the previous page. Keep the other parameters unchanged.
   */
  cursor?: string;
  /**
   * Response format: json or csv. Default: determined by the Accept header.
   */
  format?: 'json' | 'csv';
}

/**
 * Query parameters of `GET /api/performance/marks`.
 */
export interface MarksQuery {
  /**
   * Start of the time range: an ISO 8601 time, or milliseconds since the epoch.
   */
  from?: string;
  /**
   * End of the time range: an ISO 8601 time, or milliseconds since the epoch. Default: now.
   */
  to?: string;
  /**
   * Length of the time range, instead of from: a number with the unit s, m, h, or d, such as 15m.
   */
  last?: string;
  /**
   * IANA time zone such as Europe/Vienna. Default: the time zone of the server.
   */
  timeZone?: string;
  /**
   * Limits the response to this service. Can be repeated.
   */
  service?: string[];
  /**
   * Limits the response to this environment. Can be repeated.
   */
  environment?: string[];
  /**
   * Limits the response to this organization. Can be repeated.
   */
  organizationId?: string[];
  /**
   * Limits the response to this property. Can be repeated.
   */
  propertyId?: string[];
}

/**
 * Query parameters of `GET /api/performance/deploys`.
 */
export interface DeploysQuery {
  /**
   * Start of the time range: an ISO 8601 time, or milliseconds since the epoch.
   */
  from?: string;
  /**
   * End of the time range: an ISO 8601 time, or milliseconds since the epoch. Default: now.
   */
  to?: string;
  /**
   * Length of the time range, instead of from: a number with the unit s, m, h, or d, such as 15m.
   */
  last?: string;
  /**
   * IANA time zone such as Europe/Vienna. Default: the time zone of the server.
   */
  timeZone?: string;
  /**
   * Limits the response to this service. Can be repeated.
   */
  service?: string[];
  /**
   * Limits the response to this environment. Can be repeated.
   */
  environment?: string[];
}

/**
 * Query parameters of `GET /api/performance/compare`.
 */
export interface CompareQuery {
  /**
   * Start of the time range: an ISO 8601 time, or milliseconds since the epoch.
   */
  from?: string;
  /**
   * End of the time range: an ISO 8601 time, or milliseconds since the epoch. Default: now.
   */
  to?: string;
  /**
   * Length of the time range, instead of from: a number with the unit s, m, h, or d, such as 15m.
   */
  last?: string;
  /**
   * IANA time zone such as Europe/Vienna. Default: the time zone of the server.
   */
  timeZone?: string;
  /**
   * Limits the response to this service. Can be repeated.
   */
  service?: string[];
  /**
   * Limits the response to this environment. Can be repeated.
   */
  environment?: string[];
  /**
   * Limits the response to this endpoint. Can be repeated.
   */
  endpoint?: string[];
  /**
   * Limits the response to this organization. Can be repeated.
   */
  organizationId?: string[];
  /**
   * Limits the response to this property. Can be repeated.
   */
  propertyId?: string[];
  /**
   * Version to compare with. Default: all versions, without the candidate if the time ranges overlap.
   */
  base?: string;
  /**
   * Version to check. Default: all versions, without the base if the time ranges overlap.
   */
  candidate?: string;
  /**
   * Start of the time range of the base. Default: the same range.
   */
  baseFrom?: string;
  /**
   * End of the time range of the base.
   */
  baseTo?: string;
}

/**
 * Query parameters of `GET /api/performance/alerts`.
 */
export interface AlertsQuery {
  /**
   * States to return: one or more of pending, firing, acknowledged, resolved.
   */
  state?: ('pending' | 'firing' | 'acknowledged' | 'resolved')[];
  /**
   * Severities to return: one or more of warning, medium, high, critical.
   */
  severity?: ('warning' | 'medium' | 'high' | 'critical')[];
  /**
   * Limits the response to this rule. Can be repeated.
   */
  rule?: string[];
  /**
   * Limits the response to this service. Can be repeated.
   */
  service?: string[];
  /**
   * Limits the response to this organization. Can be repeated.
   */
  organizationId?: string[];
  /**
   * Limits the response to this property. Can be repeated.
   */
  propertyId?: string[];
}

/**
 * Query parameters of `GET /api/performance/alerts/:id/series`.
 */
export interface AlertSeriesQuery {
  /**
   * Start of the time range: an ISO 8601 time, or milliseconds since the epoch.
   */
  from?: string;
  /**
   * End of the time range: an ISO 8601 time, or milliseconds since the epoch. Default: now.
   */
  to?: string;
  /**
   * Length of the time range, instead of from: a number with the unit s, m, h, or d, such as 15m.
   */
  last?: string;
  /**
   * IANA time zone such as Europe/Vienna. Default: the time zone of the server.
   */
  timeZone?: string;
  /**
   * Length of a time bucket: a number with the unit s, m, h, or d, such as 1m.
   */
  step?: string;
}

/**
 * Query parameters of `GET /api/performance/incidents`.
 */
export interface IncidentsQuery {
  /**
   * Start of the time range: an ISO 8601 time, or milliseconds since the epoch.
   */
  from?: string;
  /**
   * End of the time range: an ISO 8601 time, or milliseconds since the epoch. Default: now.
   */
  to?: string;
  /**
   * Length of the time range, instead of from: a number with the unit s, m, h, or d, such as 15m.
   */
  last?: string;
  /**
   * IANA time zone such as Europe/Vienna. Default: the time zone of the server.
   */
  timeZone?: string;
  /**
   * States to return: one or more of open, resolved, merged. Default: open and resolved.
   */
  state?: ('open' | 'resolved' | 'merged')[];
  /**
   * Severities to return: one or more of warning, medium, high, critical.
   */
  severity?: ('warning' | 'medium' | 'high' | 'critical')[];
  /**
   * Limits the response to this service. Can be repeated.
   */
  service?: string[];
  /**
   * Limits the response to this organization. Can be repeated.
   */
  organizationId?: string[];
  /**
   * Limits the response to this property. Can be repeated.
   */
  propertyId?: string[];
  /**
   * Page size: a whole number from 1 to 500.
   *
   * @default 50
   */
  limit?: number;
  /**
   * The nextCursor of the previous page. Keep the other parameters unchanged.
   */
  cursor?: string;
}

/**
 * Query parameters of `GET /api/performance/bands`.
 */
export interface BandsQuery {
  /**
   * Start of the time range: an ISO 8601 time, or milliseconds since the epoch.
   */
  from?: string;
  /**
   * End of the time range: an ISO 8601 time, or milliseconds since the epoch. Default: now.
   */
  to?: string;
  /**
   * Length of the time range, instead of from: a number with the unit s, m, h, or d, such as 15m.
   */
  last?: string;
  /**
   * IANA time zone such as Europe/Vienna. Default: the time zone of the server.
   */
  timeZone?: string;
  /**
   * Length of a time bucket: a number with the unit s, m, h, or d, such as 1m.
   */
  step?: string;
  /**
   * @default "API_RESPONSE_TIME"
   */
  metricType?:
    | 'API_RESPONSE_TIME'
    | 'API_STREAM_DURATION'
    | 'OUTGOING_REQUEST_TIME'
    | 'DATABASE_QUERY_TIME'
    | 'DATABASE_CONNECTIONS'
    | 'QUEUE_WAIT_TIME'
    | 'QUEUE_PROCESSING_TIME'
    | 'QUEUE_DEPTH'
    | 'QUEUE_OLDEST_AGE'
    | 'CPU_USAGE'
    | 'MEMORY_USAGE'
    | 'DISK_USAGE'
    | 'NETWORK_IO'
    | 'EVENT_LOOP_DELAY'
    | 'GC_DURATION'
    | 'HEAP_USAGE'
    | 'ACTIVE_USERS'
    | 'ONGOING_RESERVATIONS'
    | 'BREAKER_STATE'
    | 'CUSTOM';
  /**
   * Limits the response to this metric name. Can be repeated.
   */
  name?: string[];
  /**
   * One of average, last, p50, p90, p95, p99, count, rate, errorRate, depth. Rates are per second.
   *
   * @default "p95"
   */
  aggregate?:
    | 'average'
    | 'last'
    | 'p50'
    | 'p90'
    | 'p95'
    | 'p99'
    | 'count'
    | 'rate'
    | 'errorRate'
    | 'depth';
  /**
   * Width of the band: `low` is the widest.
   *
   * @default "medium"
   */
  sensitivity?: 'low' | 'medium' | 'high';
  /**
   * Limits the response to this service. Can be repeated.
   */
  service?: string[];
  /**
   * Limits the response to this version. Can be repeated.
   */
  version?: string[];
  /**
   * Limits the response to this environment. Can be repeated.
   */
  environment?: string[];
  /**
   * Limits the response to this instance. Can be repeated.
   */
  instance?: string[];
  /**
   * Limits the response to this endpoint. Can be repeated.
   */
  endpoint?: string[];
  /**
   * Limits the response to this operation. Can be repeated.
   */
  operation?: string[];
  /**
   * Limits the response to this queue. Can be repeated.
   */
  queue?: string[];
  /**
   * Limits the response to this queue scope. Can be repeated.
   */
  queueScope?: string[];
  /**
   * Limits the response to this organization. Can be repeated.
   */
  organizationId?: string[];
  /**
   * Limits the response to this property. Can be repeated.
   */
  propertyId?: string[];
  /**
   * Response format: json or csv. Default: determined by the Accept header.
   */
  format?: 'json' | 'csv';
}

/**
 * Query parameters of `GET /api/performance/anomalies`.
 */
export interface AnomaliesQuery {
  /**
   * Also list series with normal values, and series without a band.
   *
   * @default false
   */
  all?: boolean;
  /**
   * Limits the response to this organization. Can be repeated.
   */
  organizationId?: string[];
  /**
   * Limits the response to this property. Can be repeated.
   */
  propertyId?: string[];
}

/**
 * Query parameters of `GET /api/performance/objectives`.
 */
export interface ObjectivesQuery {
  /**
   * Limits the response to this objective. Can be repeated.
   */
  name?: string[];
  /**
   * Limits the response to this kind. Can be repeated.
   */
  kind?: ('availability' | 'latency' | 'average' | 'uptime')[];
  /**
   * Limits the response to groups with this status. Can be repeated.
   */
  status?: ('waiting' | 'ok' | 'exhausted')[];
  /**
   * Limits the response to this service. Can be repeated.
   */
  service?: string[];
  /**
   * Limits the response to this organization. Can be repeated.
   */
  organizationId?: string[];
  /**
   * Limits the response to this property. Can be repeated.
   */
  propertyId?: string[];
}

/**
 * Query parameters of `GET /api/performance/objectives/:id`.
 */
export interface ObjectiveQuery {
  /**
   * Start of the time range: an ISO 8601 time, or milliseconds since the epoch.
   */
  from?: string;
  /**
   * End of the time range: an ISO 8601 time, or milliseconds since the epoch. Default: now.
   */
  to?: string;
  /**
   * Length of the time range, instead of from: a number with the unit s, m, h, or d, such as 15m.
   */
  last?: string;
  /**
   * IANA time zone such as Europe/Vienna. Default: the time zone of the server.
   */
  timeZone?: string;
  /**
   * Limits the response to this organization. Can be repeated.
   */
  organizationId?: string[];
  /**
   * Limits the response to this property. Can be repeated.
   */
  propertyId?: string[];
}

/**
 * Query parameters of `GET /api/performance/forecasts`.
 */
export interface ForecastsQuery {
  /**
   * Limits the response to this kind. Can be repeated.
   */
  kind?: ('disk' | 'memory' | 'pool' | 'queue' | 'requestRate' | 'errorBudget')[];
  /**
   * Limits the response to this status. Can be repeated.
   */
  status?: ('reached' | 'limit' | 'clear' | 'notPredictable' | 'noLimit' | 'waiting')[];
  /**
   * Limits the response to this service. Can be repeated.
   */
  service?: string[];
  /**
   * Limits the response to this host. Can be repeated.
   */
  host?: string[];
  /**
   * Limits the response to this organization. Can be repeated.
   */
  organizationId?: string[];
  /**
   * Limits the response to this property. Can be repeated.
   */
  propertyId?: string[];
}

/**
 * Query parameters of `GET /api/performance/business-impact`.
 */
export interface BusinessImpactQuery {
  /**
   * Start of the time range: an ISO 8601 time, or milliseconds since the epoch.
   */
  from?: string;
  /**
   * End of the time range: an ISO 8601 time, or milliseconds since the epoch. Default: now.
   */
  to?: string;
  /**
   * Length of the time range, instead of from: a number with the unit s, m, h, or d, such as 15m.
   */
  last?: string;
  /**
   * IANA time zone such as Europe/Vienna. Default: the time zone of the server.
   */
  timeZone?: string;
  /**
   * Limits the response to this organization. Can be repeated.
   */
  organizationId?: string[];
  /**
   * Limits the response to this property. Can be repeated.
   */
  propertyId?: string[];
  /**
   * Limits the response to this service. Can be repeated.
   */
  service?: string[];
  /**
   * Successful requests, such as `POST /bookings`, or a metric, such as `metric:bookings`. Default: the most frequent write.
   */
  outcome?: string;
  /**
   * Requests, such as `GET /rooms`, or `requests` or `activeUsers`. Default: the most frequent read.
   */
  exposure?: string;
  /**
   * Requests whose latency counts. Default: the requests of `exposure`.
   */
  latency?: string;
  /**
   * Statistic of the latency.
   *
   * @default "p95"
   */
  statistic?: 'p50' | 'p95' | 'average';
}

/**
 * Query parameters of `GET /api/performance/backtest`.
 */
export interface BacktestQuery {
  /**
   * Start of the time range: an ISO 8601 time, or milliseconds since the epoch.
   */
  from?: string;
  /**
   * End of the time range: an ISO 8601 time, or milliseconds since the epoch. Default: now.
   */
  to?: string;
  /**
   * Length of the time range, instead of from: a number with the unit s, m, h, or d, such as 15m.
   */
  last?: string;
  /**
   * IANA time zone such as Europe/Vienna. Default: the time zone of the server.
   */
  timeZone?: string;
  /**
   * Length of a time bucket: a number with the unit s, m, h, or d, such as 1m.
   */
  step?: string;
  /**
   * Replays only this rule. Can be repeated.
   */
  rule?: string[];
}

/**
 * Query parameters of `GET /api/performance/noise`.
 */
export interface NoiseQuery {
  /**
   * Start of the time range: an ISO 8601 time, or milliseconds since the epoch.
   */
  from?: string;
  /**
   * End of the time range: an ISO 8601 time, or milliseconds since the epoch. Default: now.
   */
  to?: string;
  /**
   * Length of the time range, instead of from: a number with the unit s, m, h, or d, such as 15m.
   */
  last?: string;
  /**
   * IANA time zone such as Europe/Vienna. Default: the time zone of the server.
   */
  timeZone?: string;
  /**
   * Whether to search for quieter rules: true or false.
   *
   * @default false
   */
  suggest?: boolean;
}

/**
 * Query parameters of `GET /api/performance/notifications`.
 */
export interface NotificationsQuery {
  /**
   * Start of the time range: an ISO 8601 time, or milliseconds since the epoch.
   */
  from?: string;
  /**
   * End of the time range: an ISO 8601 time, or milliseconds since the epoch. Default: now.
   */
  to?: string;
  /**
   * Length of the time range, instead of from: a number with the unit s, m, h, or d, such as 15m.
   */
  last?: string;
  /**
   * IANA time zone such as Europe/Vienna. Default: the time zone of the server.
   */
  timeZone?: string;
  /**
   * Whether to return only the caller's in-app notifications, each once: true or false.
   *
   * @default false
   */
  inbox?: boolean;
  /**
   * With inbox=true: whether to return only unread (true) or only read (false) notifications.
   */
  unread?: boolean;
  /**
   * Statuses to return: one or more of delivered, retrying, failed, suppressed.
   */
  status?: ('delivered' | 'retrying' | 'failed' | 'suppressed')[];
  /**
   * Limits the response to this channel. Can be repeated.
   */
  channel?: string[];
  /**
   * Limits the response to this receiver. Can be repeated.
   */
  receiver?: string[];
  /**
   * Limits the response to this reason. Can be repeated.
   */
  reason?: string[];
  /**
   * Limits the response to this alert.
   */
  alertId?: string;
  /**
   * Limits the response to this organization. Can be repeated.
   */
  organizationId?: string[];
  /**
   * Limits the response to this property. Can be repeated.
   */
  propertyId?: string[];
  /**
   * Page size: a whole number from 1 to 1000.
   *
   * @default 100
   */
  limit?: number;
  /**
   * The nextCursor of the previous page. Keep the other parameters unchanged.
   */
  cursor?: string;
  /**
   * Response format: json or csv. Default: determined by the Accept header.
   */
  format?: 'json' | 'csv';
}

/**
 * Query parameters of `GET /api/performance/decisions`.
 */
export interface DecisionsQuery {
  /**
   * Start of the time range: an ISO 8601 time, or milliseconds since the epoch.
   */
  from?: string;
  /**
   * End of the time range: an ISO 8601 time, or milliseconds since the epoch. Default: now.
   */
  to?: string;
  /**
   * Length of the time range, instead of from: a number with the unit s, m, h, or d, such as 15m.
   */
  last?: string;
  /**
   * IANA time zone such as Europe/Vienna. Default: the time zone of the server.
   */
  timeZone?: string;
  /**
   * Limits the response to this rule. Can be repeated.
   */
  rule?: string[];
  /**
   * Limits the response to this setting. Can be repeated.
   */
  setting?: string[];
  /**
   * Statuses to return: one or more of set, renewed, reset, expired, applied, delivered, failed.
   */
  status?: ('set' | 'renewed' | 'reset' | 'expired' | 'applied' | 'delivered' | 'failed')[];
  /**
   * Limits the response to this organization. Can be repeated.
   */
  organizationId?: string[];
  /**
   * Limits the response to this property. Can be repeated.
   */
  propertyId?: string[];
  /**
   * Page size: a whole number from 1 to 1000.
   *
   * @default 100
   */
  limit?: number;
  /**
   * The nextCursor of the previous page. Keep the other parameters unchanged.
   */
  cursor?: string;
  /**
   * Response format: json or csv. Default: determined by the Accept header.
   */
  format?: 'json' | 'csv';
}

/**
 * Query parameters of `GET /api/performance/scaling`.
 */
export interface ScalingQuery {
  /**
   * Limits the response to this service. Can be repeated.
   */
  service?: string[];
  /**
   * Limits the response to this queue. Can be repeated.
   */
  queue?: string[];
  /**
   * Limits the response to queues in this scope: prefix@host:port/db, or only the prefix. Can be repeated.
   */
  scope?: string[];
  /**
   * Limits the response to this organization. Can be repeated.
   */
  organizationId?: string[];
  /**
   * Limits the response to this property. Can be repeated.
   */
  propertyId?: string[];
  /**
   * Maximum time that jobs should wait, such as 1m.
   *
   * @default "1m"
   */
  targetWait?: string;
  /**
   * Time that demand must stay lower before the recommendation decreases, at most 1h.
   *
   * @default "5m"
   */
  stabilization?: string;
  /**
   * Number of jobs that a worker runs at once: a whole number from 1 to 10000.
   *
   * @default 1
   */
  concurrency?: number;
  /**
   * Minimum recommendation: a whole number from 0 to 10000.
   *
   * @default 1
   */
  min?: number;
  /**
   * Maximum recommendation: a whole number from 1 to 10000.
   *
   * @default 100
   */
  max?: number;
}

/**
 * Query parameters of `GET /api/performance/suggestions`.
 */
export interface SuggestionsQuery {
  /**
   * Start of the time range: an ISO 8601 time, or milliseconds since the epoch.
   */
  from?: string;
  /**
   * End of the time range: an ISO 8601 time, or milliseconds since the epoch. Default: now.
   */
  to?: string;
  /**
   * Length of the time range, instead of from: a number with the unit s, m, h, or d, such as 15m.
   */
  last?: string;
  /**
   * IANA time zone such as Europe/Vienna. Default: the time zone of the server.
   */
  timeZone?: string;
  /**
   * Limits the response to this kind. Can be repeated.
   */
  kind?: (
    | 'n-plus-one'
    | 'slow-statement'
    | 'slow-table'
    | 'missing-limit'
    | 'pool-too-small'
    | 'connection-leak'
    | 'chatty-transaction'
    | 'too-few-workers'
    | 'too-many-workers'
    | 'fails-first'
    | 'no-backoff'
    | 'cacheable-results'
    | 'event-loop-block'
    | 'gc-pressure'
    | 'slow-tenant'
  )[];
  /**
   * Limits the response to this service. Can be repeated.
   */
  service?: string[];
  /**
   * Limits the response to this environment. Can be repeated.
   */
  environment?: string[];
  /**
   * Limits the response to this organization. Can be repeated.
   */
  organizationId?: string[];
  /**
   * Limits the response to this property. Can be repeated.
   */
  propertyId?: string[];
  /**
   * Whether to return the dismissed suggestions instead of the others.
   *
   * @default false
   */
  dismissed?: boolean;
}

/**
 * Query parameters of `GET /api/performance/stream`.
 */
export interface StreamQuery {
  /**
   * Length of an interval: 1s to 5m.
   *
   * @default "5s"
   */
  interval?: string;
  /**
   * Limits the response to this service. Can be repeated.
   */
  service?: string[];
  /**
   * Limits the response to this version. Can be repeated.
   */
  version?: string[];
  /**
   * Limits the response to this environment. Can be repeated.
   */
  environment?: string[];
  /**
   * Limits the response to this instance. Can be repeated.
   */
  instance?: string[];
  /**
   * Limits the response to this organization. Can be repeated.
   */
  organizationId?: string[];
  /**
   * Limits the response to this property. Can be repeated.
   */
  propertyId?: string[];
  /**
   * Whether to include test measurements: true or false.
   *
   * @default false
   */
  includeTest?: boolean;
}

/**
 * Query parameters of `GET /api/performance/test`.
 */
export interface TestQuery {
  /**
   * Action to perform: one of setup, test-metrics, test-queue, health, dashboard, start-monitoring, stop-monitoring, cleanup.
   */
  action:
    | 'setup'
    | 'test-metrics'
    | 'test-queue'
    | 'health'
    | 'dashboard'
    | 'start-monitoring'
    | 'stop-monitoring'
    | 'cleanup';
}

/**
 * JSON body of `POST /api/performance/deploys`.
 */
export interface DeploysBody {
  /**
   * Name of the service, as in its measurements.
   */
  service: string;
  /**
   * Version, as in the service.version of the service.
   */
  version: string;
  /**
   * Environment, such as production. Default: the environment of the service, if it had only one in the last day.
   */
  environment?: string;
  commit?: string;
  /**
   * Default: the caller.
   */
  author?: string;
  /**
   * Link to the pipeline or the release.
   */
  url?: string;
  /**
   * Start of the deploy. Default: now.
   */
  at?: string;
}

/**
 * JSON body of `POST /api/performance/alerts/:id/acknowledge`.
 */
export interface AcknowledgeBody {
  comment: string;
}

/**
 * JSON body of `POST /api/performance/incidents/:id/acknowledge`.
 */
export interface AcknowledgeIncidentBody {
  comment: string;
}

/**
 * JSON body of `POST /api/performance/backtest`.
 */
export interface BacktestBody {
  /**
   * YAML text of a rules file. Without it, only the current rules are replayed.
   */
  rules?: string;
}

/**
 * JSON body of `POST /api/performance/silences`.
 */
export interface SilencesBody {
  /**
   * Matchers such as service="booking", with =, !=, =~, or !~. An alert must match all of them.
   */
  matchers: string[];
  startsAt?: string;
  endsAt?: string;
  /**
   * Duration instead of endsAt, such as 2h.
   */
  duration?: string;
  /**
   * Recurring maintenance window. See docs/alerts.md.
   */
  recurrence?: {
    [k: string]: unknown;
  };
  comment: string;
  organizationId?: string;
  propertyId?: string;
}

/**
 * JSON body of `POST /api/performance/receivers/:id/test`.
 */
export interface TestReceiverBody {
  /**
   * Organization of the sample alert. People receive only alerts of their tenants.
   */
  organizationId?: string;
  /**
   * Property of the sample alert.
   */
  propertyId?: string;
}

/**
 * JSON body of `POST /api/performance/people`.
 */
export interface PeopleBody {
  /**
   * Name that receivers refer to. An existing person with this name is replaced.
   */
  name: string;
  role: 'ADMIN' | 'ORG_ADMIN' | 'PROPERTY_MGR' | 'VIEWER' | 'INGEST';
  /**
   * Required for all roles except ADMIN.
   */
  organizationId?: string;
  /**
   * Default: all properties of the organization.
   *
   * @minItems 1
   * @maxItems 200
   */
  properties?: string[];
  /**
   * For example ann@hotel.example. Later responses contain only the masked value.
   */
  email?: string;
  /**
   * For example +43123456789. Later responses contain only the masked value.
   */
  phone?: string;
  /**
   * Subject of the person's key or token, such as token:ann.
   */
  user?: string;
}

/**
 * JSON body of `POST /api/performance/suggestions/:id/dismiss`.
 */
export interface DismissSuggestionBody {
  /**
   * Reason for the dismissal.
   */
  comment: string;
  /**
   * Length of the dismissal, such as 7d, at most 366d. Default: no end.
   */
  duration?: string;
}

/**
 * JSON body of `POST /api/performance/suggestions/:id/explain`.
 */
export interface ExplainSuggestionBody {
  /**
   * Database to use. Default: the database that fits the statement.
   */
  database?: 'postgresql' | 'mysql';
}

/**
 * JSON body of `POST /api/performance/keys`.
 */
export interface KeysBody {
  name: string;
  role: 'ADMIN' | 'ORG_ADMIN' | 'PROPERTY_MGR' | 'VIEWER' | 'INGEST';
  organizationId?: string;
  /**
   * @minItems 1
   * @maxItems 200
   */
  properties?: string[];
  /**
   * A duration such as 90d, 12h, 4w, or 1y, or an ISO 8601 time. Default: the key does not expire.
   */
  expires?: string;
}

export interface Dashboard {
  from: string;
  to: string;
  api: RequestFigures;
  database: DatabaseFigures;
  queues: QueueFigures[];
  systemHealth: HealthFigures[];
  trends: Trends;
}

export interface RequestFigures {
  count: number;
  rate: number;
  errorCount?: number;
  errorRate?: number;
  average?: number;
  min?: number;
  max?: number;
  p50?: number;
  p90?: number;
  p95?: number;
  p99?: number;
  p999?: number;
  abortedCount?: number;
  abortedRate?: number;
  count2xx?: number;
  count3xx?: number;
  count4xx?: number;
  count5xx?: number;
  firstByteAverage?: number;
  firstByteMax?: number;
  databaseTime?: number;
  databaseShare?: number;
  databaseCalls?: number;
  outgoingTime?: number;
  outgoingShare?: number;
  outgoingCalls?: number;
  queueTime?: number;
  queueShare?: number;
  queueCalls?: number;
  connectionWaitTime?: number;
  connectionWaitShare?: number;
  eventLoopWaitTime?: number;
  eventLoopWaitShare?: number;
  ownTime?: number;
  ownShare?: number;
  slowestEndpoints: {
    name: string;
    operation?: string;
    service?: string;
    count: number;
    average: number;
  }[];
  streams?: StreamFigures;
}

/**
 * Long-lived responses that ended, such as server-sent events. `average` and `max` are the time that they were open, in ms.
 */
export interface StreamFigures {
  count: number;
  errorCount?: number;
  errorRate?: number;
  average?: number;
  max?: number;
  abortedCount?: number;
  abortedRate?: number;
  count2xx?: number;
  count3xx?: number;
  count4xx?: number;
  count5xx?: number;
  firstByteAverage?: number;
  firstByteMax?: number;
  databaseTime?: number;
  databaseShare?: number;
  databaseCalls?: number;
  outgoingTime?: number;
  outgoingShare?: number;
  outgoingCalls?: number;
  queueTime?: number;
  queueShare?: number;
  queueCalls?: number;
  connectionWaitTime?: number;
  connectionWaitShare?: number;
  eventLoopWaitTime?: number;
  eventLoopWaitShare?: number;
  ownTime?: number;
  ownShare?: number;
}

export interface DatabaseFigures {
  count: number;
  rate: number;
  average?: number;
  p95?: number;
  errorRate?: number;
  connections?: number;
  slowShare?: number;
  slowestOperations: {
    name: string;
    operation?: string;
    service?: string;
    count: number;
    average: number;
  }[];
  /**
   * @deprecated
   * Use `average` instead.
   */
  averageQueryTime?: number;
  /**
   * @deprecated
   * Use `p95` instead.
   */
  p95QueryTime?: number;
  /**
   * @deprecated
   * Use `slowShare` instead.
   */
  slowQueryShare?: number;
}

export interface QueueFigures {
  queue: string;
  /**
   * Redis server and prefix of the queue: prefix@host:port/db. Callers limited to a tenant get only the prefix.
   */
  scope?: string;
  completed: number;
  failed: number;
  stalled: number;
  failureRate?: number;
  processingTime?: number;
  waitTime?: number;
  arrivalRate: number;
  completionRate: number;
  depth?: number;
  depthByState: {
    [k: string]: number;
  };
  oldestAge?: number;
  workers?: number;
  timeToDrain?: number;
}

export interface HealthFigures {
  service: string;
  instance: string;
  status?: string;
  host?: string;
  cpuUsage?: number;
  memoryUsage?: number;
  hostCpuUsage?: number;
  hostMemoryUsage?: number;
  processCpuUsage?: number;
  processMemory?: number;
  eventLoopUtilization?: number;
  diskUsage?: number;
  eventLoopDelayP99?: number;
  uptime?: number;
  dbConnections?: number;
  dbQueryTime?: number;
  activeUsers?: number;
  ongoingReservations?: number;
  timestamp: string;
}

export interface Trends {
  responseTime: Trend;
  p95ResponseTime: Trend;
  requestRate: Trend;
  errorRate: Trend;
  queryTime: Trend;
}

/**
 * A metric and its previous value. `change` is in percent.
 */
export interface Trend {
  current?: number;
  previous?: number;
  change?: number;
}

export interface TrendsAnswer {
  from: string;
  to: string;
  metricType:
    | 'API_RESPONSE_TIME'
    | 'API_STREAM_DURATION'
    | 'OUTGOING_REQUEST_TIME'
    | 'DATABASE_QUERY_TIME'
    | 'DATABASE_CONNECTIONS'
    | 'QUEUE_WAIT_TIME'
    | 'QUEUE_PROCESSING_TIME'
    | 'QUEUE_DEPTH'
    | 'QUEUE_OLDEST_AGE'
    | 'CPU_USAGE'
    | 'MEMORY_USAGE'
    | 'DISK_USAGE'
    | 'NETWORK_IO'
    | 'EVENT_LOOP_DELAY'
    | 'GC_DURATION'
    | 'HEAP_USAGE'
    | 'ACTIVE_USERS'
    | 'ONGOING_RESERVATIONS'
    | 'BREAKER_STATE'
    | 'CUSTOM';
  step: string;
  timeZone: string;
  /**
   * Differences from the request, such as a longer step, with the reasons.
   */
  notes?: string[];
  series: {
    group: TrendGroup;
    points: TrendPoint[];
    /**
     * Points of the earlier time range, shifted to the current time range.
     */
    compared?: TrendPoint[];
  }[];
  /**
   * Number of groups beyond the limit.
   */
  omittedSeries: number;
  summary: Trends;
}

/**
 * Dimension values of a group, and the name of its metric. A missing dimension means rows without that value.
 */
export interface TrendGroup {
  service?: string;
  version?: string;
  environment?: string;
  instance?: string;
  endpoint?: string;
  operation?: string;
  queue?: string;
  queueScope?: string;
  organizationId?: string;
  propertyId?: string;
  name?: string;
}

/**
 * A time bucket that starts at `at`.
 */
export interface TrendPoint {
  at: string;
  count?: number;
  rate?: number;
  average?: number;
  errorRate?: number;
  min?: number;
  max?: number;
  p50?: number;
  p90?: number;
  p95?: number;
  p99?: number;
  p999?: number;
  apdex?: number;
  last?: number;
  sum?: number;
}

export interface Distribution {
  from: string;
  to: string;
  metricType:
    | 'API_RESPONSE_TIME'
    | 'API_STREAM_DURATION'
    | 'OUTGOING_REQUEST_TIME'
    | 'DATABASE_QUERY_TIME'
    | 'DATABASE_CONNECTIONS'
    | 'QUEUE_WAIT_TIME'
    | 'QUEUE_PROCESSING_TIME'
    | 'QUEUE_DEPTH'
    | 'QUEUE_OLDEST_AGE'
    | 'CPU_USAGE'
    | 'MEMORY_USAGE'
    | 'DISK_USAGE'
    | 'NETWORK_IO'
    | 'EVENT_LOOP_DELAY'
    | 'GC_DURATION'
    | 'HEAP_USAGE'
    | 'ACTIVE_USERS'
    | 'ONGOING_RESERVATIONS'
    | 'BREAKER_STATE'
    | 'CUSTOM';
  step: string;
  timeZone: string;
  /**
   * Differences from the request, such as a longer step, with the reasons.
   */
  notes?: string[];
  /**
   * Start of each time bucket, including empty buckets. At most 300.
   */
  times: string[];
  /**
   * Inclusive upper bound of each value bucket, ascending, in the metric's unit: ms for durations. A bucket with the bound 0 contains all values up to 0.
   */
  uppers: number[];
  /**
   * Ratio of the upper to the lower bound of each bucket with positive values.
   */
  upperRatio: number;
  /**
   * Cells with values: index of the time, index of the upper bound, number of values, number of failures.
   */
  cells: [number, number, number, number][];
}

export interface TrendsSql {
  /**
   * One statement for each table and roll-up. Add up the rows with the same group and bucket. Without access to any rows, the list is empty.
   */
  statements: SqlStatement[];
}

/**
 * A statement without bound parameters, for Grafana or the QuestDB console.
 */
export interface SqlStatement {
  description: string;
  sql: string;
}

export interface Endpoints {
  from: string;
  to: string;
  endpoints: RequestGroup[];
  /**
   * The groups with the most streams, up to `limit`. Only the first page contains streams.
   */
  streams: StreamGroup[];
  /**
   * Cursor of the next page. Missing on the last page.
   */
  nextCursor?: string;
}

/**
 * Metrics of a group of requests. Aborted requests are only in `abortedCount` and `abortedRate`.
 */
export interface RequestGroup {
  group: Group;
  count: number;
  rate: number;
  errorCount?: number;
  errorRate?: number;
  average?: number;
  min?: number;
  max?: number;
  p50?: number;
  p90?: number;
  p95?: number;
  p99?: number;
  p999?: number;
  apdex?: number;
  slowShare?: number;
  previous?: PreviousRequests;
  abortedCount?: number;
  abortedRate?: number;
  count2xx?: number;
  count3xx?: number;
  count4xx?: number;
  count5xx?: number;
  firstByteAverage?: number;
  firstByteMax?: number;
  databaseTime?: number;
  databaseShare?: number;
  databaseCalls?: number;
  outgoingTime?: number;
  outgoingShare?: number;
  outgoingCalls?: number;
  queueTime?: number;
  queueShare?: number;
  queueCalls?: number;
  connectionWaitTime?: number;
  connectionWaitShare?: number;
  eventLoopWaitTime?: number;
  eventLoopWaitShare?: number;
  ownTime?: number;
  ownShare?: number;
  repeatedStatement?: RepeatedStatement;
}

/**
 * Dimension values of a group. A missing dimension means rows without that value.
 */
export interface Group {
  service?: string;
  version?: string;
  environment?: string;
  instance?: string;
  endpoint?: string;
  operation?: string;
  queue?: string;
  queueScope?: string;
  organizationId?: string;
  propertyId?: string;
}

/**
 * Metrics of the requests in the earlier time range. Missing without `compare`, and if the group had no requests.
 */
export interface PreviousRequests {
  count: number;
  rate: number;
  errorRate?: number;
  average?: number;
  p50?: number;
  p95?: number;
  p99?: number;
  databaseTime?: number;
  databaseCalls?: number;
  outgoingTime?: number;
  outgoingCalls?: number;
  queueTime?: number;
  queueCalls?: number;
  connectionWaitTime?: number;
  eventLoopWaitTime?: number;
  ownTime?: number;
}

/**
 * The statement that most requests ran at least 5 times. `average` and `max` are executions per request.
 */
export interface RepeatedStatement {
  statement: string;
  requests: number;
  average: number;
  max: number;
}

/**
 * A group of long-lived responses that ended. `average` and `max` are the time that they were open, in ms.
 */
export interface StreamGroup {
  group: Group;
  count: number;
  errorCount?: number;
  errorRate?: number;
  average?: number;
  max?: number;
  abortedCount?: number;
  abortedRate?: number;
  count2xx?: number;
  count3xx?: number;
  count4xx?: number;
  count5xx?: number;
  firstByteAverage?: number;
  firstByteMax?: number;
  databaseTime?: number;
  databaseShare?: number;
  databaseCalls?: number;
  outgoingTime?: number;
  outgoingShare?: number;
  outgoingCalls?: number;
  queueTime?: number;
  queueShare?: number;
  queueCalls?: number;
  connectionWaitTime?: number;
  connectionWaitShare?: number;
  eventLoopWaitTime?: number;
  eventLoopWaitShare?: number;
  ownTime?: number;
  ownShare?: number;
}

export interface Bottlenecks {
  from: string;
  to: string;
  bottlenecks: Bottleneck[];
}

/**
 * The part that limits a group of requests. `duration` and `time` are means in ms, and `share` is in percent. `operation` is the statement, host, queue, or pool with most of the time of the part in the kept requests.
 */
export interface Bottleneck {
  group: Group;
  part: 'database' | 'outgoing' | 'queue' | 'connectionWait' | 'eventLoopWait' | 'own' | 'unclear';
  text: string;
  requests: number;
  duration?: number;
  time?: number;
  share?: number;
  operation?: {
    name: string;
    share: number;
    samples: number;
  };
}

export interface Outgoing {
  from: string;
  to: string;
  hosts: OutgoingGroup[];
  /**
   * Cursor of the next page. Missing on the last page.
   */
  nextCursor?: string;
}

/**
 * Metrics of a group of calls to other hosts. The `endpoint` of a group is the host.
 */
export interface OutgoingGroup {
  group: Group;
  count: number;
  rate: number;
  errorCount?: number;
  errorRate?: number;
  average?: number;
  min?: number;
  max?: number;
  p50?: number;
  p90?: number;
  p95?: number;
  p99?: number;
  p999?: number;
  apdex?: number;
  slowShare?: number;
  previous?: PreviousWork;
  /**
   * Percentage of the calls that failed, by kind of error.
   */
  errorRates: {
    [k: string]: number;
  };
}

/**
 * Metrics of the group in the earlier time range. Missing without `compare`, and if the group had no data.
 */
export interface PreviousWork {
  count: number;
  rate: number;
  errorRate?: number;
  average?: number;
  p50?: number;
  p95?: number;
  p99?: number;
}

/**
 * The `endpoint` of a group is a normalized statement.
 */
export interface Database {
  from: string;
  to: string;
  figures: DatabaseFigures;
  statements: WorkGroup[];
  /**
   * Cursor of the next page. Missing on the last page.
   */
  nextCursor?: string;
}

/**
 * Metrics of a group. `slowShare` is the percentage that took over 500 ms. `apdex` is 0 to 1.
 */
export interface WorkGroup {
  group: Group;
  count: number;
  rate: number;
  errorCount?: number;
  errorRate?: number;
  average?: number;
  min?: number;
  max?: number;
  p50?: number;
  p90?: number;
  p95?: number;
  p99?: number;
  p999?: number;
  apdex?: number;
  slowShare?: number;
  previous?: PreviousWork;
}

export interface Queues {
  from: string;
  to: string;
  queues: QueueFigures[];
  tenants: TenantShare[];
  step?: string;
  timeZone?: string;
  /**
   * Differences from the request, such as a longer step, with the reasons.
   */
  notes?: string[];
  series?: {
    queue: string;
    /**
     * Redis server and prefix of the queue: prefix@host:port/db. Callers limited to a tenant get only the prefix.
     */
    scope?: string;
    points: {
      at: string;
      arrived: number;
      completed: number;
      failed: number;
      stalled: number;
      averageProcessing?: number;
      averageWait?: number;
      depth?: number;
    }[];
  }[];
}

/**
 * A tenant's share of a queue. Durations are in ms, shares in percent.
 */
export interface TenantShare {
  queue?: string;
  /**
   * Redis server and prefix of the queue: prefix@host:port/db. Callers limited to a tenant get only the prefix.
   */
  scope?: string;
  organizationId?: string;
  propertyId?: string;
  ended: number;
  processing: number;
  processingShare?: number;
  waiting: number;
  waitingShare?: number;
}

export interface Jobs {
  from: string;
  to: string;
  jobs: Job[];
  /**
   * Cursor of the next page. Missing on the last page.
   */
  nextCursor?: string;
}

/**
 * The latest state of a job. `startedAt`, `waitTime`, and `duration` are about the last attempt. Durations are in ms.
 */
export interface Job {
  queue: string;
  /**
   * Redis server and prefix of the queue: prefix@host:port/db. Callers limited to a tenant get only the prefix.
   */
  scope?: string;
  jobId: string;
  jobType?: string;
  status?: string;
  changedAt: string;
  createdAt?: string;
  startedAt?: string;
  finishedAt?: string;
  waitTime?: number;
  duration?: number;
  attempts?: number;
  maxAttempts?: number;
  errorMessage?: string;
  organizationId?: string;
  propertyId?: string;
}

export interface JobHistories {
  from: string;
  to: string;
  jobs: JobHistory[];
}

/**
 * A job with its state changes, oldest first.
 */
export interface JobHistory {
  queue: string;
  /**
   * Redis server and prefix of the queue: prefix@host:port/db. Callers limited to a tenant get only the prefix.
   */
  scope?: string;
  jobId: string;
  jobType?: string;
  status?: string;
  changedAt: string;
  createdAt?: string;
  startedAt?: string;
  finishedAt?: string;
  waitTime?: number;
  duration?: number;
  attempts?: number;
  maxAttempts?: number;
  errorMessage?: string;
  organizationId?: string;
  propertyId?: string;
  history: JobChange[];
}

/**
 * One state change of a job. Durations are in ms.
 */
export interface JobChange {
  at: string;
  status?: string;
  waitTime?: number;
  duration?: number;
  attempts?: number;
  delay?: number;
  errorMessage?: string;
  stackTrace?: string;
  service?: string;
  instance?: string;
}

/**
 * Usage values and the uptime of services are in percent. CPU and memory are shares of the limits of the container, or of the host without limits. The memory of a process is in bytes, and its uptime in seconds. Lists the processes that reported in the last three intervals.
 */
export interface Health {
  status: 'healthy' | 'degraded' | 'unhealthy';
  timestamp: string;
  metrics?: {
    cpu?: number;
    memory: number;
    hostCpu?: number;
    hostMemory: number;
    processCpu?: number;
    processMemory: number;
    eventLoopUtilization?: number;
    disk?: number;
    load: number;
    uptime: number;
    eventLoopDelayP99?: number;
    avgResponseTime?: number;
    errorRate?: number;
    dbConnections?: number;
    dbQueryTime?: number;
    gauges: {
      [k: string]: number;
    };
  };
  hosts?: HealthFigures[];
  uptime?: {
    service?: string;
    uptime?: number;
    intervals: number;
    reported: number;
  }[];
}

export interface Coverage {
  from: string;
  to: string;
  coverage: ServiceCoverage[];
}

/**
 * A library in the processes of one version of a service. `measured` is the number of processes that measure it. `unmeasured` is the number of processes that have it, but do not measure it.
 */
export interface ServiceCoverage {
  service: string;
  version?: string;
  library: string;
  libraryVersion?: string;
  measured: number;
  unmeasured: number;
  reason?: string;
}

export interface Metrics {
  from: string;
  to: string;
  metrics: Metric[];
  /**
   * Cursor of the next page. Missing on the last page.
   */
  nextCursor?: string;
}

/**
 * One row of performance_metrics. Durations are in ms.
 */
export interface Metric {
  at: string;
  id: string;
  metricType?: string;
  name?: string;
  value?: number;
  unit?: string;
  endpoint?: string;
  operation?: string;
  service?: string;
  version?: string;
  environment?: string;
  instance?: string;
  organizationId?: string;
  propertyId?: string;
  userId?: string;
  tags: unknown;
  duration?: number;
  count?: number;
  errorCount?: number;
  abortedCount?: number;
  sum?: number;
  min?: number;
  max?: number;
  test: boolean;
}

export interface Values {
  from: string;
  to: string;
  dimension:
    | 'service'
    | 'version'
    | 'environment'
    | 'instance'
    | 'endpoint'
    | 'operation'
    | 'queue'
    | 'organizationId'
    | 'propertyId';
  values: {
    value: string;
    /**
     * Number of measurements with this value.
     */
    count: number;
  }[];
}

export interface Catalog {
  from: string;
  to: string;
  metrics: CatalogMetric[];
  /**
   * Cursor of the next page. Missing on the last page.
   */
  nextCursor?: string;
}

/**
 * A metric with measurements in the time range. `services` are the 20 services with the most measurements.
 */
export interface CatalogMetric {
  metricType:
    | 'API_RESPONSE_TIME'
    | 'API_STREAM_DURATION'
    | 'OUTGOING_REQUEST_TIME'
    | 'DATABASE_QUERY_TIME'
    | 'DATABASE_CONNECTIONS'
    | 'QUEUE_WAIT_TIME'
    | 'QUEUE_PROCESSING_TIME'
    | 'QUEUE_DEPTH'
    | 'QUEUE_OLDEST_AGE'
    | 'CPU_USAGE'
    | 'MEMORY_USAGE'
    | 'DISK_USAGE'
    | 'NETWORK_IO'
    | 'EVENT_LOOP_DELAY'
    | 'GC_DURATION'
    | 'HEAP_USAGE'
    | 'ACTIVE_USERS'
    | 'ONGOING_RESERVATIONS'
    | 'BREAKER_STATE'
    | 'CUSTOM';
  name?: string;
  unit?: string;
  count: number;
  lastSeen: string;
  services: string[];
}

export interface Errors {
  from: string;
  to: string;
  errors: TrackedError[];
  step?: string;
  timeZone?: string;
  /**
   * With step: starts of the time buckets.
   */
  times?: string[];
  /**
   * Cursor of the next page. Missing on the last page.
   */
  nextCursor?: string;
}

/**
 * All occurrences of an error, which have the same fingerprint.
 */
export interface TrackedError {
  fingerprint: string;
  count: number;
  firstSeen: string;
  lastSeen: string;
  kind?: string;
  level?: string;
  type?: string;
  message?: string;
  endpoint?: string;
  service?: string;
  example: ErrorExample;
  /**
   * With step: number of occurrences in each time bucket. `times` has their starts.
   */
  points?: number[];
}

/**
 * The most recent occurrence of an error.
 */
export interface ErrorExample {
  at: string;
  id: string;
  stackTrace?: string;
  context: unknown;
  alertId?: string;
  version?: string;
  environment?: string;
  instance?: string;
  organizationId?: string;
  propertyId?: string;
  userId?: string;
}

export interface Marks {
  from: string;
  to: string;
  marks: Mark[];
  /**
   * Number of events in the range. If there are more than 200, restarts and less severe alerts are omitted first.
   */
  total: number;
}

/**
 * An event to show in charts.
 */
export interface Mark {
  at: string;
  kind: 'version' | 'restart' | 'alert';
  text: string;
  service?: string;
  version?: string;
  previousVersion?: string;
  /**
   * Number of processes that restarted.
   */
  count?: number;
  /**
   * ID of a recorded or detected deploy.
   */
  deployId?: string;
  alertId?: string;
  rule?: string;
  severity?: 'warning' | 'medium' | 'high' | 'critical';
  /**
   * When the alert was resolved. Missing if it is still active.
   */
  until?: string;
}

export interface Deploys {
  from: string;
  to: string;
  deploys: Deploy[];
}

export interface Deploy {
  id: string;
  service: string;
  environment?: string;
  version: string;
  previousVersion?: string;
  sources: ('recorded' | 'detected')[];
  startsAt: string;
  commit?: string;
  author?: string;
  url?: string;
  /**
   * `ended` if a confirmed regression no longer exists.
   */
  status: 'running' | 'regression' | 'ended' | 'ok' | 'no data';
  /**
   * Number of series with enough data in the last comparison.
   */
  comparedSeries: number;
  endedAt?: string;
  endReason?: string;
  findings: VersionChange[];
}

/**
 * A compared statistic of one series.
 */
export interface VersionChange {
  text: string;
  type:
    | 'API_RESPONSE_TIME'
    | 'DATABASE_QUERY_TIME'
    | 'OUTGOING_REQUEST_TIME'
    | 'QUEUE_PROCESSING_TIME'
    | 'QUEUE_WAIT_TIME';
  /**
   * Endpoint, statement, queue, or host, depending on the type.
   */
  endpoint?: string;
  operation?: string;
  queueScope?: string;
  /**
   * Organization. Missing if the change is about all organizations.
   */
  organization?: string;
  /**
   * Compared statistic. `typical` is the geometric mean.
   */
  statistic: 'p95' | 'mean' | 'p50' | 'typical' | 'errorRate' | 'abortedRate';
  verdict: 'regression' | 'improvement' | 'unchanged';
  /**
   * Times of the measurements before the change. `concurrent`: in the same minutes as the measurements after the change. `overlapping`: only partly in the same minutes. `before` or `after`: in earlier or later minutes.
   */
  method: 'before' | 'concurrent' | 'overlapping' | 'after';
  /**
   * Value before, in ms, or a share from 0 to 1.
   */
  before: number;
  /**
   * Value after, in ms, or a share from 0 to 1.
   */
  after: number;
  /**
   * Relative change of a duration, such as 0.34, or difference of a share.
   */
  change: number;
  /**
   * Lower end of the confidence interval of the change.
   */
  lower: number;
  /**
   * Upper end of the confidence interval of the change.
   */
  upper: number;
  countBefore: number;
  countAfter: number;
  /**
   * Number of the comparison that found the change.
   */
  look: number;
  /**
   * True if the change of the other series in the same time is subtracted from `change`.
   */
  isRelative?: boolean;
}

export interface DeployDetails {
  deploy: Deploy;
  changes: VersionChange[];
}

export interface VersionComparison {
  from: string;
  to: string;
  base: {
    version?: string;
    from: string;
    to: string;
  };
  candidate: {
    version?: string;
    from: string;
    to: string;
  };
  /**
   * Probability that all confidence intervals of a statistic are correct.
   */
  confidence: number;
  /**
   * Number of series of the candidate, including series without enough data.
   */
  seriesCount: number;
  changes: VersionChange[];
}

export interface Alerts {
  alerts: Alert[];
}

export interface Alert {
  id: string;
  rule: string;
  state: 'pending' | 'firing' | 'acknowledged' | 'resolved';
  severity: 'warning' | 'medium' | 'high' | 'critical';
  labels: {
    [k: string]: string;
  };
  annotations: {
    [k: string]: string;
  };
  /**
   * Link to the runbook. For a built-in rule without a public URL of the server, the path `/runbooks/NAME` on the server.
   */
  runbook?: string;
  value?: number;
  threshold?: number;
  cause?: string;
  author?: string;
  comment?: string;
  startedAt: string;
  firedAt?: string;
  changedAt: string;
  /**
   * Reasons why no message is sent now. Empty if one is sent.
   */
  held: {
    /**
     * For example silenced. With duplicate, the alert was already sent, and will be sent again.
     */
    reason: string;
    /**
     * ID of a silence or of another alert, name of a maintenance window, or labels of the notification group, such as service=booking, organization=grand.
     */
    by: string;
    detail: string;
    until?: string;
  }[];
  /**
   * ID of the incident that contains the alert. Missing for pending alerts.
   */
  incidentId?: string;
}

export interface OneAlert {
  alert: Alert;
  transitions: AlertTransition[];
}

export interface AlertTransition {
  at: string;
  seq: number;
  state: 'pending' | 'firing' | 'acknowledged' | 'resolved';
  severity: 'warning' | 'medium' | 'high' | 'critical';
  value?: number;
  threshold?: number;
  cause?: string;
  author?: string;
  comment?: string;
}

export interface AlertSeries {
  from: string;
  to: string;
  step?: string;
  /**
   * The values of the rule. A missing value means that there was none.
   */
  points: {
    at: string;
    value?: number;
  }[];
  thresholds: {
    severity: 'warning' | 'medium' | 'high' | 'critical';
    threshold: number;
  }[];
  direction?: 'above' | 'below';
  /**
   * Unit of the values (UCUM).
   */
  unit?: string;
  transitions: AlertTransition[];
  /**
   * Why the points are only the values when the alert changed.
   */
  note?: string;
}

export interface Acknowledged {
  alert: Alert;
}

export interface Incidents {
  from: string;
  to: string;
  incidents: Incident[];
  /**
   * Cursor of the next page. Missing on the last page.
   */
  nextCursor?: string;
}

export interface Incident {
  id: string;
  state: 'open' | 'resolved' | 'merged';
  severity: 'warning' | 'medium' | 'high' | 'critical';
  /**
   * The likeliest cause, or the summary of the most severe alert.
   */
  title: string;
  acknowledged: boolean;
  author?: string;
  comment?: string;
  /**
   * Labels that all alerts share.
   */
  labels: {
    [k: string]: string;
  };
  services: string[];
  hosts: string[];
  queues: string[];
  organizations: string[];
  alertCount: number;
  alerts: IncidentAlert[];
  /**
   * Likely causes, with the likeliest first.
   */
  causes: IncidentCause[];
  tenants: AffectedTenant[];
  startedAt: string;
  resolvedAt?: string;
  /**
   * ID of the incident that contains the alerts.
   */
  mergedInto?: string;
  /**
   * ID of the incident from which this incident was separated.
   */
  splitFrom?: string;
  reopenedCount: number;
  /**
   * Address of the incident in the web UI.
   */
  link: string;
}

export interface IncidentAlert {
  id: string;
  rule: string;
  state: 'firing' | 'acknowledged' | 'resolved';
  severity: 'warning' | 'medium' | 'high' | 'critical';
  labels: {
    [k: string]: string;
  };
  summary: string;
  startedAt: string;
  endedAt?: string;
}

export interface IncidentCause {
  kind:
    | 'version'
    | 'restart'
    | 'requests'
    | 'arrivals'
    | 'failed_calls'
    | 'call_time'
    | 'statement_time'
    | 'breaker'
    | 'connection_wait'
    | 'stuck_queue'
    | 'cpu'
    | 'memory'
    | 'event_loop'
    | 'errors'
    | 'job_failures'
    | 'job_time'
    | 'endpoint_time';
  /**
   * The statement, host, queue, or endpoint that changed.
   */
  subject: string;
  service?: string;
  text: string;
  /**
   * When the change began.
   */
  onsetAt: string;
  /**
   * Mean before the change.
   */
  before: number;
  /**
   * Mean since the change.
   */
  now: number;
  unit: '1' | 'ms' | '%' | '1/min';
  /**
   * Comparison with earlier hours. For a deploy, its time and its regressions.
   */
  evidence: string;
  /**
   * ID of the deploy that is the cause.
   */
  deployId?: string;
}

export interface AffectedTenant {
  organizationId?: string;
  propertyId?: string;
  /**
   * Number of requests since the incident started.
   */
  requests: number;
  failed: number;
  averageMs?: number;
}

export interface OneIncident {
  incident: Incident;
  timeline: TimelineEntry[];
}

export interface TimelineEntry {
  at: string;
  kind: 'incident' | 'alert' | 'acknowledgment' | 'cause' | 'version' | 'restart' | 'notification';
  text: string;
  alertId?: string;
}

export interface AcknowledgedIncident {
  incident: Incident;
}

export interface Rules {
  rules: Rule[];
  file?: string;
  loadedAt: string;
  /**
   * Problems in the current rules file. Until they are fixed, the previous rules stay in effect.
   */
  problems: string[];
}

/**
 * An alert rule. Durations are in ms.
 */
export interface Rule {
  name: string;
  state: 'inactive' | 'pending' | 'firing';
  alerts: number;
  thresholds: {
    severity: 'warning' | 'medium' | 'high' | 'critical';
    threshold: number;
  }[];
  direction: 'above' | 'below';
  labels: {
    [k: string]: string;
  };
  /**
   * Link to the runbook. For a built-in rule without a public URL of the server, the path `/runbooks/NAME` on the server.
   */
  runbook?: string;
  for: number;
  interval: number;
  evaluatedAt?: string;
  durationMs?: number;
  error?: string;
  failures: number;
  target: boolean;
  /**
   * For targets: percentage of the last 24 hours in which the target was met.
   */
  met?: number;
  query: RuleQuery;
  /**
   * Unit of the values and thresholds (UCUM). Missing if it is unknown.
   */
  unit?: string;
  /**
   * The template of the annotation `summary`, with its placeholders.
   */
  summary?: string;
  /**
   * The template of the annotation `description`.
   */
  description?: string;
  source: 'built-in' | 'file';
  /**
   * Whether the rules file changes this built-in rule.
   */
  overridden: boolean;
  /**
   * Text of a rules file that contains this rule. Only for ADMIN.
   */
  yaml?: string;
  /**
   * The newest values of up to 20 groups: firing alerts first, and then the worst values.
   */
  values: RuleValue[];
  /**
   * Number of groups with a value.
   */
  valueCount: number;
  waiting?: RuleWaiting;
}

/**
 * What a rule measures. Durations are in ms.
 */
export interface RuleQuery {
  kind: 'metric' | 'sql' | 'internal' | 'burnRate' | 'deploy' | 'forecast';
  metricType?: string;
  aggregate?: string;
  filters?: {
    [k: string]: string[];
  };
  groupBy?: string[];
  window?: number;
  slowerThan?: number;
  baseline?: number;
  minimumIncrease?: number;
  /**
   * Only for `anomaly`: the aggregate whose distance from its normal values is the value.
   */
  of?: string;
  /**
   * Only for `anomaly`.
   */
  sensitivity?: string;
  /**
   * Only for `anomaly`: the side of the normal values that counts.
   */
  side?: 'above' | 'below' | 'both';
  /**
   * The statement of a SQL rule. Only for ADMIN.
   */
  sql?: string;
  /**
   * The metric of a rule about Perfscope itself.
   */
  metric?: string;
}

/**
 * The newest value of one group of a rule.
 */
export interface RuleValue {
  labels: {
    [k: string]: string;
  };
  value?: number;
  state: 'pending' | 'firing' | 'acknowledged' | 'resolved' | 'inactive';
}

/**
 * Why a rule can't evaluate some of its groups yet. Missing if the rule evaluates all groups.
 */
export interface RuleWaiting {
  /**
   * `baseline`: the baseline is too short. `coverage`: the window contains too little data. `objective`: the objective's first event is newer than the window of the burn rate.
   */
  reason: 'baseline' | 'coverage' | 'objective' | 'forecast' | 'band';
  /**
   * Number of groups with enough data.
   */
  readyGroups: number;
  groups: number;
  /**
   * Length of the data that a group needs, in ms.
   */
  needed: number;
  /**
   * Time at which all current groups have enough data.
   */
  expectedAt: string;
  text: string;
}

export interface OneRule {
  rule: Rule;
}

export interface Bands {
  from: string;
  to: string;
  metricType:
    | 'API_RESPONSE_TIME'
    | 'API_STREAM_DURATION'
    | 'OUTGOING_REQUEST_TIME'
    | 'DATABASE_QUERY_TIME'
    | 'DATABASE_CONNECTIONS'
    | 'QUEUE_WAIT_TIME'
    | 'QUEUE_PROCESSING_TIME'
    | 'QUEUE_DEPTH'
    | 'QUEUE_OLDEST_AGE'
    | 'CPU_USAGE'
    | 'MEMORY_USAGE'
    | 'DISK_USAGE'
    | 'NETWORK_IO'
    | 'EVENT_LOOP_DELAY'
    | 'GC_DURATION'
    | 'HEAP_USAGE'
    | 'ACTIVE_USERS'
    | 'ONGOING_RESERVATIONS'
    | 'BREAKER_STATE'
    | 'CUSTOM';
  aggregate:
    | 'average'
    | 'last'
    | 'p50'
    | 'p90'
    | 'p95'
    | 'p99'
    | 'count'
    | 'rate'
    | 'errorRate'
    | 'depth';
  sensitivity: 'low' | 'medium' | 'high';
  step: string;
  timeZone: string;
  /**
   * `learning` means that more data is needed, and `unknown` that there are no normal values now.
   */
  status: 'ready' | 'learning' | 'unknown';
  /**
   * Why there is no band.
   */
  reason?:
    | 'no_data'
    | 'short_history'
    | 'gap'
    | 'weekday'
    | 'no_similar_hour'
    | 'holiday'
    | 'constant'
    | 'mostly_zero'
    | 'unreliable'
    | 'too_many_series'
    | 'loading';
  /**
   * The reason in words, or what the band was learned from.
   */
  text: string;
  /**
   * What limits the band although it exists.
   */
  note?: string;
  learnedFrom?: string;
  learnedTo?: string;
  /**
   * Number of hours that the band was learned from.
   */
  values: number;
  /**
   * Since when the level differs from the level before. It is learned after a day.
   */
  shiftedSince?: string;
  error?: BandError;
  /**
   * Number of series without a band because of the limit on series.
   */
  omittedSeries: number;
  points: BandPoint[];
}

/**
 * How often the last seven days were outside of a band that was learned before.
 */
export interface BandError {
  /**
   * Number of compared hours.
   */
  hours: number;
  /**
   * Hours whose value was outside.
   */
  outside: number;
  /**
   * Share of these hours, in percent.
   */
  share: number;
  /**
   * Share that a normal distribution would have, in percent.
   */
  expectedShare: number;
}

/**
 * Normal values of a time bucket that starts at `at`. Missing if they are unknown.
 */
export interface BandPoint {
  at: string;
  lower?: number;
  expected?: number;
  upper?: number;
}

export interface Anomalies {
  anomalies: Anomaly[];
  /**
   * Number of series outside of their band.
   */
  outside: number;
  /**
   * Number of series with a band.
   */
  ready: number;
  /**
   * Number of series that need more data.
   */
  learning: number;
  /**
   * Number of series without normal values now.
   */
  unknown: number;
}

/**
 * The newest value of a series, and its normal values.
 */
export interface Anomaly {
  metricType:
    | 'API_RESPONSE_TIME'
    | 'API_STREAM_DURATION'
    | 'OUTGOING_REQUEST_TIME'
    | 'DATABASE_QUERY_TIME'
    | 'DATABASE_CONNECTIONS'
    | 'QUEUE_WAIT_TIME'
    | 'QUEUE_PROCESSING_TIME'
    | 'QUEUE_DEPTH'
    | 'QUEUE_OLDEST_AGE'
    | 'CPU_USAGE'
    | 'MEMORY_USAGE'
    | 'DISK_USAGE'
    | 'NETWORK_IO'
    | 'EVENT_LOOP_DELAY'
    | 'GC_DURATION'
    | 'HEAP_USAGE'
    | 'ACTIVE_USERS'
    | 'ONGOING_RESERVATIONS'
    | 'BREAKER_STATE'
    | 'CUSTOM';
  aggregate: string;
  group: Group;
  /**
   * The alert rule that watches the series.
   */
  rule?: string;
  sensitivity: 'low' | 'medium' | 'high';
  from: string;
  to: string;
  value?: number;
  lower?: number;
  expected?: number;
  upper?: number;
  /**
   * Distance from the normal values, in robust standard deviations.
   */
  distance?: number;
  outside: boolean;
  /**
   * A deploy of the service within six hours before the anomaly.
   */
  deploy?: string;
  /**
   * `learning` means that more data is needed, and `unknown` that there are no normal values now.
   */
  status: 'ready' | 'learning' | 'unknown';
  /**
   * Why there is no band.
   */
  reason?:
    | 'no_data'
    | 'short_history'
    | 'gap'
    | 'weekday'
    | 'no_similar_hour'
    | 'holiday'
    | 'constant'
    | 'mostly_zero'
    | 'unreliable'
    | 'too_many_series'
    | 'loading';
  /**
   * The reason in words, or what the band was learned from.
   */
  text: string;
  /**
   * What limits the band although it exists.
   */
  note?: string;
  learnedFrom?: string;
  learnedTo?: string;
  /**
   * Number of hours that the band was learned from.
   */
  values: number;
  /**
   * Since when the level differs from the level before. It is learned after a day.
   */
  shiftedSince?: string;
  error?: BandError;
  /**
   * Number of series without a band because of the limit on series.
   */
  omittedSeries: number;
}

export interface Objectives {
  objectives: Objective[];
  /**
   * Time of the last update. Missing until the first update after a start.
   */
  updatedAt?: string;
}

/**
 * An objective with the error budgets of its groups.
 */
export interface Objective {
  name: string;
  kind: 'availability' | 'latency' | 'average' | 'uptime';
  description?: string;
  builtIn: boolean;
  metricType?:
    | 'API_RESPONSE_TIME'
    | 'API_STREAM_DURATION'
    | 'OUTGOING_REQUEST_TIME'
    | 'DATABASE_QUERY_TIME'
    | 'DATABASE_CONNECTIONS'
    | 'QUEUE_WAIT_TIME'
    | 'QUEUE_PROCESSING_TIME'
    | 'QUEUE_DEPTH'
    | 'QUEUE_OLDEST_AGE'
    | 'CPU_USAGE'
    | 'MEMORY_USAGE'
    | 'DISK_USAGE'
    | 'NETWORK_IO'
    | 'EVENT_LOOP_DELAY'
    | 'GC_DURATION'
    | 'HEAP_USAGE'
    | 'ACTIVE_USERS'
    | 'ONGOING_RESERVATIONS'
    | 'BREAKER_STATE'
    | 'CUSTOM';
  /**
   * Required percentage of good events.
   */
  target: number;
  /**
   * Longest good duration in ms.
   */
  threshold?: number;
  /**
   * For latency objectives: bound of the stored bucket that is closest to `threshold`, in ms.
   */
  effectiveThreshold?: number;
  /**
   * Length of the period in ms.
   */
  window: number;
  filters: {
    [k: string]: string[];
  };
  groupBy: string[];
  alerts: 'page' | 'ticket' | 'off';
  /**
   * The smallest remaining budget first, and groups without a budget last.
   */
  groups: ObjectiveGroup[];
  /**
   * Number of groups over the limit of 500, which have no error budget. Counts at most 10,000 groups.
   */
  omittedGroups: number;
}

/**
 * The error budget of one group.
 */
export interface ObjectiveGroup {
  labels: {
    [k: string]: string;
  };
  status: 'waiting' | 'ok' | 'exhausted';
  /**
   * Why the status is `waiting`.
   */
  reason?: string;
  /**
   * Required percentage of good events.
   */
  target: number;
  /**
   * Longest good duration in ms.
   */
  threshold?: number;
  /**
   * Number of good events in the period.
   */
  good: number;
  /**
   * Number of events in the period.
   */
  total: number;
  /**
   * Percentage of good events.
   */
  achieved?: number;
  /**
   * Percentage of the error budget that remains. Negative if it is exceeded.
   */
  budgetRemaining?: number;
  /**
   * Number of events that can still fail. Negative if the budget is exceeded.
   */
  eventsRemaining?: number;
  burnRates: BurnRates;
  /**
   * When the budget runs out at the rate of the last 6 hours, or of the last 84 minutes for an objective over 7 days. Missing if it does not run out.
   */
  exhaustedAt?: string;
  /**
   * Number of firing burn-rate alerts.
   */
  alerts: number;
}

/**
 * Burn rates: the lower value of the long and the short window of each alert. At 1, the budget lasts exactly for the period. Missing if there is too little data.
 */
export interface BurnRates {
  fast?: number;
  medium?: number;
  slow?: number;
}

export interface OneObjective {
  from: string;
  to: string;
  objective: Objective;
  history: ObjectiveHistory[];
  /**
   * Start of `history`, if the range contains more than 20,000 rows. To get older rows, set `to` to this time.
   */
  historyFrom?: string;
}

/**
 * Recorded budgets of one group, oldest first.
 */
export interface ObjectiveHistory {
  labels: {
    [k: string]: string;
  };
  points: {
    at: string;
    budgetRemaining?: number;
    burnRates: BurnRates;
  }[];
}

export interface Forecasts {
  forecasts: Forecast[];
  /**
   * Time of the last update. Missing until the first update after a start.
   */
  updatedAt?: string;
  /**
   * Why the last update failed.
   */
  problem?: string;
}

export interface Forecast {
  id: string;
  kind: 'disk' | 'memory' | 'pool' | 'queue' | 'requestRate' | 'errorBudget';
  /**
   * Name, such as `Disk of host web-1`.
   */
  subject: string;
  labels: {
    [k: string]: string;
  };
  /**
   * Unit of the values (UCUM).
   */
  unit: string;
  /**
   * `limit`: the limit is reached within the horizon. `clear`: it is not reached. `notPredictable`: a naive forecast is as good.
   */
  status: 'reached' | 'limit' | 'clear' | 'notPredictable' | 'noLimit' | 'waiting';
  /**
   * Why there is no forecast, or why alerts do not use it.
   */
  reason?: string;
  value?: number;
  limit?: number;
  /**
   * How the limit was found, or why it is unknown.
   */
  limitReason?: string;
  /**
   * Theil–Sen slope per day.
   */
  slopePerDay?: number;
  limitAt?: string;
  /**
   * Start of the 80 % interval.
   */
  earliestAt?: string;
  /**
   * End of the 80 % interval.
   */
  latestAt?: string;
  /**
   * Time until the limit, in ms.
   */
  timeToLimit?: number;
  /**
   * Whether alerts use the forecast.
   */
  reliable: boolean;
  method?:
    | 'naive'
    | 'seasonalNaive'
    | 'linear'
    | 'recentLinear'
    | 'seasonalLinear'
    | 'ets'
    | 'mstl';
  /**
   * Length of the forecast, in ms.
   */
  horizon?: number;
  errors: HorizonError[];
  learnedFrom?: string;
  learnedTo?: string;
  /**
   * Number of measured values.
   */
  count?: number;
  /**
   * Number of ignored spikes.
   */
  spikes?: number;
  /**
   * Number of clean-ups or restarts.
   */
  drops?: number;
  /**
   * Length of the values that are still needed, in ms. Only while waiting.
   */
  missing?: number;
  computedAt: string;
  alert?: {
    id: string;
    rule: string;
    severity: 'warning' | 'medium' | 'high' | 'critical';
  };
}

/**
 * Median absolute errors of forecasts in the past, in the unit of the values.
 */
export interface HorizonError {
  /**
   * Length of the forecasts, in ms.
   */
  horizon: number;
  /**
   * Number of past forecasts.
   */
  forecasts: number;
  error: number;
  /**
   * Error of repeating the last value.
   */
  naive: number;
  /**
   * Error of repeating the last day or week.
   */
  seasonalNaive?: number;
}

export interface OneForecast {
  forecast: Forecast;
  history: {
    at: string;
    value: number;
  }[];
  points: ForecastPoint[];
}

/**
 * A predicted value with its 80 % interval.
 */
export interface ForecastPoint {
  at: string;
  value: number;
  lower: number;
  upper: number;
}

export interface BusinessImpact {
  from: string;
  to: string;
  /**
   * Missing if there is nothing to compare.
   */
  selection?: {
    service: string;
    outcome: string;
    exposure: string;
    latency: string;
  };
  results: ImpactResult[];
  choices: ImpactChoices[];
  note: string;
}

export interface ImpactResult {
  /**
   * Missing for all visible tenants.
   */
  organizationId?: string;
  status: 'waiting' | 'fewer' | 'more' | 'noDifference';
  sentences: string[];
  missing: string[];
  intervals: number;
  outcome: number;
  exposure: number;
  /**
   * Lowest latency of the slow intervals.
   */
  slowFrom?: number;
  slow?: ImpactRatio;
  trend?: {
    pValue: number;
    direction: 'fewer' | 'more';
  };
  /**
   * Outcomes that are associated with slow intervals.
   */
  associated?: {
    count: number;
    lower: number;
    upper: number;
  };
  bands: LatencyBand[];
}

/**
 * Ratio of the outcomes per exposure to the ratio in fast intervals, with its interval of 95 % confidence.
 */
export interface ImpactRatio {
  ratio: number;
  lower: number;
  upper: number;
  pValue: number;
}

export interface LatencyBand {
  /**
   * Lowest latency in ms.
   */
  from: number;
  /**
   * Missing in the slowest band.
   */
  to?: number;
  intervals: number;
  outcome: number;
  exposure: number;
  /**
   * Outcomes per exposure, without a correction.
   */
  rate: number;
  relative?: ImpactRatio;
}

export interface ImpactChoices {
  service: string;
  endpoints: string[];
  metrics: string[];
}

export interface Backtest {
  /**
   * Progress of the running backtest, from 0 to 1.
   */
  progress?: {
    done: number;
    rows: number;
  };
  result?: {
    from: string;
    to: string;
    stepMs: number;
    timeZone: string;
    durationMs: number;
    rules: {
      name: string;
      change: 'added' | 'removed' | 'changed' | 'unchanged';
      current?: RuleReplay;
      proposed?: RuleReplay;
    }[];
    /**
     * Stored alerts, and how many the current rules reproduce.
     */
    stored: {
      alerts: number;
      reproduced: number;
      /**
       * Differ because rows arrived late.
       */
      late: number;
      other: number;
      /**
       * Raised only by the replay.
       */
      added: number;
    };
    notes: string[];
  };
}

export interface RuleReplay {
  /**
   * Number of alerts that fired.
   */
  fired: number;
  /**
   * Number of these alerts that fire at the end.
   */
  stillFiring: number;
  /**
   * Total time of these alerts, in ms.
   */
  firingMs: number;
  /**
   * Median time of an alert, in ms.
   */
  medianMs?: number;
  /**
   * Number of alerts by their highest severity.
   */
  severities: {
    [k: string]: number;
  };
  /**
   * Number of messages with an alert of the rule.
   */
  messages: number;
  receivers: {
    name: string;
    messages: number;
  }[];
  /**
   * People and roles.
   */
  people: {
    name: string;
    messages: number;
  }[];
  /**
   * Number of messages by local hour.
   *
   * @minItems 24
   * @maxItems 24
   */
  hours: number[];
  /**
   * Messages from 22:00 to 07:00.
   */
  nightMessages: number;
  /**
   * These messages by SMS or PagerDuty.
   */
  nightPages: number;
  examples: {
    labels: {
      [k: string]: string;
    };
    severity: 'warning' | 'medium' | 'high' | 'critical';
    value?: number;
    firedAt: string;
    endedAt?: string;
  }[];
  /**
   * Why the rule can't be replayed.
   */
  skipped?: string;
  /**
   * How the replay differs from live evaluation.
   */
  notes: string[];
}

export interface Noise {
  from: string;
  to: string;
  timeZone: string;
  rules: {
    name: string;
    fired: number;
    firingMs: number;
    medianMs?: number;
    acknowledged: number;
    unacknowledged: number;
    /**
     * Alerts without an acknowledgment that ended within 10 minutes.
     */
    short: number;
    /**
     * Alerts that fired within 30 minutes after the last alert of their group.
     */
    flapping: number;
    /**
     * Messages by SMS or PagerDuty from 22:00 to 07:00.
     */
    nightPages: number;
    receivers: {
      name: string;
      messages: number;
      nightMessages: number;
    }[];
    suggestion?: {
      change: string;
      currentFired: number;
      suggestedFired: number;
      /**
       * Rules file with the change.
       */
      yaml: string;
    };
    /**
     * Why there is no suggestion.
     */
    reason?: string;
  }[];
  notes: string[];
}

export interface Silences {
  silences: Silence[];
}

export interface Silence {
  id: string;
  kind: 'silenced' | 'maintenance';
  matchers: string[];
  startsAt?: string;
  endsAt?: string;
  recurrence?: {
    [k: string]: unknown;
  };
  author: string;
  comment: string;
  organizationId?: string;
  propertyId?: string;
}

export interface Notifications {
  from: string;
  to: string;
  notifications: Notification[];
  /**
   * Number of unread in-app notifications for the caller or the caller's role.
   */
  unread: number;
  /**
   * Cursor of the next page. Missing on the last page.
   */
  nextCursor?: string;
}

/**
 * An attempt to send a notification, or the reason why none was sent. `content` summarizes the message.
 */
export interface Notification {
  at: string;
  id: string;
  seq: number;
  alertId?: string;
  receiver?: string;
  channel?: string;
  recipient?: string;
  status: 'delivered' | 'retrying' | 'failed' | 'suppressed';
  reason?: string;
  detail?: string;
  kind?: string;
  level?: number;
  attempt?: number;
  content?: {
    status: 'firing' | 'resolved';
    total: number;
    alerts: {
      id: string;
      rule: string;
      state: 'pending' | 'firing' | 'acknowledged' | 'resolved';
      severity: 'warning' | 'medium' | 'high' | 'critical';
      summary: string;
      tenant?: string;
    }[];
    incident?: {
      id: string;
      cause?: string;
    };
  };
  organizationId?: string;
  propertyId?: string;
  readAt?: string;
}

export interface Read {
  read: number;
  /**
   * Number of unread in-app notifications for the caller or the caller's role.
   */
  unread: number;
}

export interface Receivers {
  file?: string;
  loadedAt: string;
  problems: string[];
  receivers: {
    name: string;
    channels: string[];
    people: string[];
  }[];
  people: {
    name: string;
    role: string;
    organizationId?: string;
    properties?: string[];
  }[];
}

export interface ReceiverTest {
  receiver: string;
  /**
   * Empty if the receiver has no recipient for this tenant.
   */
  results: {
    channel: string;
    /**
     * A masked address, or a host.
     */
    recipient?: string;
    status: 'delivered' | 'failed';
    /**
     * Why the message failed, or what the channel reported.
     */
    detail?: string;
  }[];
}

export interface People {
  people: Person[];
}

export interface Person {
  name: string;
  role: string;
  organizationId?: string;
  /**
   * @minItems 1
   * @maxItems 200
   */
  properties?: string[];
  /**
   * Masked, for example an***@hotel.example.
   */
  email?: string;
  /**
   * Masked, for example +43***78.
   */
  phone?: string;
  user?: string;
  source: 'file' | 'api' | 'application';
  /**
   * True if a source with a higher priority defines a person with the same name. Highest to lowest: file, api, application.
   */
  hidden: boolean;
}

export interface Actions {
  decisions: CurrentDecision[];
  breakers: ForcedBreaker[];
}

/**
 * A setting that a rule has changed from its default value.
 */
export interface CurrentDecision {
  at: string;
  id: string;
  seq: number;
  rule: string;
  event: string;
  setting: string;
  status: 'set' | 'renewed' | 'reset' | 'expired' | 'applied' | 'delivered' | 'failed';
  author: string;
  value: number;
  previous: number;
  defaultValue: number;
  facts: {
    [k: string]: number;
  };
  reason: string;
  expiresAt?: string;
  dryRun: boolean;
  organizationId?: string;
  propertyId?: string;
  remainingMs: number;
}

/**
 * A circuit breaker that an alert keeps open for `leaseMs`, unless it is renewed.
 */
export interface ForcedBreaker {
  name: string;
  alertId: string;
  rule: string;
  leaseMs: number;
}

export interface Decisions {
  from: string;
  to: string;
  decisions: Decision[];
  /**
   * Cursor of the next page. Missing on the last page.
   */
  nextCursor?: string;
}

/**
 * A decision by a business rule, or the result of a decision as reported by `author`.
 */
export interface Decision {
  at: string;
  id: string;
  seq: number;
  rule: string;
  event: string;
  setting: string;
  status: 'set' | 'renewed' | 'reset' | 'expired' | 'applied' | 'delivered' | 'failed';
  author: string;
  value: number;
  previous: number;
  defaultValue: number;
  facts: {
    [k: string]: number;
  };
  reason: string;
  expiresAt?: string;
  dryRun: boolean;
  organizationId?: string;
  propertyId?: string;
}

export interface Scaling {
  /**
   * The highest recommendation, for scalers that expect a single number.
   */
  value: number;
  recommendations: Recommendation[];
}

/**
 * Recommended number of workers for a queue, or of replicas for a service.
 */
export interface Recommendation {
  kind: 'queue' | 'service';
  name: string;
  /**
   * Redis server and prefix of the queue: prefix@host:port/db. Callers limited to a tenant get only the prefix.
   */
  scope?: string;
  desired: number;
  current?: number;
  arrivalRate: number;
  processingTime?: number;
  backlog: number;
  reason: string;
}

export interface Suggestions {
  from: string;
  to: string;
  suggestions: Suggestion[];
  /**
   * All dismissals in effect that the caller can undo. Empty unless `dismissed` is true.
   */
  dismissals: Dismissal[];
  /**
   * Data with too many groups to be read. Suggestions that need it are missing. Use a shorter range or a filter.
   */
  incomplete: string[];
}

/**
 * A problem and its next step. The evidence is from `from` to `to`. Links are paths in the web UI. `gain.ms` is per request, job, or execution, and `gain.share` is in percent.
 */
export interface Suggestion {
  id: string;
  kind:
    | 'n-plus-one'
    | 'slow-statement'
    | 'slow-table'
    | 'missing-limit'
    | 'pool-too-small'
    | 'connection-leak'
    | 'chatty-transaction'
    | 'too-few-workers'
    | 'too-many-workers'
    | 'fails-first'
    | 'no-backoff'
    | 'cacheable-results'
    | 'event-loop-block'
    | 'gc-pressure'
    | 'slow-tenant';
  title: string;
  service?: string;
  endpoint?: string;
  operation?: string;
  statement?: string;
  table?: string;
  pool?: string;
  queue?: string;
  queueScope?: string;
  jobType?: string;
  instance?: string;
  organizationId?: string;
  propertyId?: string;
  evidence: {
    label: string;
    value: number;
    unit: '1' | 'ms' | '%' | 'By' | '1/s';
  }[];
  from: string;
  to: string;
  firstSeen: string;
  lastSeen: string;
  gain: {
    text: string;
    method: string;
    ms?: number;
    share?: number;
  };
  nextStep: {
    text: string;
    code?: string;
  };
  confidence: 'high' | 'medium' | 'low';
  links: {
    label: string;
    path: string;
  }[];
  isExplainable: boolean;
  dismissal?: Dismissal;
  plan?: StatementPlan;
}

/**
 * A dismissed suggestion. Without `until`, the dismissal has no end. Without `organizationId`, the suggestion is hidden from all users.
 */
export interface Dismissal {
  suggestionId: string;
  kind: string;
  title: string;
  author?: string;
  comment?: string;
  dismissedAt: string;
  until?: string;
  organizationId?: string;
  propertyId?: string;
}

/**
 * Plan of a statement without values. `cost` is an estimate of the database. `index` is the proposed statement.
 */
export interface StatementPlan {
  database: 'postgresql' | 'mysql';
  version: string;
  summary: string;
  cost?: number;
  scans: {
    table: string;
    rows?: number;
    condition?: string;
  }[];
  index?: string;
  plan: string[];
  at: string;
}

export interface Dismissals {
  dismissals: Dismissal[];
}

export interface ExplainedSuggestion {
  suggestion: Suggestion;
  /**
   * Why the statement was not explained. Missing if there is a plan.
   */
  reason?: string;
}

export interface Storage {
  tables: TableStorage[];
  /**
   * The disk with the data folder.
   */
  disk?: {
    freeBytes: number;
    usedBytes: number;
    totalBytes: number;
    /**
     * Writes are paused if less space is free.
     */
    minFreeBytes?: number;
  };
  dataDir: string;
  questdbVersion?: string;
  isEmbedded: boolean;
  /**
   * Maximum time for which acknowledged rows have not been readable.
   */
  walLagMs: number;
  /**
   * Why no rows are written now.
   */
  writesPaused?: string;
  problems: {
    code: string;
    message: string;
  }[];
  writes?: WriteStats;
}

export interface TableStorage {
  name: string;
  rows: number;
  /**
   * Size on disk. For an external QuestDB, the size includes space that is reserved for new rows.
   */
  bytes: number;
  oldest?: string;
  newest?: string;
  /**
   * Time for which rows are kept, such as 30 DAY. Missing if rows never expire.
   */
  retention?: string;
  bytesPerDay?: number;
  rowsPerDay?: number;
  /**
   * State of a roll-up. Missing for tables.
   */
  rollup?: {
    status: string;
    reason?: string;
    refreshedAt?: string;
    /**
     * Number of transactions it does not contain yet.
     */
    behind: number;
  };
}

/**
 * The server's own rows since its start, including the rows in its spool.
 */
export interface WriteStats {
  recordedRows: number;
  bufferedRows: number;
  storedRows: number;
  waitingRows: number;
  waitingBytes: number;
  lagMs?: number;
  failedRequests: number;
  deadLetterRows: number;
  /**
   * Numbers of dropped rows by reason. Missing reasons have not occurred.
   */
  droppedRows: {
    [k: string]: number;
  };
}

export interface Keys {
  keys: Key[];
}

export interface Key {
  id: string;
  name: string;
  role: string;
  author: string;
  organizationId: string | null;
  properties: string[] | null;
  state: 'active' | 'expired' | 'revoked';
  createdAt: string;
  expiresAt: string | null;
  revokedAt: string | null;
  /**
   * The API key. Returned only when the key is created.
   */
  key?: string;
}

export interface Me {
  /**
   * Name of the API key, or subject of the token.
   */
  name: string;
  role: string;
  organizationId?: string;
  /**
   * Properties that the caller can see. Missing if there is no limit.
   */
  properties?: string[];
  /**
   * Credential of the request. `local` is the token of a local command.
   */
  authentication: 'none' | 'key' | 'token' | 'local';
  permissions: (
    | 'read'
    | 'readHosts'
    | 'acknowledge'
    | 'manageKeys'
    | 'test'
    | 'scrape'
    | 'ingest'
    | 'deploy'
    | 'backtest'
    | 'administer'
  )[];
  /**
   * Permissions whose changes need a key that the caller does not have.
   */
  keyRequiredFor: (
    | 'read'
    | 'readHosts'
    | 'acknowledge'
    | 'manageKeys'
    | 'test'
    | 'scrape'
    | 'ingest'
    | 'deploy'
    | 'backtest'
    | 'administer'
  )[];
  /**
   * Whether the server rejects requests without a key or token.
   */
  keyRequired: boolean;
  /**
   * Version of the server.
   */
  version: string;
  /**
   * Default time zone of the server.
   */
  timeZone: string;
  /**
   * Number of days for which individual rows are stored.
   */
  retentionDays: number;
  /**
   * Time of the server.
   */
  now: string;
}

/**
 * The metrics of a completed interval.
 */
export interface Point {
  from: string;
  to: string;
  api: PointFigures;
  database: PointFigures;
  jobs: {
    arrived: number;
    completed: number;
    failed: number;
    stalled: number;
  };
}

/**
 * Metrics of one interval. Durations are in ms.
 */
export interface PointFigures {
  count: number;
  rate: number;
  average?: number;
  errorRate?: number;
  p50?: number;
  p95?: number;
  p99?: number;
}

/**
 * Events in this time range are too old to be sent again.
 */
export interface Gap {
  from: string;
  to: string;
}
