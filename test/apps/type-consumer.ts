// Uses every public export with its types. test/integration/project/package-types.test.ts replaces the paths by package
// names. It then compiles this file against the packed packages.
import {
  type Answer,
  ApiError,
  type ApiResponse,
  type BodyEndpointName,
  type ClientOptions,
  type EndpointName,
  type PagedEndpointName,
  PerfscopeClient,
  type Problem,
  type Query,
  type RejectedParameter,
  type RequestBody,
  type RequestOptions,
  type ServerEvent,
  type SimpleEndpointName,
} from '../../src/client.ts';
import {
  type EsbuildBuild,
  type EsbuildPlugin,
  type PerfscopePluginOptions,
  perfscopePlugin,
} from '../../src/esbuild.ts';
import {
  AlertSeverity,
  type Dashboard,
  type DashboardOptions,
  type DatabaseStats,
  type DirectoryFunction,
  type ErrorCode,
  type HandlerOptions,
  type HealthSnapshot,
  type HealthStatus,
  type JobTransition,
  type LambdaHandler,
  type LambdaHandlerOptions,
  type Measurement,
  notificationDirectory,
  onRule,
  PerformanceMetricType,
  PerfscopeError,
  type Person,
  type ProcessHealth,
  type ProtectOptions,
  performanceMonitoringService,
  protect,
  QueueJobStatus,
  type QueueStats,
  type RequestStats,
  type Role,
  type RuleDecision,
  type RuleHandler,
  type SlowestOperation,
  type StreamStats,
  type SystemHealthMonitor,
  systemHealthMonitor,
  type Tenant,
  type TenantRequest,
  type TenantResolver,
  type TracedDecorator,
  type TrackingOptions,
  type Trend,
  type Trends,
  traced,
  traceFunction,
  traceStep,
  withPerformanceTracking,
  withTenant,
  withUrlTemplate,
  wrapLambdaHandler,
} from '../../src/index.ts';
import {
  type ExporterOptions,
  type NotStored,
  type PerfscopeConfiguration,
  type PerfscopeConfigurationOptions,
  perfscopeConfiguration,
  QuestDBMetricExporter,
  QuestDBSpanExporter,
} from '../../src/opentelemetry.ts';
import '../../src/register.ts';

const measurement: Measurement = {
  name: 'checkout',
  value: 12.5,
  metricType: PerformanceMetricType.CUSTOM,
};
const transition: JobTransition = {
  queueName: 'invoices',
  jobId: '42',
  status: QueueJobStatus.COMPLETED,
};
const transitionWithDefaults: JobTransition = {
  queueName: 'invoices',
  status: QueueJobStatus.WAITING,
};
const tracking: TrackingOptions = { name: 'booking', operation: 'book' };
const tenant: Tenant = { organizationId: 'hotels' };
const resolver: TenantResolver = (request: TenantRequest) => {
  const organization = request.headers['x-organization'];
  return typeof organization === 'string' ? { organizationId: organization } : undefined;
};
const role: Role = 'ADMIN';
const person: Person = { name: 'anna', role, email: 'anna@hotel.example' };
const directory: DirectoryFunction = async () => [person];
const handler: RuleHandler = ({ value, propertyId }: RuleDecision) => {
  performanceMonitoringService.recordMetric({ name: 'price.factor', value, propertyId });
};
const options: HandlerOptions = { timeoutMs: 5000 };

performanceMonitoringService.strict = true;
performanceMonitoringService.recordMetric(measurement);
performanceMonitoringService.recordQueueMetric(transition);
performanceMonitoringService.recordQueueMetric(transitionWithDefaults);
performanceMonitoringService.setTenantResolver(resolver);
notificationDirectory.setDirectory(directory);
const unsubscribe: () => void = onRule('demand.high', handler, options);
const book = withPerformanceTracking(
  async (room: number, guest: string) => `${room} ${guest}`,
  tracking,
);
// Without an annotation, the parameter is `any`, and the type of the result is kept.
const cancel = withPerformanceTracking(async (data) => String(data.id), tracking);
const cancellation: Promise<string> = cancel({ id: 7 });
// An expected type gives the parameter its type.
const rebook: (room: number) => Promise<string> = withPerformanceTracking(async (room) =>
  room.toFixed(),
);
const booking: Promise<string> = withTenant(tenant, () => book(7, 'anna'));

const price = traceFunction('price', async (room: number) => room * 10);
const priced: Promise<number> = traceStep('price rooms', () => price(7));
const decorator: TracedDecorator = traced('find');
class Prices {
  @traced() find = (room: number) => room;
  @decorator async load(room: number): Promise<number> {
    return this.#read(room);
  }
  @traced() #read(room: number): number {
    return room;
  }
  @traced() static create(): Prices {
    return new Prices();
  }
}
const loaded: Promise<number> = Prices.create().load(7);

