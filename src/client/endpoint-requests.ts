import { type ClientOptions, type Mutation, sendRequest } from './api-request.ts';
import {
  type ApiResponse,
  ENDPOINT_PATHS,
  type IdEndpointName,
  type RequestBody,
} from './api-types.ts';

/** Endpoints to which a new object can be posted. */
export type PostEndpointName = 'silences' | 'people' | 'keys' | 'deploys';

/** Sends a new object, and returns the response. */
export async function sendBody<N extends PostEndpointName>(
  options: ClientOptions,
  name: N,
  body: RequestBody<N>,
): Promise<ApiResponse<N>> {
  const mutation = { method: 'POST', body } as const;
  const response = await sendRequest(options, ENDPOINT_PATHS[name], {}, {}, mutation);
  return (await response.json()) as ApiResponse<N>;
}

/** Sends a request about one object, and returns the response. */
export async function sendWithId<N extends IdEndpointName>(
  options: ClientOptions,
  name: N,
  id: string,
  query: object,
  mutation: Mutation | undefined,
): Promise<ApiResponse<N>> {
  const path = ENDPOINT_PATHS[name].replace(':id', encodeURIComponent(id));
  const response = await sendRequest(options, path, query, {}, mutation);
  return (await response.json()) as ApiResponse<N>;
}
