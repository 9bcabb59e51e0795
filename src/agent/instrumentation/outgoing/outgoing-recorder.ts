import type { Attributes } from '@opentelemetry/api';
import { startInterval } from '../../../core/guarded-timers.ts';
import { getCallErrorKind } from '../../../core/otel/mapping/call-errors.ts';
import { getGrpcStatusName } from '../../../core/otel/mapping/grpc-status.ts';
import { toHttpMethod } from '../../../core/otel/mapping/http-methods.ts';
import { ATTR_ORGANIZATION_ID, ATTR_PROPERTY_ID } from '../../attribute-keys.ts';
import { endOperation, type Operation, startOperation } from '../context/operations.ts';
import type { HistogramRegistry } from '../histograms/histogram-registry.ts';
import {
  type HistogramSeries,
  type KeyedHistogram,
  recordValue,
} from '../histograms/keyed-histogram.ts';
import { RecentSeries } from '../histograms/recent-series.ts';
import { ExistingObject } from '../loading/hidden-property.ts';
import { GRPC_METHOD } from '../requests/request-protocol.ts';
import type { CallTarget } from './call-target.ts';
import { getUrlTemplate } from './url-template.ts';

/** Boundaries in seconds that the semantic conventions recommend. */
const CALL_DURATION_BOUNDARIES_S = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
];
/** A body that is open for longer is a stream, a download, or a body that the application doesn't read. */
const MAX_BODY_MS = 60_000;
/** If more bodies are open, the calls with the oldest ones ended when their headers arrived. */
const MAX_OPEN_BODIES = 10_000;
const SWEEP_INTERVAL_MS = 10_000;
/** Host of all calls over the limit of series. */
const OTHER_HOST = '(other)';

/** Protocol of an outgoing call. */
type OutgoingProtocol = 'http' | 'grpc';

/** An HTTP request or a gRPC call that the application sends. */
export class OutgoingCall {
  readonly protocol: OutgoingProtocol;
  readonly operation: Operation = startOperation('outgoing');
  /** HTTP method, or `_OTHER` if the semantic conventions don't list it. `grpc` for gRPC. */
  readonly method: string;
  readonly target: CallTarget;
  /** URL template, or method of gRPC, such as `package.Service/Method`. */
  readonly template: string | undefined;
  /** Status of the response, or 0. In gRPC, 0 is a success. */
  status = 0;
  /** Whether the headers of the response have arrived. */
  hasHeaders = false;
  /** Time of the headers from `performance.now()`. */
  headersMs = 0;
  ended = false;
  /** Whether the call is in the list of calls whose body is open. */
  isListed = false;
  /** Neighbors in the list of calls whose body is open. */
  previous: OutgoingCall | undefined = undefined;
  next: OutgoingCall | undefined = undefined;

  constructor(
    method: string,
    target: CallTarget,
    protocol: OutgoingProtocol,
    template: string | undefined,
  ) {
    this.method = method;
    this.target = target;
    this.protocol = protocol;
    this.template = template;
  }

  static createHttp(method: unknown, target: CallTarget): OutgoingCall {
    return new OutgoingCall(toHttpMethod(method), target, 'http', getUrlTemplate());
  }

  /** @param method full name, such as `package.Service/Method` */
  static createGrpc(method: string, target: CallTarget): OutgoingCall {
    return new OutgoingCall(GRPC_METHOD, target, 'grpc', method);
  }
}

/** Field of a request or response that stores its call. */
export class CallField extends ExistingObject {
  readonly #call: OutgoingCall;

  private constructor(target: object, call: OutgoingCall) {
    super(target);
    this.#call = call;
  }

  static get(target: object): OutgoingCall | undefined {
    return #call in target ? target.#call : undefined;
  }

