import {
  type ClientOptions,
  type Mutation,
  type RequestOptions,
  sendRequest,
} from './api-request.ts';
import {
  type ApiResponse,
  ENDPOINT_PATHS,
  type EndpointName,
  type PagedEndpointName,
  type Query,
  type RequestBody,
  type ServerEvent,
} from './api-types.ts';
import { streamEvents } from './server-sent-events.ts';

/** Endpoints without path parameters. */
type SimpleEndpointName = Exclude<EndpointName, 'stream' | IdEndpointName>;
/** Endpoints with an id in the path. */
type IdEndpointName =
  | 'job'
  | 'rule'
  | 'alert'
  | 'alertSeries'
  | 'testReceiver'
  | 'acknowledge'
  | 'silence'
  | 'read'
  | 'person';

/** Client for the API of a Perfscope server. It needs only `fetch`, so it also runs in browsers. */
export class PerfscopeClient {
  readonly #options: ClientOptions;

  constructor(options: ClientOptions = {}) {
    this.#options = options;
  }

  /**
   * Sends a GET request to an endpoint.
   *
   * @throws ApiError if the server returns an error
   */
  async get<N extends SimpleEndpointName>(
    name: N,
    query: Query<N> = {} as Query<N>,
    options: RequestOptions = {},
  ): Promise<ApiResponse<N>> {
    const response = await sendRequest(this.#options, ENDPOINT_PATHS[name], query, options);
    return (await response.json()) as ApiResponse<N>;
  }

  /**
   * Returns the jobs with an ID, and the state changes of each.
   *
   * @throws ApiError
   */
  job(id: string, query: Query<'job'> = {}): Promise<ApiResponse<'job'>> {
    return this.#sendWithId('job', id, query);
  }

  /**
   * Returns an alert with its history.
   *
   * @throws ApiError
   */
  alert(id: string): Promise<ApiResponse<'alert'>> {
    return this.#sendWithId('alert', id);
  }

  /**
   * Returns the value of an alert over time.
   *
   * @throws ApiError
   */
  alertSeries(id: string, query: Query<'alertSeries'> = {}): Promise<ApiResponse<'alertSeries'>> {
    return this.#sendWithId('alertSeries', id, query);
  }

  /**
   * Returns an alert rule.
   *
   * @throws ApiError
   */
  rule(name: string): Promise<ApiResponse<'rule'>> {
    return this.#sendWithId('rule', name);
  }

  /**
   * Acknowledges a firing alert.
   *
   * @throws ApiError
   */
  acknowledge(id: string, comment: string): Promise<ApiResponse<'acknowledge'>> {
    return this.#sendWithId('acknowledge', id, {}, { method: 'POST', body: { comment } });
  }

  /**
   * Creates a silence.
   *
   * @throws ApiError
   */
  async silence(body: RequestBody<'silences'>): Promise<ApiResponse<'silences'>> {
    const response = await sendRequest(
      this.#options,
      ENDPOINT_PATHS.silences,
      {},
      {},
      { method: 'POST', body },
    );
    return (await response.json()) as ApiResponse<'silences'>;
  }

  /**
   * Ends a silence immediately.
   *
   * @throws ApiError
   */
  endSilence(id: string): Promise<ApiResponse<'silence'>> {
    return this.#sendWithId('silence', id, {}, { method: 'DELETE' });
  }

  /**
   * Marks an in-app notification as read, or all of them if `id` is `all`.
   *
   * @throws ApiError
   */
  markRead(id: string): Promise<ApiResponse<'read'>> {
    return this.#sendWithId('read', id, {}, { method: 'POST' });
  }

  /**
   * Sends a sample alert through each channel of a receiver, and returns the results.
   *
   * @throws ApiError
   */
  testReceiver(
    name: string,
    body: RequestBody<'testReceiver'> = {},
  ): Promise<ApiResponse<'testReceiver'>> {
    return this.#sendWithId('testReceiver', name, {}, { method: 'POST', body });
  }

  /**
   * Adds or replaces a person.
   *
   * @throws ApiError
   */
  async setPerson(body: RequestBody<'people'>): Promise<ApiResponse<'people'>> {
    const response = await sendRequest(
      this.#options,
      ENDPOINT_PATHS.people,
      {},
      {},
      { method: 'POST', body },
    );
    return (await response.json()) as ApiResponse<'people'>;
  }

  /**
   * Deletes a person that was added through the API.
   *
   * @throws ApiError
   */
  removePerson(name: string): Promise<ApiResponse<'person'>> {
    return this.#sendWithId('person', name, {}, { method: 'DELETE' });
  }

  async #sendWithId<N extends IdEndpointName>(
    name: N,
    id: string,
    query: object = {},
    mutation?: Mutation,
  ): Promise<ApiResponse<N>> {
    const path = ENDPOINT_PATHS[name].replace(':id', encodeURIComponent(id));
    const response = await sendRequest(this.#options, path, query, {}, mutation);
    return (await response.json()) as ApiResponse<N>;
  }

  /**
   * Returns the response as CSV.
   *
   * @throws ApiError
   */
  async csv<N extends PagedEndpointName | 'trends'>(
    name: N,
    query: Query<N> = {} as Query<N>,
    options: RequestOptions = {},
  ): Promise<string> {
    const path = ENDPOINT_PATHS[name];
    const response = await sendRequest(this.#options, path, { ...query, format: 'csv' }, options);
    return response.text();
  }

  /**
   * Yields all pages of a response. Requests each page only when it's needed.
   *
   * @throws ApiError
   */
  async *pages<N extends PagedEndpointName>(
    name: N,
    query: Query<N> = {} as Query<N>,
    options: RequestOptions = {},
  ): AsyncGenerator<ApiResponse<N>> {
    let cursor: string | undefined;
    do {
      const page = await this.get(name, { ...query, ...(cursor && { cursor }) }, options);
      yield page;
      cursor = page.nextCursor;
    } while (cursor !== undefined);
  }

  /**
   * Yields new events, or all events after `lastEventId`. Reconnects automatically and resumes
   * after the last event. Ends when `signal` is aborted or the loop ends.
   *
   * @throws ApiError if the server rejects the request permanently
   */
  stream(
    query: Query<'stream'> = {},
    options: RequestOptions & { lastEventId?: string | undefined } = {},
  ): AsyncGenerator<ServerEvent> {
    return streamEvents(
      this.#options,
      ENDPOINT_PATHS.stream,
      query,
      options,
    ) as AsyncGenerator<ServerEvent>;
  }
}
