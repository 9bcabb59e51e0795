import type { Attributes } from '@opentelemetry/api';
import { getGrpcStatusName } from '../../../core/otel/mapping/grpc-status.ts';
import type { RequestState } from './request-state.ts';

/** How requests of a protocol are named and stored. */
export interface RequestProtocol {
  /** Returns the attributes of an endpoint. */
  createAttributes(state: RequestState): Attributes;
  /** Returns the attribute of a status, for readers. Empty if there is no status. */
  createStatusAttributes(status: number): Attributes;
  /**
   * Returns `error.type` of a failed request.
   *
   * @param operation operation of GraphQL or tRPC, if there is one
   */
  toErrorType(status: number | undefined, operation?: string): string;
  /** Returns the status of HTTP whose column counts the request. */
  toHttpStatus(status: number): number;
}

/** Value of `error.type` if the server failed after it sent the headers, or sent no response. */
const INCOMPLETE_RESPONSE = 'incomplete_response';
/** Value of `error.type` if a GraphQL operation or a tRPC procedure failed, and the status doesn't show it. */
const FAILED_OPERATION = 'failed_operation';
/** Value of `error.type` if the handler of a message failed. */
const HANDLER_ERROR = 'handler_error';

export const HTTP: RequestProtocol = {
  createAttributes: ({ method, scheme, route }) => ({
    'http.request.method': method,
    'url.scheme': scheme,
    ...(route !== undefined && { 'http.route': route }),
  }),
  createStatusAttributes: (status) => (status === 0 ? {} : { 'http.response.status_code': status }),
  toErrorType: (status = 0, operation) => {
    if (status >= 500) return String(status);
    return operation === undefined ? INCOMPLETE_RESPONSE : FAILED_OPERATION;
  },
  toHttpStatus: (status) => status,
};

/** Operation of gRPC calls, and value of `rpc.system.name`. */
export const GRPC_METHOD = 'grpc';

/**
 * Statuses are numbers that gRPC defines. A failed call is counted like a 5xx status, and another status than OK like a 4xx status.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/rpc/rpc-metrics/
 */
export const GRPC: RequestProtocol = {
  createAttributes: ({ route }) => ({ 'rpc.system.name': GRPC_METHOD, 'rpc.method': route }),
  createStatusAttributes: (status) => ({ 'rpc.response.status_code': getGrpcStatusName(status) }),
  toErrorType: (status = 0) => getGrpcStatusName(status),
  toHttpStatus: (status) => (status === 0 ? 200 : 400),
};

/** Operation of messages that clients send over a WebSocket. */
export const WEBSOCKET_METHOD = 'WS';

/** Messages of WebSockets have no status. */
export const WEBSOCKET: RequestProtocol = {
  createAttributes: ({ route }) => ({
    'perfscope.endpoint': route,
    'perfscope.operation': WEBSOCKET_METHOD,
  }),
  createStatusAttributes: () => ({}),
  toErrorType: () => HANDLER_ERROR,
  toHttpStatus: () => 0,
};

/** Returns the protocol of a request. */
export function getProtocol({ call }: Pick<RequestState, 'call'>): RequestProtocol {
  if (call === undefined) return HTTP;
  return call.protocol === 'grpc' ? GRPC : WEBSOCKET;
}
