import type { Request, Response } from 'express';
import type { z } from 'zod';
import type { MetricRecorder } from '../../agent/record/metric-recorder.ts';
import type { Logger } from '../../core/log.ts';
import type { AddRows } from '../../core/schema/table-registry.ts';
import type { HealthSnapshot } from '../../core/schema/tables/system-health-table.ts';
import type { TenantScope } from '../../core/tenant-scope.ts';
import type { QueryClient } from '../../storage/questdb/query-client.ts';
import type { AccessControl } from '../access/access-control.ts';
import type { Principal } from '../access/principal.ts';
import type { ActionService } from '../actions/action-views.ts';
import type { AlertService } from '../alerts/service/alert-views.ts';
import type { LinkVerifier, NotificationService } from '../notifications/notification-views.ts';
import type { CsvTable } from './csv-table.ts';
import type { EndpointPermission } from './middleware/authorization-middleware.ts';
import type { StreamRegistry } from './stream/point-source.ts';

/** What the endpoints work with; the server joins it. */
export interface EndpointDependencies {
  queryClient: QueryClient;
  /** Whose days and hours are compared. */
  zone: string;
  recorder: MetricRecorder;
  health: {
    readonly isMonitoring: boolean;
    startMonitoring(intervalMs: number): void;
    stopMonitoring(): void;
    getHealthSnapshot(): Promise<HealthSnapshot>;
  };
  alerts: AlertService;
  notifications: NotificationService;
  actions: ActionService;
  /** Reads the links of messages. */
  links: LinkVerifier;
  access: Pick<AccessControl, 'authenticate' | 'keys' | 'audit'>;
  /** Requests of one caller in a minute. */
  maxRequestsPerMinute: number;
  add: AddRows;
  flush: () => Promise<void>;
  /** Creates what is missing of the schema. */
  migrate: () => Promise<{ version: number; applied: string[] }>;
  healthIntervalMs: number;
  /** How long rows need at most from being measured to being stored, when nothing is wrong. */
  maxWriteDelayMs: number;
  /** Ends what goes on for long. */
  stopping: AbortSignal;
  log: Logger;
}

export type HttpMethod = 'get' | 'post' | 'delete';

/** What a handler works with. */
export interface EndpointContext<Q> {
  readonly dependencies: EndpointDependencies;
  readonly method: HttpMethod;
  readonly query: Q;
  /** What the path names, as `id` of `/alerts/:id`. */
  readonly params: Readonly<Record<string, string>>;
  /** As the endpoint's own `body` allows; undefined where it has none, or the method brings none. */
  readonly body: unknown;
  /** Who asks, and from where. */
  readonly principal: Principal;
  readonly address: string | undefined;
  /** Rows that the caller may see: the principal's. */
  readonly scope: TenantScope;
  readonly nowMs: number;
  readonly streams: StreamRegistry;
  /** All that is registered, for the endpoint that describes them. */
  readonly endpoints: readonly AnyEndpoint[];
}

/** What becomes `T` as JSON: a date is a text there. */
type JsonInput<T> = T extends string
  ? string extends T
    ? T | Date
    : T
  : T extends readonly (infer U)[]
    ? readonly JsonInput<U>[]
    : T extends object
      ? { readonly [K in keyof T]: JsonInput<T[K]> }
      : T;

/** One endpoint: routes, OpenAPI document and the client's types all come from it. */
export interface Endpoint<P extends string, Q extends z.ZodObject, R extends z.ZodType> {
  readonly path: P;
  readonly methods: readonly HttpMethod[];
  readonly summary: string;
  /** Name of the operation, where the path's last word does not tell it from others. */
  readonly operation?: string;
  readonly permission: EndpointPermission;
  /** Where asking and changing need other permissions. */
  readonly writePermission?: Exclude<EndpointPermission, 'public'>;
  /** What the path names. */
  readonly params?: z.ZodObject;
  /** What is sent by POST, as JSON. */
  readonly body?: z.ZodObject;
  readonly query: Q;
  /** The answer as JSON. Where it has a `from` and a `to`, it is of that time and can be cached so. */
  readonly response: R;
  /** Whether asking changes something. */
  readonly isMutating?: boolean;
  /** The same answer as a table, where there is one. */
  toTable?(answer: JsonInput<z.output<R>>, query: z.output<Q>): CsvTable;
  handle?(context: EndpointContext<z.output<Q>>): Promise<JsonInput<z.output<R>>>;
  /** Answers with a stream of events instead, of which `response` is one. */
  stream?(
    context: EndpointContext<z.output<Q>>,
    request: Request,
    response: Response,
  ): Promise<void>;
}

export type AnyEndpoint = Endpoint<string, z.ZodObject, z.ZodType>;

/** Keeps an endpoint's own types. */
export function defineEndpoint<const P extends string, Q extends z.ZodObject, R extends z.ZodType>(
  definition: Endpoint<P, Q, R>,
): Endpoint<P, Q, R> {
  return definition;
}
