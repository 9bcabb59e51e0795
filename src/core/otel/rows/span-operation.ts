import { normalizeNames } from '../mapping/map-attributes.ts';
import type { OtelAttributes } from '../metric-data.ts';
import type { OtelSpan } from '../span-data.ts';

/** What a span measures. */
export interface SpanOperation {
  /** Name of the metric with the same information. */
  readonly metricName: string;
  /** Attributes that the metric has. Spans have more, which are different for each span. */
  readonly attributes: OtelAttributes;
  /** Whether the span is a request that the process has received. */
  readonly isRequest: boolean;
  /** Whether the span is the processing of a message. */
  readonly isJob: boolean;
}

/** Attributes of each kind of metric. */
const HTTP_ATTRIBUTES = [
  'http.request.method',
  'http.route',
  'http.response.status_code',
  'url.scheme',
  'error.type',
];
const HTTP_CLIENT_ATTRIBUTES = [
  'http.request.method',
  'http.response.status_code',
  'server.address',
  'server.port',
  'url.template',
  'error.type',
];
const RPC_ATTRIBUTES = [
  'rpc.system.name',
  'rpc.service',
  'rpc.method',
  'rpc.response.status_code',
  'error.type',
];
const RPC_CLIENT_ATTRIBUTES = [...RPC_ATTRIBUTES, 'server.address', 'server.port'];
const DATABASE_ATTRIBUTES = [
  'db.system.name',
  'db.namespace',
  'db.collection.name',
  'db.operation.name',
  'db.query.text',
  'db.query.summary',
  'server.address',
  'error.type',
];
const MESSAGING_ATTRIBUTES = [
  'messaging.system',
  'messaging.destination.name',
  'messaging.consumer.group.name',
  'messaging.operation.name',
  'messaging.operation.type',
  'error.type',
];
/** Server spans of other protocols. They are identified by their name. */
const SERVER_ATTRIBUTES = ['error.type'];

const SERVER_METRIC = 'perfscope.span.server.duration';
const SENDING = /^(?:publish|send|create)$/;
const RECEIVING = /^(?:receive|settle|poll|ack|nack|commit)$/;
/** Numbers, IDs, query parameters, paths, or URLs, which a name of an operation must not contain. */
const VARIABLE_NAME = /[?=@]|\d{2}|[\da-f]{8}-|\/\d|(?:^|\s)\/|:\/\//i;

/**
 * Returns what a span measures. Undefined for internal spans, and for clients of other protocols.
 *
 * @param tenantAttributes names of attributes that are stored in columns
 */
export function getSpanOperation(
  span: OtelSpan,
  tenantAttributes: readonly string[],
): SpanOperation | undefined {
  const current = normalizeNames(span.attributes, { type: 'CUSTOM' });
  const has = (name: string) => current.get(name) !== undefined;
  const create = (
    metricName: string,
    names: readonly string[],
    extra: OtelAttributes = {},
  ): SpanOperation => {
    const attributes: [string, OtelAttributes[string]][] = [];
    for (const name of names) {
      const value = current.get(name);
      if (value !== undefined) attributes.push([name, value]);
    }
    for (const name of tenantAttributes) {
      // Redacted IDs of different tenants could be the same.
      const value = span.attributes[name];
      if (value !== undefined) attributes.push([name, value]);
    }
    const error = has('error.type')
      ? {}
      : getErrorAttributes(span, current.get('http.response.status_code'));
    return {
      metricName,
      attributes: { ...Object.fromEntries(attributes), ...extra, ...error },
      isRequest: span.kind === 'server',
      isJob: span.kind === 'consumer' && metricName === 'messaging.process.duration',
    };
  };
  const isHttp = has('http.request.method');
  const isRpc = has('rpc.system.name');
  switch (span.kind) {
    case 'server':
      if (isRpc) return create('rpc.server.call.duration', RPC_ATTRIBUTES);
      if (isHttp) return create('http.server.request.duration', HTTP_ATTRIBUTES);
      return create(SERVER_METRIC, SERVER_ATTRIBUTES, getName(span));
    case 'client':
      if (has('db.system.name')) return create('db.client.operation.duration', DATABASE_ATTRIBUTES);
      if (has('messaging.system')) return createMessaging();
      if (isRpc) return create('rpc.client.call.duration', RPC_CLIENT_ATTRIBUTES);
      if (isHttp) return create('http.client.request.duration', HTTP_CLIENT_ATTRIBUTES);
      return undefined;
    case 'producer':
    case 'consumer':
      return createMessaging();
    default:
      return undefined;
  }

  function createMessaging(): SpanOperation {
    const operation = String(
      current.get('messaging.operation.type') ?? current.get('messaging.operation.name') ?? '',
    );
    const isClient =
      span.kind === 'producer' || SENDING.test(operation) || RECEIVING.test(operation);
    const names = hasVariableDestination()
      ? MESSAGING_ATTRIBUTES.filter((name) => name !== 'messaging.destination.name')
      : MESSAGING_ATTRIBUTES;
    const template = current.get('messaging.destination.template');
    const extra = hasVariableDestination() ? { 'messaging.destination.name': template } : {};
    return isClient
      ? create('messaging.client.operation.duration', names, extra)
      : create('messaging.process.duration', names, extra);
  }

  /** Temporary queues have a new name for each process or request. */
  function hasVariableDestination(): boolean {
    return (
      current.get('messaging.destination.temporary') === true ||
      current.get('messaging.destination.anonymous') === true ||
      has('messaging.destination.template')
    );
  }
}

/** The name of a span is an operation, unless a library put a URL or an ID into it. */
function getName({ name }: OtelSpan): OtelAttributes {
  return VARIABLE_NAME.test(name) ? {} : { 'http.route': name };
}

/** Names of types in all languages, such as `java.io.IOException`, `*errors.errorString`, or `Net::HTTPError`. */
const TYPE_NAME = /^[\w.$*:/<>-]{1,100}$/;

/** Returns the type of an exception. Undefined if the text is not the name of a type, so it can contain anything. */
export function toErrorType(type: unknown): string | undefined {
  return typeof type === 'string' && TYPE_NAME.test(type) ? type : undefined;
}

/** @returns `error.type` of a failed span without one: the status, the type of its exception, or `_OTHER` */
function getErrorAttributes(
  { kind, status, events }: OtelSpan,
  httpStatus: OtelAttributes[string],
): OtelAttributes {
  const isServerError = Number(httpStatus) >= 500;
  if (status !== 'error' && !(kind === 'server' && isServerError)) return {};
  if (httpStatus !== undefined && (isServerError || kind === 'client')) {
    return { 'error.type': String(httpStatus) };
  }
  const exception = events.findLast(({ name }) => name === 'exception');
  return { 'error.type': toErrorType(exception?.attributes['exception.type']) ?? '_OTHER' };
}
