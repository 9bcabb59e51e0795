import {
  type ClientOptions,
  type Mutation,
  type RequestOptions,
  sendRequest,
} from './api-request.ts';
import {
  type ApiResponse,
  ENDPOINT_PATHS,
  type IdEndpointName,
  type RequestBody,
} from './api-types.ts';

/** Sends a JSON body to an endpoint. @throws ApiError if the server returns an error */
export async function postJson<N extends 'silences' | 'people' | 'keys' | 'backtest' | 'deploys'>(
  clientOptions: ClientOptions,
  name: N,
  body: RequestBody<N>,
  query: object = {},
  options: RequestOptions = {},
): Promise<ApiResponse<N>> {
  const mutation = { method: 'POST', body } as const;
  const path = ENDPOINT_PATHS[name];
  const response = await sendRequest(clientOptions, path, query, options, mutation);
  return (await response.json()) as ApiResponse<N>;
}

/** Sends a request to an endpoint with an ID in its path. @throws ApiError if the server returns an error */
export async function sendWithId<N extends IdEndpointName>(
  clientOptions: ClientOptions,
  name: N,
  id: string,
  query: object = {},
  mutation?: Mutation,
): Promise<ApiResponse<N>> {
  const path = ENDPOINT_PATHS[name].replace(':id', encodeURIComponent(id));
  const response = await sendRequest(clientOptions, path, query, {}, mutation);
  return (await response.json()) as ApiResponse<N>;
}
