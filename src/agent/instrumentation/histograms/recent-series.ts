import {
  ATTR_METRIC_OVERFLOW,
  ATTR_ORGANIZATION_ID,
  ATTR_PROPERTY_ID,
} from '../../attribute-keys.ts';
import type { Tenant } from '../context/tenant-context.ts';
import { ExistingObject } from '../loading/hidden-property.ts';
import type { HistogramSeries, KeyedHistogram } from './keyed-histogram.ts';

/** What identifies a series among the series of its owner. */
export interface SeriesIdentity {
  readonly histogram: KeyedHistogram;
  readonly tenant: Tenant | undefined;
  /** Such as the method, or the name of the database. */
  readonly name: string;
  readonly template?: string | undefined;
  readonly status?: number | undefined;
}

/**
 * Stores the most recent series of an owner, such as a statement or a host, on the owner. Most values of an owner belong
 * to the same series, and building and hashing a key takes longer than recording a value.
 */
export class RecentSeries extends ExistingObject {
  #histogram: KeyedHistogram;
  #name: string;
  #status: number | undefined;
  #series: HistogramSeries;
  #template: string | undefined;
  #organizationId: string | undefined;
  #propertyId: string | undefined;

  private constructor(owner: object, identity: SeriesIdentity, series: HistogramSeries) {
    super(owner);
    this.#histogram = identity.histogram;
    this.#name = identity.name;
    this.#status = identity.status;
    this.#series = series;
    this.#storeTexts(series);
  }

  /** The texts of the attributes are copies. The texts of a call can be parts of long texts, which would stay in memory. */
  #storeTexts({ attributes }: HistogramSeries): void {
    this.#template = (attributes['url.template'] ?? attributes['rpc.method']) as string | undefined;
    this.#organizationId = attributes[ATTR_ORGANIZATION_ID] as string | undefined;
    this.#propertyId = attributes[ATTR_PROPERTY_ID] as string | undefined;
  }

  /** Returns the most recent series of an owner if it has this identity. */
  static get(owner: object, identity: SeriesIdentity): HistogramSeries | undefined {
    if (!(#series in owner)) return undefined;
    const { tenant } = identity;
    return owner.#histogram === identity.histogram &&
      owner.#name === identity.name &&
      owner.#template === identity.template &&
      owner.#status === identity.status &&
      owner.#organizationId === tenant?.organizationId &&
      owner.#propertyId === tenant?.propertyId
      ? owner.#series
      : undefined;
  }

  /** A combined series isn't stored, because each of its values is counted as an overflow. */
  static set(owner: object, identity: SeriesIdentity, series: HistogramSeries): void {
    if (series.attributes[ATTR_METRIC_OVERFLOW] === true) return;
    if (!(#series in owner)) {
      new RecentSeries(owner, identity, series);
      return;
    }
    owner.#histogram = identity.histogram;
    owner.#name = identity.name;
    owner.#status = identity.status;
    owner.#series = series;
    owner.#storeTexts(series);
  }
}
