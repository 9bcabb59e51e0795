import { type ClientOptions, type Mutation, sendRequest } from './api-request.ts';
import { type ApiResponse, ENDPOINT_PATHS } from './api-types.ts';

/** The methods of the client for single incidents. */
export class IncidentClient {
  readonly #options: ClientOptions;

  /**
   * Creates the methods. Sends no request, and never throws.
   *
   * @param options address and key. Default in browsers: the page's origin, without a key.
   */
  constructor(options: ClientOptions = {}) {
    this.#options = options;
  }

  /**
   * Returns an incident with its alerts, likely causes, and timeline.
   *
   * @example
   * const [first] = (await client.get('incidents')).incidents;
   * if (first) console.log((await client.incident(first.id)).timeline);
   * @param id ID of the incident
   * @returns the incident and its timeline, oldest entry first
   * @throws ApiError if the server returns an error, or the error of `fetch` if the server is unreachable
   */
  incident(id: string): Promise<ApiResponse<'incident'>> {
    return this.#send('incident', id);
  }

  /**
   * Acknowledges the firing alerts of an incident.
   *
   * @example
   * const [first] = (await client.get('incidents')).incidents;
   * if (first) await client.acknowledgeIncident(first.id, 'I restart the service.');
   * @param id ID of the incident
   * @param comment text for other people
   * @returns the incident, with the acknowledgment
   * @throws ApiError if the server returns an error, or the error of `fetch` if the server is unreachable
   */
  acknowledgeIncident(id: string, comment: string): Promise<ApiResponse<'acknowledgeIncident'>> {
    return this.#send('acknowledgeIncident', id, { method: 'POST', body: { comment } });
  }

  async #send<N extends 'incident' | 'acknowledgeIncident'>(
    name: N,
    id: string,
    mutation?: Mutation,
  ): Promise<ApiResponse<N>> {
    const path = ENDPOINT_PATHS[name].replace(':id', encodeURIComponent(id));
    const response = await sendRequest(this.#options, path, {}, {}, mutation);
    return (await response.json()) as ApiResponse<N>;
  }
}
