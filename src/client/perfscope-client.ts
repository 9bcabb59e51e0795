import {
  type ClientOptions,
  type Mutation,
  type RequestOptions,
  sendRequest,
} from '../agent/http-client/api-request.ts';
import { streamEvents } from '../agent/http-client/server-sent-events.ts';
import {
  type Answer,
  ENDPOINT_PATHS,
  type EndpointName,
  type PagedEndpointName,
  type Query,
  type ServerEvent,
} from './api-types.ts';

/** Endpoints that need nothing but parameters. */
type SimpleEndpointName = Exclude<EndpointName, 'stream' | IdEndpointName>;
/** Endpoints whose path names one thing. */
type IdEndpointName = 'alert' | 'acknowledge' | 'silence' | 'read' | 'person';

/** Asks a Perfscope server. It needs `fetch` only, so it runs in browsers as well. */
export class PerfscopeClient {
  readonly #options: ClientOptions;

  constructor(options: ClientOptions = {}) {
    this.#options = options;
  }

  /**
   * Asks one endpoint.
   *
   * @throws ApiError with the server's code and problem
   */
  async get<N extends SimpleEndpointName>(
    name: N,
    query: Query<N> = {} as Query<N>,
    options: RequestOptions = {},
  ): Promise<Answer<N>> {
    const response = await sendRequest(this.#options, ENDPOINT_PATHS[name], query, options);
    return (await response.json()) as Answer<N>;
  }

  /** One alert with its history. @throws ApiError */
  alert(id: string): Promise<Answer<'alert'>> {
    return this.#of('alert', id);
  }

  /** Takes a firing alert on. @throws ApiError */
  acknowledge(id: string, comment: string): Promise<Answer<'acknowledge'>> {
    return this.#of('acknowledge', id, { method: 'POST', body: { comment } });
  }

  /** Makes a silence; see the API's description for what it has. @throws ApiError */
  async silence(body: object): Promise<Answer<'silences'>> {
    const response = await sendRequest(
      this.#options,
      ENDPOINT_PATHS.silences,
      {},
      {},
      { method: 'POST', body },
    );
    return (await response.json()) as Answer<'silences'>;
  }

  /** Ends a silence now. @throws ApiError */
  endSilence(id: string): Promise<Answer<'silence'>> {
    return this.#of('silence', id, { method: 'DELETE' });
  }

  /** Marks an in-app notification as read, or with `all` every one. @throws ApiError */
  markRead(id: string): Promise<Answer<'read'>> {
    return this.#of('read', id, { method: 'POST' });
  }

  /** Names somebody who can be told, or replaces her; see the API's description. @throws ApiError */
  async setPerson(body: object): Promise<Answer<'people'>> {
    const response = await sendRequest(
      this.#options,
      ENDPOINT_PATHS.people,
      {},
      {},
      { method: 'POST', body },
    );
    return (await response.json()) as Answer<'people'>;
  }

  /** Removes a person that the API has named. @throws ApiError */
  removePerson(name: string): Promise<Answer<'person'>> {
    return this.#of('person', name, { method: 'DELETE' });
  }

  async #of<N extends IdEndpointName>(name: N, id: string, change?: Mutation): Promise<Answer<N>> {
    const path = ENDPOINT_PATHS[name].replace(':id', encodeURIComponent(id));
    const response = await sendRequest(this.#options, path, {}, {}, change);
    return (await response.json()) as Answer<N>;
  }

  /** The same answer as CSV, of endpoints that have a table. */
  async csv<N extends PagedEndpointName | 'trends'>(
    name: N,
    query: Query<N> = {} as Query<N>,
    options: RequestOptions = {},
  ): Promise<string> {
    const response = await sendRequest(
      ...([this.#options, ENDPOINT_PATHS[name], { ...query, format: 'csv' }, options] as const),
    );
    return response.text();
  }

  /** One answer after another, until there are no more. Each is asked for when it is wanted. */
  async *pages<N extends PagedEndpointName>(
    name: N,
    query: Query<N> = {} as Query<N>,
    options: RequestOptions = {},
  ): AsyncGenerator<Answer<N>> {
    let cursor: string | undefined;
    do {
      const answer = await this.get(name, { ...query, ...(cursor && { cursor }) }, options);
      yield answer;
      cursor = answer.nextCursor;
    } while (cursor !== undefined);
  }

  /**
   * What happens from now on, or behind `lastEventId`. It connects again by itself and goes on where it
   * was; it ends when `signal` is aborted or the loop is left.
   *
   * @throws ApiError when the server refuses for good
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
