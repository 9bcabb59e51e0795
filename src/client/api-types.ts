import type { ApiTypes, ENDPOINT_PATHS, Point, StreamEvent } from './generated-api-types.ts';

export { ENDPOINT_PATHS } from './generated-api-types.ts';

/**
 * Name of an endpoint. docs/http-api.md describes the endpoints.
 *
 * @useDeclaredType
 */
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

/**
 * Query parameters of an endpoint. Times can also be `Date` objects, or numbers in ms since the epoch.
 * docs/http-api.md describes the parameters.
 *
 * @typeParam N name of the endpoint
 */
export type Query<N extends EndpointName> = Input<ApiTypes['queries'][N]>;

/**
 * Name of an endpoint that accepts a JSON body.
 *
 * @useDeclaredType
 */
export type BodyEndpointName = keyof ApiTypes['bodies'];

/**
 * JSON body of a POST request to an endpoint. Times can also be `Date` objects.
 *
 * @typeParam N name of the endpoint
 */
export type RequestBody<N extends BodyEndpointName> = Input<ApiTypes['bodies'][N]>;

type Responses = ApiTypes['responses'] & { stream: Point };

/**
 * Response of an endpoint, or the data of a `point` event for `stream`.
 *
 * @typeParam N name of the endpoint
 */
export type ApiResponse<N extends EndpointName> = Responses[N];

/** Names of the parameters of an endpoint. Never for endpoints without parameters. */
type ParameterName<N extends EndpointName> = string extends keyof Query<N> ? never : keyof Query<N>;

/** Name of an endpoint with a paginated response: it has the query parameter `cursor`. */
export type PagedEndpointName = {
  [N in EndpointName]: 'cursor' extends ParameterName<N> ? N : never;
}[EndpointName];

/**
 * Name of an endpoint with an ID in its path.
 *
 * @inline
 */
export type IdEndpointName =
  | 'job'
  | 'rule'
  | 'objective'
  | 'forecast'
  | 'alert'
  | 'alertSeries'
  | 'deploy'
  | 'testReceiver'
  | 'acknowledge'
  | 'incident'
  | 'acknowledgeIncident'
  | 'silence'
  | 'dismissSuggestion'
  | 'explainSuggestion'
  | 'read'
  | 'person'
  | 'key';

/** Name of an endpoint without an ID in its path, except `stream`. */
export type SimpleEndpointName = Exclude<EndpointName, 'stream' | IdEndpointName>;

type ToServerEvent<E> = E extends { event: infer T; id: string; data: infer D }
  ? { type: T; id: string; data: D }
  : never;

/**
 * An event of the stream. `type` is `point`, `alert`, `incident`, `notification`, `decision`, or `gap`. `data` is the
 * parsed data of the event. Pass `id` as `lastEventId` to resume after the event. docs/http-api.md describes the events.
 */
export type ServerEvent = ToServerEvent<StreamEvent>;