  /** Does nothing if the object has a call. */
  static set(target: object, call: OutgoingCall): void {
    if (!(#call in target)) new CallField(target, call);
  }
}

/**
 * Records each call as `http.client.request.duration`, by host, method, URL template, status, error, and tenant
 * (https://opentelemetry.io/docs/specs/semconv/http/http-metrics/#http-client).
 *
 * A call ends when its body was read. If the application doesn't read the whole body within a minute, the call ended
 * when its headers arrived. A 4xx status is not a failure, because the host works. A gRPC call is recorded as
 * `rpc.client.call.duration`, and has failed with each status except OK
 * (https://opentelemetry.io/docs/specs/semconv/rpc/grpc/).
 */
export class OutgoingRecorder {
  readonly #httpCalls: KeyedHistogram;
  readonly #grpcCalls: KeyedHistogram;
  #oldestBody: OutgoingCall | undefined;
  #newestBody: OutgoingCall | undefined;
  #openBodyCount = 0;
  #timer: NodeJS.Timeout | undefined;

  /** Host and port whose calls are not recorded. */
  readonly ignoredHost: string | undefined;

  constructor(histograms: HistogramRegistry, ignoredHost?: string) {
    this.ignoredHost = ignoredHost;
    this.#httpCalls = histograms.create({
      scope: 'perfscope.http',
      name: 'http.client.request.duration',
      unit: 's',
      description: 'Duration of HTTP client requests.',
      boundaries: CALL_DURATION_BOUNDARIES_S,
    });
    this.#grpcCalls = histograms.create({
      scope: 'perfscope.rpc',
      name: 'rpc.client.call.duration',
      unit: 's',
      description: 'Duration of gRPC client calls.',
      boundaries: CALL_DURATION_BOUNDARIES_S,
    });
  }

  /** Call it when the headers of the final response arrive. */
  receiveHeaders(call: OutgoingCall, status: number): void {
    if (call.ended || call.hasHeaders) return;
    call.hasHeaders = true;
    call.status = status;
    call.headersMs = performance.now();
    call.isListed = true;
    call.previous = this.#newestBody;
    if (this.#newestBody !== undefined) this.#newestBody.next = call;
    else this.#oldestBody = call;
    this.#newestBody = call;
    this.#openBodyCount += 1;
    if (this.#openBodyCount > MAX_OPEN_BODIES) this.endAtHeaders(this.#oldestBody!);
    this.#timer ??= startInterval(
      'the metrics of outgoing calls',
      () => this.#endBodiesBefore(performance.now() - MAX_BODY_MS),
      SWEEP_INTERVAL_MS,
    );
  }

  /** Ends a call whose body was read. */
  end(call: OutgoingCall): void {
    this.#end(call, undefined, performance.now());
  }

  /** Ends a gRPC call. */
  endGrpc(call: OutgoingCall, status: number): void {
    if (call.ended) return;
    call.status = status;
    this.#end(call, undefined, performance.now());
  }

  /** Ends a call that failed. After the headers, the application can cancel a call at any time. */
  fail(call: OutgoingCall, error: unknown): void {
    const kind = getCallErrorKind(error);
    if (kind === 'aborted' && call.hasHeaders) this.endAtHeaders(call);
    else this.#end(call, kind, performance.now());
  }

  /** Ends a call whose body the application doesn't read to its end. */
  endAtHeaders(call: OutgoingCall): void {
    this.#end(call, undefined, call.headersMs);
  }

  /** Ends the calls whose headers have arrived, because the process ends. */
  endOpenCalls(): void {
    this.#endBodiesBefore(Number.POSITIVE_INFINITY);
  }

  #endBodiesBefore(headersMs: number): void {
    while (this.#oldestBody !== undefined && this.#oldestBody.headersMs < headersMs) {
      const call = this.#oldestBody;
      this.#unlink(call);
      this.endAtHeaders(call);
    }
  }

  #end(call: OutgoingCall, error: string | undefined, endMs: number): void {
    if (call.ended) return;
    call.ended = true;
    if (call.isListed) this.#unlink(call);
    const errorType = error ?? findStatusError(call);
    this.#record(call, errorType, endMs - call.operation.startMs);
    endOperation(call.operation, call.target.name, errorType !== undefined);
  }

  #unlink(call: OutgoingCall): void {
    const { previous, next } = call;
    if (previous === undefined) this.#oldestBody = next;
    else previous.next = next;
    if (next === undefined) this.#newestBody = previous;
    else next.previous = previous;
    this.#openBodyCount -= 1;
    call.isListed = false;
    call.previous = undefined;
    call.next = undefined;
  }

  #record(call: OutgoingCall, errorType: string | undefined, durationMs: number): void {
    const { target, method: name, template, status } = call;
    const { tenant } = call.operation;
    const histogram = this.#getHistogram(call);
    const identity = { histogram, tenant, name, template, status };
    const recent = errorType === undefined ? RecentSeries.get(target, identity) : undefined;
    const series = recent ?? this.#findSeries(call, errorType);
    if (recent === undefined && errorType === undefined) RecentSeries.set(target, identity, series);
    recordValue(series, durationMs / 1000);
  }

  #findSeries(call: OutgoingCall, errorType: string | undefined): HistogramSeries {
    const { method, target, template = '', status } = call;
    const { organizationId = '', propertyId = '' } = call.operation.tenant ?? NO_TENANT;
    const key = `${target.name}\n${method} ${template}\n${status} ${errorType}\n${organizationId}\n${propertyId}`;
    return this.#getHistogram(call).getSeries(
      key,
      () => toAttributes(call, errorType),
      toOverflowAttributes(errorType),
    );
  }

  #getHistogram({ protocol }: OutgoingCall): KeyedHistogram {
    return protocol === 'grpc' ? this.#grpcCalls : this.#httpCalls;
  }
}

/** Returns the error of a status. */
function findStatusError({ protocol, status }: OutgoingCall): string | undefined {
  if (protocol === 'grpc') return status === 0 ? undefined : getGrpcStatusName(status);
  return status >= 500 ? String(status) : undefined;
}

function toHttpAttributes({ method, template, status }: OutgoingCall): Attributes {
  const attributes: Attributes = { 'http.request.method': method };
  if (template !== undefined) attributes['url.template'] = template;
  if (status !== 0) attributes['http.response.status_code'] = status;
  return attributes;
}

function toGrpcAttributes({ method, template = '', status }: OutgoingCall): Attributes {
  return {
    'rpc.system.name': method,
    'rpc.method': template,
    'rpc.response.status_code': getGrpcStatusName(status),
  };
}

const NO_TENANT: { organizationId?: string; propertyId?: string } = {};
const OVERFLOW_ATTRIBUTES: Attributes = { 'server.address': OTHER_HOST };

function toOverflowAttributes(errorType: string | undefined): Attributes {
  return errorType === undefined
    ? OVERFLOW_ATTRIBUTES
    : { 'server.address': OTHER_HOST, 'error.type': errorType };
}

function toAttributes(call: OutgoingCall, errorType: string | undefined): Attributes {
  const { target, operation, protocol } = call;
  const { organizationId, propertyId } = operation.tenant ?? NO_TENANT;
  const attributes = protocol === 'grpc' ? toGrpcAttributes(call) : toHttpAttributes(call);
  attributes['server.address'] = target.address;
  if (target.port !== undefined) attributes['server.port'] = target.port;
  if (errorType !== undefined) attributes['error.type'] = errorType;
  if (organizationId) attributes[ATTR_ORGANIZATION_ID] = organizationId;
  if (propertyId) attributes[ATTR_PROPERTY_ID] = propertyId;
  return attributes;
}
