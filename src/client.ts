/**
 * A typed client for the API of a Perfscope server. It needs only `fetch`, so it also runs in browsers.
 * docs/http-api.md describes the endpoints.
 *
 * @module client
 * @sortStrategy alphabetical
 */
export type { ClientOptions, RequestOptions } from './client/api-request.ts';
export { ApiError, type Problem, type RejectedParameter } from './client/api-request.ts';
export type {
  ApiResponse,
  /** @deprecated Use `ApiResponse`. */
  ApiResponse as Answer,
  BodyEndpointName,
  EndpointName,
  PagedEndpointName,
  Query,
  RequestBody,
  ServerEvent,
  SimpleEndpointName,
} from './client/api-types.ts';
export { PerfscopeClient } from './client/perfscope-client.ts';
