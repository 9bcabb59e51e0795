import type { Request, Response } from 'express';
import type { z } from 'zod';
import type { MetricRecorder } from '../../agent/record/metric-recorder.ts';
import type { Logger } from '../../core/log.ts';
import type { AddRows } from '../../core/schema/table-registry.ts';
import type { HealthSnapshot } from '../../core/schema/tables/system-health-table.ts';
import type { TenantScope } from '../../core/tenant-scope.ts';
import type { MigrationReport } from '../../storage/migrations/migrate.ts';
import type { ScanClient } from '../../storage/questdb/query-client.ts';
import type { AccessControl } from '../access/access-control.ts';
import type { Principal } from '../access/principal.ts';
import type { ActionService } from '../actions/action-views.ts';
import type { AlertService } from '../alerts/service/alert-views.ts';
import type { IncidentService } from '../alerts/service/incident-views.ts';
import type { AnomalyService } from '../anomalies/service/anomaly-service.ts';
import type { BacktestService } from '../backtest/service/backtest-views.ts';
import type { LinkVerifier, NotificationService } from '../notifications/notification-views.ts';
import type { SuggestionService } from '../suggestions/suggestion-views.ts';
import type { CsvTable } from './csv-table.ts';
import type { EndpointPermission } from './middleware/authorization-middleware.ts';
import type { ReportAgentVersion } from './middleware/version-middleware.ts';
import type { ServerStorage } from './readiness-handler.ts';
import type { StreamRegistry } from './stream/interval-events.ts';

/** Services that the endpoints use. The server provides them at startup. */
export interface EndpointDependencies {
  queryClient: ScanClient;
  storage: ServerStorage;
  /** Default time zone: determines where days and hours begin. */
  zone: string;
  recorder: MetricRecorder;
  health: {
    readonly isMonitoring: boolean;
    startMonitoring(intervalMs: number): void;
    stopMonitoring(): void;
    getHealthSnapshot(): Promise<HealthSnapshot>;
  };
  alerts: AlertService;
  incidents: IncidentService;
  anomalies: Pick<AnomalyService, 'getBand' | 'list'>;
  notifications: NotificationService;
  backtests: BacktestService;
  actions: ActionService;
  suggestions: SuggestionService;
  /** Verifies signed links from notifications. */
  links: LinkVerifier;
  access: Pick<AccessControl, 'authenticate' | 'keys' | 'audit'>;
  /** Limit for each caller. */
  maxRequestsPerMinute: number;
  add: AddRows;
  reportAgentVersion: ReportAgentVersion;
  flush: () => Promise<void>;
  /** Creates missing tables and columns. */
  migrate: () => Promise<MigrationReport>;
  /** Number of days for which measurements are kept. */
  retentionDays: number;
  /** Sets the retention periods of all tables and roll-ups. */
  applyRetention: () => Promise<unknown>;
  healthIntervalMs: number;
  /** Maximum time, in ms, from a measurement to its stored row, in normal operation. */
  maxWriteDelayMs: number;
  /** Aborted when the server stops, so that open streams end. */
  stopping: AbortSignal;
  log: Logger;
}

export type HttpMethod = 'get' | 'post' | 'delete';

/** One request, as its handler sees it. */
export interface EndpointContext<Q> {
  readonly dependencies: EndpointDependencies;
  readonly method: HttpMethod;
  readonly query: Q;
  /** Path parameters, such as `id` of `/alerts/:id`. */
  readonly params: Readonly<Record<string, string>>;
  /** Validated with the endpoint's `body` schema. Undefined except for POST. */
  readonly body: unknown;
  readonly principal: Principal;
  /** Remote IP address. */
  readonly address: string | undefined;
  /** Rows that the principal can see. */
  readonly scope: TenantScope;
  readonly nowMs: number;
  readonly streams: StreamRegistry;
  /** All registered endpoints, for the OpenAPI endpoint. */
  readonly endpoints: readonly AnyEndpoint[];
}

/** Values that serialize to `T` as JSON. A `Date` serializes to a string. */
type JsonInput<T> = T extends string
  ? string extends T
    ? T | Date
    : T
  : T extends readonly (infer U)[]
    ? readonly JsonInput<U>[]
    : T extends object
      ? { readonly [K in keyof T]: JsonInput<T[K]> }
      : T;

/** Definition of an endpoint. Routes, the OpenAPI document, and the client's types derive from it. */
export interface Endpoint<P extends string, Q extends z.ZodObject, R extends z.ZodType> {
  readonly path: P;
  readonly methods: readonly HttpMethod[];
  readonly summary: string;
  /** Summary of POST requests. Default: `summary`. */
  readonly postSummary?: string;
  /** Operation name. Required if another endpoint's path has the same last segment. */
  readonly operation?: string;
  readonly permission: EndpointPermission;
  /** Permission for writes, if it differs from the permission for reads. */
  readonly writePermission?: Exclude<EndpointPermission, 'public'>;
  /** Path parameters. */
  readonly params?: z.ZodObject;
  /** JSON body of a POST request. */
  readonly body?: z.ZodObject;
  readonly query: Q;
  /** JSON response. If its `to` is in the past, the response can be cached. */
  readonly response: R;
  /** The events of a stream. */
  readonly events?: z.ZodType;
  /**
   * Whether a request can change data. If true, GET responses are never cached, HEAD isn't allowed,
   * and other websites can't trigger a GET.
   */
  readonly isMutating?: boolean;
  /** Converts the response to a table for CSV. */
  toTable?(body: JsonInput<z.output<R>>, query: z.output<Q>): CsvTable;
  handle?(context: EndpointContext<z.output<Q>>): Promise<JsonInput<z.output<R>>>;
  /** Sends a stream of events instead of one response. `response` describes a \`point\` event's data. */
  stream?(
    context: EndpointContext<z.output<Q>>,
    request: Request,
    response: Response,
  ): Promise<void>;
}

export type AnyEndpoint = Endpoint<string, z.ZodObject, z.ZodType>;

/** Returns the definition unchanged, with its exact types. */
export function defineEndpoint<const P extends string, Q extends z.ZodObject, R extends z.ZodType>(
  definition: Endpoint<P, Q, R>,
): Endpoint<P, Q, R> {
  return definition;
}
