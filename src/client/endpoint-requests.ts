import { type Mutation, sendRequest } from './api-request.ts';
import {
  type ApiResponse,
  ENDPOINT_PATHS,
  type IdEndpointName,
  type RequestBody,
} from './api-types.ts';

type Options = Parameters<typeof sendRequest>[0];

/** Sends a POST request to a list, and returns the response. @throws ApiError */
export async function sendPost<N extends 'silences' | 'people' | 'keys' | 'deploys'>(
  options: Options,
  name: N,
  body: RequestBody<N>,
): Promise<ApiResponse<N>> {
  const mutation = { method: 'POST', body } as const;
  const response = await sendRequest(options, ENDPOINT_PATHS[name], {}, {}, mutation);
  return (await response.json()) as ApiResponse<N>;
}

/** Sends a request to an endpoint with an ID in its path. @throws ApiError */
export async function sendWithId<N extends IdEndpointName>(
  options: Options,
  name: N,
  id: string,
  query: object = {},
  mutation?: Mutation,
): Promise<ApiResponse<N>> {
  const path = ENDPOINT_PATHS[name].replace(':id', encodeURIComponent(id));
  const response = await sendRequest(options, path, query, {}, mutation);
  return (await response.json()) as ApiResponse<N>;
}
