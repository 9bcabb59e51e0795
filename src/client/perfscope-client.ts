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
  type PagedEndpointName,
  type Query,
  type RequestBody,
  type ServerEvent,
  type SimpleEndpointName,
} from './api-types.ts';
import { IncidentClient } from './incident-client.ts';
import { streamEvents } from './server-sent-events.ts';

/**
 * Client for the API of a Perfscope server. Its methods reject with an `ApiError` if the server returns an error, and with
 * the error of `fetch` if the server is unreachable.
 *
 * @example
 * import { PerfscopeClient } from '@perfscope/agent/client';
 *
 * const key = process.env.PERFORMANCE_API_KEY ?? '';
 * const client = new PerfscopeClient({ url: 'http://127.0.0.1:4001', key });
 * const { endpoints } = await client.get('endpoints', { last: '1h', sort: 'p95' });
 * console.log(endpoints.length);
 */
export class PerfscopeClient extends IncidentClient {
  readonly #options: ClientOptions;

  /**
   * Creates a client. Sends no request, and never throws.
   *
   * @param options address and key. Default in browsers: the page's origin, without a key.
   */
  constructor(options: ClientOptions = {}) {
    super(options);
    this.#options = options;
  }

  /**
   * Sends a GET request to an endpoint.
   *
   * @example
   * const { api } = await client.get('dashboard', { last: '1h', service: ['booking'] });
   * console.log(api.p95);
   * @typeParam N name of the endpoint
   * @param name name of the endpoint, such as `dashboard`
   * @param query query parameters. Default: none.
   * @param options `signal` cancels the request. Default: none.
   * @returns the response. Times in it are in ms.
   * @throws ApiError if the server returns an error, or the error of `fetch` if the server is unreachable
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
   * @example
   * const { jobs } = await client.job('42', { last: '1h' });
   * console.log(jobs.length);
   * @param id ID of the job
   * @param query query parameters, such as the time range. Default: none.
   * @returns the jobs with their state changes. Durations are in ms.
   * @throws ApiError if the server returns an error, or the error of `fetch` if the server is unreachable
   */
  job(id: string, query: Query<'job'> = {}): Promise<ApiResponse<'job'>> {
    return this.#sendWithId('job', id, query);
  }

  /**
   * Returns an alert with its history.
   *
   * @example
   * const [first] = (await client.get('alerts')).alerts;
   * if (first) console.log(await client.alert(first.id));
   * @param id ID of the alert
   * @returns the alert and its history
   * @throws ApiError if the server returns an error, or the error of `fetch` if the server is unreachable
   */
  alert(id: string): Promise<ApiResponse<'alert'>> {
    return this.#sendWithId('alert', id);
  }

  /**
   * Returns the value of an alert over time.
   *
   * @example
   * const [first] = (await client.get('alerts')).alerts;
   * if (first) console.log(await client.alertSeries(first.id, { last: '1h' }));
   * @param id ID of the alert
   * @param query query parameters, such as the time range. Default: none.
   * @returns the values, in the unit of the alert's metric
   * @throws ApiError if the server returns an error, or the error of `fetch` if the server is unreachable
   */
  alertSeries(id: string, query: Query<'alertSeries'> = {}): Promise<ApiResponse<'alertSeries'>> {
    return this.#sendWithId('alertSeries', id, query);
  }

  /**
   * Returns an alert rule.
   *
   * @example
   * const { rule } = await client.rule('HighErrorRate');
   * console.log(rule);
   * @param name name of the rule
   * @returns the rule
   * @throws ApiError if the server returns an error, or the error of `fetch` if the server is unreachable
   */
  rule(name: string): Promise<ApiResponse<'rule'>> {
    return this.#sendWithId('rule', name);
  }

  /**
   * Acknowledges a firing alert.
   *
   * @example
   * const [first] = (await client.get('alerts')).alerts;
   * if (first) await client.acknowledge(first.id, 'I restart the service.');
   * @param id ID of the alert
   * @param comment text for other people
   * @returns the alert, with the acknowledgment
   * @throws ApiError if the server returns an error, or the error of `fetch` if the server is unreachable
   */
  acknowledge(id: string, comment: string): Promise<ApiResponse<'acknowledge'>> {
    return this.#sendWithId('acknowledge', id, {}, { method: 'POST', body: { comment } });
  }

  /**
   * Creates a silence.
   *
   * @example
   * await client.silence({
   *   matchers: ['service="booking"'],
   *   duration: '2h',
   *   comment: 'maintenance',
   * });
   * @param body matchers, times, and comment
   * @returns all silences
   * @throws ApiError if the server returns an error, or the error of `fetch` if the server is unreachable
   */
  silence(body: RequestBody<'silences'>): Promise<ApiResponse<'silences'>> {
    return this.#post('silences', body);
  }

