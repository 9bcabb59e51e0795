/** Source of an invocation (https://opentelemetry.io/docs/specs/semconv/attributes-registry/faas/). */
export type FaasTrigger = 'http' | 'pubsub' | 'datasource' | 'timer' | 'other';

/** What the agent reads from an event. Contains no values of users, except for the headers and the URL. */
export interface LambdaEvent {
  readonly trigger: FaasTrigger;
  /** HTTP method of the request. Undefined for other triggers. */
  readonly method: string | undefined;
  /** Route template, or the source and the function, such as `sqs orders`. */
  readonly route: string;
  /** Headers by lowercase name. Empty for other triggers. */
  readonly headers: Readonly<Record<string, string>>;
  /** Path and query of the request, for the application's tenant resolver. */
  readonly url: string;
}

type Fields = Readonly<Record<string, unknown>>;

/** Sources of records, with their triggers. */
const RECORD_SOURCES: Readonly<Record<string, FaasTrigger>> = {
  sqs: 'pubsub',
  sns: 'pubsub',
  kinesis: 'pubsub',
  kafka: 'pubsub',
  SelfManagedKafka: 'pubsub',
  rmq: 'pubsub',
  amq: 'pubsub',
  s3: 'datasource',
  dynamodb: 'datasource',
  docdb: 'datasource',
  codecommit: 'datasource',
};

/** Routes of gateways that match all paths contain no information about the path. */
const CATCH_ALL_ROUTE = '$default';

/** Classifies the event of an invocation. */
export function readLambdaEvent(event: unknown, functionName: string): LambdaEvent {
  const fields = toFields(event);
  const context = toFields(fields.requestContext);
  const http = toFields(context.http);
  const method = toText(http.method) ?? toText(fields.httpMethod);
  const eventType = toText(context.eventType);
  if (method !== undefined || context.elb !== undefined || eventType !== undefined) {
    return {
      trigger: 'http',
      method: method ?? 'GET',
      route: readRoute(fields, context) ?? `http ${functionName}`,
      headers: readHeaders(fields),
      url: readUrl(fields),
    };
  }
  const [source, trigger] = readSource(fields);
  return { trigger, method: undefined, route: `${source} ${functionName}`, headers: {}, url: '' };
}

/** Returns the template of a REST API, or of an HTTP or WebSocket API. */
function readRoute(event: Fields, context: Fields): string | undefined {
  const resource = toText(event.resource) ?? toText(context.resourcePath);
  if (resource !== undefined) return resource;
  const key = toText(context.routeKey) ?? toText(event.routeKey);
  if (key === undefined || (key === CATCH_ALL_ROUTE && context.eventType === undefined))
    return undefined;
  // The key of an HTTP API starts with the method.
  return key.replace(/^[A-Z]+ (?=\/)/, '');
}

function readSource(event: Fields): [source: string, trigger: FaasTrigger] {
  const [record] = Array.isArray(event.Records) ? event.Records : [];
  const { eventSource, EventSource } = toFields(record);
  const recordSource = toText(eventSource) ?? toText(EventSource) ?? toText(event.eventSource);
  if (recordSource !== undefined) {
    const source = recordSource.replace(/^aws:/, '');
    return Object.hasOwn(RECORD_SOURCES, source)
      ? [source.toLowerCase(), RECORD_SOURCES[source]!]
      : ['event', 'other'];
  }
  if (event['detail-type'] === 'Scheduled Event') return ['schedule', 'timer'];
  if (typeof event['detail-type'] === 'string') return ['eventbridge', 'pubsub'];
  return ['invoke', 'other'];
}

function readHeaders(event: Fields): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, values] of Object.entries(toFields(event.multiValueHeaders))) {
    if (Array.isArray(values)) headers[name.toLowerCase()] = values.join(', ');
  }
  for (const [name, value] of Object.entries(toFields(event.headers))) {
    if (typeof value === 'string') headers[name.toLowerCase()] = value;
  }
  return headers;
}

function readUrl(event: Fields): string {
  const path = toText(event.rawPath) ?? toText(event.path) ?? '/';
  const query = toText(event.rawQueryString);
  if (query !== undefined) return `${path}?${query}`;
  const parameters = Object.entries(toFields(event.queryStringParameters)).map(
    ([name, value]): [string, string] => [name, String(value)],
  );
  return parameters.length > 0 ? `${path}?${new URLSearchParams(parameters).toString()}` : path;
}

function toFields(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

function toText(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
