import { AlertingClient } from './alerting-client.ts';
import { type ClientOptions, type RequestOptions, sendRequest } from './api-request.ts';
import {
  type ApiResponse,
  ENDPOINT_PATHS,
  type PagedEndpointName,
  type Query,
  type RequestBody,
  type ServerEvent,
  type SimpleEndpointName,
} from './api-types.ts';
import { postJson, sendWithId } from './json-request.ts';
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
export class PerfscopeClient extends AlertingClient {
  /**
   * Creates a client. Sends no request, and never throws.
   *
   * @param options address and key. Default in browsers: the page's origin, without a key.
   */
  constructor(options: ClientOptions = {}) {
    super(options);
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
    const response = await sendRequest(this.options, ENDPOINT_PATHS[name], query, options);
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
    return sendWithId(this.options, 'job', id, query);
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
    return sendWithId(this.options, 'read', id, {}, { method: 'POST' });
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
    return sendWithId(this.options, 'testReceiver', name, {}, { method: 'POST', body });
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
    return postJson(this.options, 'people', body);
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
    return sendWithId(this.options, 'person', name, {}, { method: 'DELETE' });
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
    return postJson(this.options, 'keys', body);
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
    return sendWithId(this.options, 'key', id, {}, { method: 'DELETE' });
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
    const response = await sendRequest(this.options, path, { ...query, format: 'csv' }, options);
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
   * Dismisses a suggestion, for a time or without an end.
   *
   * @example
   * const [first] = (await client.get('suggestions')).suggestions;
   * if (first) await client.dismissSuggestion(first.id, { comment: 'accepted', duration: '30d' });
   * @param id ID of the suggestion
   * @param body reason, and the length of the dismissal. Default: no end.
   * @returns the dismissals of the caller's tenants
   * @throws ApiError if the server returns an error, or the error of `fetch` if the server is unreachable
   */
  dismissSuggestion(
    id: string,
    body: RequestBody<'dismissSuggestion'>,
  ): Promise<ApiResponse<'dismissSuggestion'>> {
    return sendWithId(this.options, 'dismissSuggestion', id, {}, { method: 'POST', body });
  }

  /**
   * Shows a dismissed suggestion again.
   *
   * @example
   * const { dismissals } = await client.get('suggestions', { dismissed: true });
   * for (const { suggestionId } of dismissals) await client.restoreSuggestion(suggestionId);
   * @param id ID of the suggestion
   * @returns the dismissals that ended
   * @throws ApiError if the server returns an error, or the error of `fetch` if the server is unreachable
   */
  restoreSuggestion(id: string): Promise<ApiResponse<'dismissSuggestion'>> {
    return sendWithId(this.options, 'dismissSuggestion', id, {}, { method: 'DELETE' });
  }

  /**
   * Runs EXPLAIN for the statement of a suggestion. The server never executes the statement.
   *
   * @example
   * const { suggestions } = await client.get('suggestions', { kind: ['slow-statement'] });
   * const [first] = suggestions;
   * if (first) console.log((await client.explainSuggestion(first.id)).suggestion.plan);
   * @param id ID of the suggestion
   * @param body database to use. Default: the database that fits the statement.
   * @returns the suggestion with the plan, or the reason why there is none
   * @throws ApiError if the server returns an error, or the error of `fetch` if the server is unreachable
   */
  explainSuggestion(
    id: string,
    body: RequestBody<'explainSuggestion'> = {},
  ): Promise<ApiResponse<'explainSuggestion'>> {
    return sendWithId(this.options, 'explainSuggestion', id, {}, { method: 'POST', body });
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
    const { stream } = ENDPOINT_PATHS;
    return streamEvents(this.options, stream, query, options) as AsyncGenerator<ServerEvent>;
  }
}
