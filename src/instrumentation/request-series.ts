import type { Attributes } from '@opentelemetry/api';
import { ABORTED, ORGANIZATION, PROPERTY } from '../schema/attributes.ts';
import type { Tenant } from './context.ts';
import type { FastHistogram, Series } from './histograms.ts';
import type { RequestState } from './request-state.ts';
import { MOST_SERIES } from './series.ts';

/** Status of a request that was aborted: it has none. */
export const NO_STATUS = 0;

const METHODS = 'CONNECT DELETE GET HEAD OPTIONS PATCH POST PUT QUERY TRACE _OTHER'.split(' ');
/** Room for a method and a scheme beside a status. */
const PLACES = 2 * METHODS.length;

/**
 * The series that requests are recorded in. A request without a tenant finds its own by comparing
 * numbers: making the text that names a series, and hashing it, would cost more than recording.
 */
export class RequestSeries {
  readonly #histogram: FastHistogram;
  readonly #numbers = new Map(METHODS.map((method, i) => [method, 2 * i]));
  readonly #byRoute = new Map<string | undefined, Map<number, Series>>();
  #remembered = 0;

  constructor(histogram: FastHistogram) {
    this.#histogram = histogram;
  }

  /** @param status of the response, or {@link NO_STATUS} */
  of(state: RequestState, status: number): Series {
    const { tenant, route } = state;
    if (tenant !== undefined) return this.#find(state, status, tenant);
    const method = this.#numbers.get(state.method)!;
    const number = status * PLACES + method + (state.scheme === 'https' ? 1 : 0);
    let known = this.#byRoute.get(route);
    const series = known?.get(number);
    if (series !== undefined) return series;
    const found = this.#find(state, status, NOBODY);
    // As bounded as the series themselves, also where an application makes routes without end.
    if (this.#remembered < MOST_SERIES) {
      this.#remembered += 1;
      if (known === undefined) {
        known = new Map();
        this.#byRoute.set(route, known);
      }
      known.set(number, found);
    }
    return found;
  }

  #find({ method, scheme, route }: RequestState, status: number, tenant: Tenant): Series {
    const { organizationId = '', propertyId = '' } = tenant;
    const key = `${status} ${method} ${scheme} ${route}\n${organizationId}\n${propertyId}`;
    const kept = status === NO_STATUS ? ABORTION : status >= 500 ? failure(status) : NOTHING;
    const make = (): Attributes => ({
      'http.request.method': method,
      'url.scheme': scheme,
      ...(route !== undefined && { 'http.route': route }),
      ...(status !== NO_STATUS && { 'http.response.status_code': status }),
      ...(organizationId && { [ORGANIZATION]: organizationId }),
      ...(propertyId && { [PROPERTY]: propertyId }),
      ...kept,
    });
    return this.#histogram.series(key, make, kept);
  }
}

const NOBODY: Tenant = {};
const NOTHING: Attributes = {};
const ABORTION: Attributes = { [ABORTED]: true };

function failure(status: number): Attributes {
  return { 'error.type': String(status) };
}