const response: Promise<Response> = withUrlTemplate('/rooms/{id}', () =>
  fetch('http://127.0.0.1/'),
);

const breaker: ProtectOptions<unknown, [amount: number], 'declined'> = {
  name: 'payment-gateway',
  fallback: (_error, _amount) => 'declined',
};
const pay = protect(async (amount: number) => amount > 0, breaker);
const payment: Promise<boolean | 'declined'> = pay(120);

const exporterOptions: ExporterOptions = { url: 'http://127.0.0.1:9000', spoolDir: 'spool' };
const sdkOptions: PerfscopeConfigurationOptions = { ...exporterOptions, exportIntervalMs: 5000 };
const sdkConfiguration: PerfscopeConfiguration = perfscopeConfiguration(sdkOptions);
const exporters = [new QuestDBMetricExporter(exporterOptions), new QuestDBSpanExporter()];
const notStored: NotStored[] = exporters.map((exporter) => exporter.notStored);
// @ts-expect-error An unknown option is rejected.
perfscopeConfiguration({ adress: 'http://127.0.0.1:9000' });

const health: Pick<SystemHealthMonitor, 'getHealthSnapshot'> = systemHealthMonitor;

export async function readStoredMetrics(): Promise<(number | undefined | null | string)[]> {
  const window: DashboardOptions = { windowMs: 3_600_000 };
  const dashboard: Dashboard = await performanceMonitoringService.getDashboard(window);
  const trends: Trends = await performanceMonitoringService.getTrends(window);
  const snapshot: HealthSnapshot = await health.getHealthSnapshot();
  const status: HealthStatus = snapshot.status;
  const requests: RequestStats = dashboard.api;
  const streams: StreamStats | undefined = requests.streams;
  const [slowest]: SlowestOperation[] = requests.slowestEndpoints;
  const database: DatabaseStats = dashboard.database;
  const [queue]: QueueStats[] = dashboard.queues;
  const [processHealth]: ProcessHealth[] = dashboard.systemHealth;
  const errorRate: Trend = trends.errorRate;
  return [
    requests.p95,
    streams?.count,
    slowest?.average,
    database.connections,
    queue?.depth,
    processHealth?.uptime,
    errorRate.change,
    status,
  ];
}

export async function readFromServer(): Promise<unknown[]> {
  const settings: ClientOptions = { url: 'http://127.0.0.1:4001', key: 'secret' };
  const client = new PerfscopeClient(settings);
  const query: Query<'dashboard'> = { from: new Date(0), to: Date.now() };
  const dashboard: ApiResponse<'dashboard'> = await client.get('dashboard', query);
  const name: EndpointName & SimpleEndpointName = 'alerts';
  const requestOptions: RequestOptions = { signal: new AbortController().signal };
  const alerts: Answer<'alerts'> = await client.get(name, {}, requestOptions);
  const severities: string[] = alerts.alerts.map(({ severity }) => severity);
  const bodyEndpoint = 'silences' satisfies BodyEndpointName;
  const silence: RequestBody<typeof bodyEndpoint> = {
    matchers: [],
    endsAt: new Date(),
    comment: 'maintenance',
  };
  await client.silence(silence);
  const pagedEndpoint = 'errors' satisfies PagedEndpointName;
  for await (const page of client.pages(pagedEndpoint)) severities.push(String(page.nextCursor));
  for await (const event of client.stream()) {
    const { id, type }: ServerEvent = event;
    severities.push(id, type);
  }
  // @ts-expect-error An unknown endpoint is rejected, so the responses are not `any`.
  await client.get('unknown');
  // @ts-expect-error An unknown field is rejected.
  severities.push(dashboard.unknown);
  return [
    dashboard,
    severities,
    AlertSeverity.CRITICAL,
    await booking,
    (await response).status,
    await payment,
    await cancellation,
    await priced,
    await loaded,
    rebook,
    sdkConfiguration.metricReaders,
    exporters,
    notStored,
  ];
}

export function createLambdaHandler(handler: LambdaHandler): LambdaHandler {
  const options: LambdaHandlerOptions = { flushTimeoutMs: 100 };
  return wrapLambdaHandler(handler, options);
}

export function excludeLibraries(build: EsbuildBuild): string {
  const options: PerfscopePluginOptions = { bundle: ['express'] };
  const plugin: EsbuildPlugin = perfscopePlugin(options);
  plugin.setup(build);
  return plugin.name;
}

export function describeError(error: unknown): string {
  if (error instanceof PerfscopeError) {
    const code: ErrorCode = error.code;
    return code;
  }
  if (error instanceof ApiError) {
    const problem: Problem = error.problem;
    const [rejected]: RejectedParameter[] = problem.errors ?? [];
    return rejected?.reason ?? problem.detail;
  }
  unsubscribe();
  return 'unknown';
}
