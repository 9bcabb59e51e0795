import type { ApiTypes, ENDPOINT_PATHS, Point, StreamEvent } from './generated-api-types.ts';

export { ENDPOINT_PATHS } from './generated-api-types.ts';

/** Name of an endpoint. */
export type EndpointName = keyof typeof ENDPOINT_PATHS;

/** Further types of the times that the client converts to text. */
type TimeInput<K> = K extends 'from' | 'to'
  ? Date | number
  : K extends 'startsAt' | 'endsAt'
    ? Date
    : never;

type OptionalInput<T, K extends keyof T> =
  Partial<Pick<T, K>> extends Pick<T, K> ? undefined : never;

/** Accepts times also as `Date`, query times also as ms since the epoch, and undefined options. */
type Input<T> = { [K in keyof T]: T[K] | TimeInput<K> | OptionalInput<T, K> };

/** Query parameters of an endpoint. */
export type Query<N extends EndpointName> = Input<ApiTypes['queries'][N]>;

/** JSON body of a POST request to an endpoint. */
export type RequestBody<N extends keyof ApiTypes['bodies']> = Input<ApiTypes['bodies'][N]>;

type Responses = ApiTypes['responses'] & { stream: Point };

/** Response of an endpoint, or the data of a `point` event for `stream`. */
export type ApiResponse<N extends EndpointName> = Responses[N];

/** Names of the parameters of an endpoint. Never for endpoints without parameters. */
type ParameterName<N extends EndpointName> = string extends keyof Query<N> ? never : keyof Query<N>;

/** Endpoints with a paginated response. */
export type PagedEndpointName = {
  [N in EndpointName]: 'cursor' extends ParameterName<N> ? N : never;
}[EndpointName];

type ToServerEvent<E> = E extends { event: infer T; id: string; data: infer D }
  ? { type: T; id: string; data: D }
  : never;

/** An event of the stream. Pass `id` as `lastEventId` to resume after the event. */
export type ServerEvent = ToServerEvent<StreamEvent>;
