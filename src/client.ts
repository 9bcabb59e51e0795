export { ApiError, type Problem } from './client/api-error.ts';
export { PerfscopeClient } from './client/client.ts';
export type { ClientOptions } from './client/request.ts';
export type { ServerEvent } from './client/stream.ts';
export type { Answer, Query } from './client/types.ts';