  /**
   * Ends a silence immediately.
   *
   * @example
   * const [first] = (await client.get('silences')).silences;
   * if (first) await client.endSilence(first.id);
   * @param id ID of the silence
   * @returns all silences
   * @throws ApiError if the server returns an error, or the error of `fetch` if the server is unreachable
   */
  endSilence(id: string): Promise<ApiResponse<'silence'>> {
    return this.#sendWithId('silence', id, {}, { method: 'DELETE' });
  }

  /**
   * Marks an in-app notification as read, or all of them if `id` is `all`.
   *
   * @example
   * await client.markRead('all');
   * @param id ID of the notification, or `all`
   * @returns the numbers of notifications that were read and that are unread
   * @throws ApiError if the server returns an error, or the error of `fetch` if the server is unreachable
   */
  markRead(id: string): Promise<ApiResponse<'read'>> {
    return this.#sendWithId('read', id, {}, { method: 'POST' });
  }

  /**
   * Sends a sample alert through each channel of a receiver.
   *
   * @example
   * const { results } = await client.testReceiver('on-call');
   * console.log(results);
   * @param name name of the receiver
   * @param body tenant of the sample alert. Default: no tenant.
   * @returns the result of each channel
   * @throws ApiError if the server returns an error, or the error of `fetch` if the server is unreachable
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
   * @example
   * await client.setPerson({ name: 'anna', role: 'ADMIN', email: 'anna@hotel.example' });
   * @param body the person. An existing person with the same name is replaced.
   * @returns all people, with masked addresses
   * @throws ApiError if the server returns an error, or the error of `fetch` if the server is unreachable
   */
  setPerson(body: RequestBody<'people'>): Promise<ApiResponse<'people'>> {
    return this.#post('people', body);
  }

  /**
   * Deletes a person that was added through the API.
   *
   * @example
   * await client.removePerson('anna');
   * @param name name of the person
   * @returns the remaining people
   * @throws ApiError if the server returns an error, or the error of `fetch` if the server is unreachable
   */
  removePerson(name: string): Promise<ApiResponse<'person'>> {
    return this.#sendWithId('person', name, {}, { method: 'DELETE' });
  }

  /**
   * Creates an API key. Only this response contains the text of the key.
   *
   * @example
   * const created = await client.createKey({ name: 'grafana', role: 'VIEWER', organizationId: 'hotels' });
   * console.log(created);
   * @param body name, role, tenant, and expiry of the key
   * @returns all keys, with the text of the new key
   * @throws ApiError if the server returns an error, or the error of `fetch` if the server is unreachable
   */
  createKey(body: RequestBody<'keys'>): Promise<ApiResponse<'keys'>> {
    return this.#post('keys', body);
  }

  /**
   * Revokes an API key.
   *
   * @example
   * const [first] = (await client.get('keys')).keys;
   * if (first) await client.revokeKey(first.id);
   * @param id ID of the key
   * @returns all keys
   * @throws ApiError if the server returns an error, or the error of `fetch` if the server is unreachable
   */
  revokeKey(id: string): Promise<ApiResponse<'key'>> {
    return this.#sendWithId('key', id, {}, { method: 'DELETE' });
  }

  async #post<N extends 'silences' | 'people' | 'keys'>(
    name: N,
    body: RequestBody<N>,
  ): Promise<ApiResponse<N>> {
    const mutation = { method: 'POST', body } as const;
    const response = await sendRequest(this.#options, ENDPOINT_PATHS[name], {}, {}, mutation);
    return (await response.json()) as ApiResponse<N>;
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
   * Returns the response of an endpoint as CSV.
   *
   * @example
   * const text = await client.csv('endpoints', { last: '1h' });
   * console.log(text);
   * @typeParam N name of the endpoint
   * @param name name of an endpoint with a paginated response, or `trends`
   * @param query query parameters. Default: none.
   * @param options `signal` cancels the request. Default: none.
   * @returns the text, with a header line
   * @throws ApiError if the server returns an error, or the error of `fetch` if the server is unreachable
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
   * @example
   * for await (const page of client.pages('errors', { last: '1h' })) console.log(page.errors.length);
   * @typeParam N name of the endpoint
   * @param name name of an endpoint with a paginated response
   * @param query query parameters. Default: none.
   * @param options `signal` cancels the request. Default: none.
   * @returns the pages, in order
   * @throws ApiError if the server returns an error, or the error of `fetch` if the server is unreachable
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
   * @example
   * for await (const event of client.stream()) {
   *   if (event.type === 'alert') console.log(event.data);
   * }
   * @param query query parameters. Default: none.
   * @param options `signal` ends the stream. `lastEventId` is the ID of the last event that was received. Default: none.
   * @returns the events. If the server is unreachable, the client tries again after 1 s to 30 s.
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
