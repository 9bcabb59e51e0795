export type { ClientOptions } from './client/api-request.ts';
export { ApiError, type Problem } from './client/api-request.ts';
export type {
  ApiResponse,
  /** @deprecated Use `ApiResponse`. */
  ApiResponse as Answer,
  Query,
  RequestBody,
  ServerEvent,
} from './client/api-types.ts';
export { PerfscopeClient } from './client/perfscope-client.ts';
