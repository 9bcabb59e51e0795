import { type DropReport, shareByOwner } from './fair-shares.ts';

/** The start times with which a new series is stored from its start. */
export interface KnownSince {
  /** Points of all series since this time are known, in ms since the epoch. */
  readonly sinceMs: number;
  /** Latest start of a series that was forgotten. */
  readonly forgottenStartMs: number;
}

/** The part of a mapped series that describes who sends it. */
export interface SeriesSource {
  /** Name of the metric. */
  readonly name: string;
  /** Whether the sender's key sets the organization. Otherwise, an attribute does. */
  readonly hasSenderOrganization: boolean;
  readonly template: {
    readonly organizationId?: string | undefined;
    readonly service?: string | undefined;
  };
}

/** The series of a service of an organization. They share limits and the start times of forgotten series. */
export interface SeriesGroup extends KnownSince {
  readonly organization: string;
  readonly service: string;
  kind: GroupKind;
  sinceMs: number;
  forgottenStartMs: number;
  /** Number of series. */
  series: number;
  /** Number of counts of buckets of all series. */
  counts: number;
  /** Number of series or counts that the group keeps while others are forgotten. */
  share: number;
  /** Number of series that were forgotten because of a limit, since the last report. */
  dropped: number;
  /** Number of new series by metric, since the last report. Undefined before there are any. */
  newSeries: Map<string, number> | undefined;
}

/**
 * - `attribute`: the organization is from an attribute, or there is none.
 * - `key`: the sender's key sets the organization.
 * - `rest`: all services of an organization without a separate group.
 * - `other`: all organizations without a separate group.
 */
export type GroupKind = (typeof GROUP_KINDS)[number];
/** The numbers of the kinds in the data. Never change them. */
export const GROUP_KINDS = ['attribute', 'key', 'rest', 'other'] as const;

/** A sender can invent names, so there are limits. Organizations of keys are always accepted. */
const MAX_ORGANIZATIONS = 1000;
const MAX_SERVICES = 1000;
const MAX_METRICS = 100;
/** Minimum time between two searches for empty groups, in seconds. */
const SEARCH_INTERVAL_SECONDS = 60;

/** The groups of all series. */
export class SeriesGroups {
  #sinceMs: number;
  /** Groups by service, by organization. */
  #organizations = new Map<string, Map<string, SeriesGroup>>();
  readonly #rests = new Map<string, SeriesGroup>();
  readonly #other: SeriesGroup;
  /** Whether there was no room for a group since the last search for empty groups. */
  #isFull = false;
  #nextSearchSeconds = 0;

  constructor(sinceMs: number) {
    this.#sinceMs = sinceMs;
    this.#other = this.#create('', '', 'other');
  }

  get sinceMs(): number {
    return this.#sinceMs;
  }

  set sinceMs(sinceMs: number) {
    this.#sinceMs = sinceMs;
    for (const group of this.list()) group.sinceMs = sinceMs;
  }

  /** Returns the group of a new series. */
  get(source: SeriesSource | undefined): SeriesGroup {
    if (!source) return this.getByName('', '', 'attribute');
    const { organizationId = '', service = '' } = source.template;
    return this.getByName(
      organizationId,
      service,
      source.hasSenderOrganization ? 'key' : 'attribute',
    );
  }

  getByName(organization: string, service: string, kind: GroupKind): SeriesGroup {
    if (kind === 'other') return this.#other;
    let services = this.#organizations.get(organization);
    if (!services) {
      if (kind !== 'key' && this.#organizations.size >= MAX_ORGANIZATIONS) {
        this.#isFull = true;
        return this.#other;
      }
      services = new Map();
      this.#organizations.set(organization, services);
    }
    const known = services.get(service);
    if (known && kind !== 'rest') {
      if (kind === 'key') known.kind = kind;
      return known;
    }
    if (kind === 'rest') return this.#getRest(organization);
    if (services.size >= MAX_SERVICES) {
      this.#isFull = true;
      return this.#getRest(organization);
    }
    const group = this.#create(organization, service, kind);
    services.set(service, group);
    return group;
  }

  #getRest(organization: string): SeriesGroup {
    const known = this.#rests.get(organization);
    if (known) return known;
    const group = this.#create(organization, '', 'rest');
    this.#rests.set(organization, group);
    return group;
  }

  /** A series of a new group can have been in the group for the rest, and be forgotten there. */
  #create(organization: string, service: string, kind: GroupKind): SeriesGroup {
    const rests = kind === 'other' ? [] : [this.#rests.get(organization), this.#other];
    const forgottenStartMs = Math.max(0, ...rests.map((rest) => rest?.forgottenStartMs ?? 0));
    return {
      ...{ organization, service, kind, sinceMs: this.#sinceMs, forgottenStartMs },
      ...{ series: 0, counts: 0, share: 0, dropped: 0, newSeries: undefined },
    };
  }

  *list(): Generator<SeriesGroup> {
    for (const services of this.#organizations.values()) yield* services.values();
    yield* this.#rests.values();
    yield this.#other;
  }

  /** Sets the share of each group. */
  divide(usage: 'series' | 'counts', budget: number): void {
    const shares = shareByOwner([...this.list()], (group) => group[usage], budget);
    for (const [group, share] of shares) group.share = share;
  }

  /**
   * Removes groups without series if there is no room for others. New groups then start with the latest start
   * of a forgotten series. Don't call it while a transaction is open.
   */
  removeEmpty(nowSeconds: number): void {
    if (!this.#isFull || nowSeconds < this.#nextSearchSeconds) return;
    this.#isFull = false;
    this.#nextSearchSeconds = nowSeconds + SEARCH_INTERVAL_SECONDS;
    for (const [organization, services] of this.#organizations) {
      if (services.size < MAX_SERVICES) continue;
      for (const [service, group] of services) {
        if (group.series > 0) continue;
        services.delete(service);
        raise(this.#getRest(organization), group);
      }
    }
    if (this.#organizations.size < MAX_ORGANIZATIONS) return;
    for (const [organization, services] of this.#organizations) {
      const rest = this.#rests.get(organization);
      const groups = [...services.values(), ...(rest ? [rest] : [])];
      if (groups.some(({ series }) => series > 0)) continue;
      for (const group of groups) raise(this.#other, group);
      this.#organizations.delete(organization);
      this.#rests.delete(organization);
    }
  }

  /** Counts the metrics of new series, so that the report can contain the most frequent one. */
  noteNew(group: SeriesGroup, metric: string): void {
    group.newSeries ??= new Map();
    const known = group.newSeries.get(metric);
    if (known !== undefined || group.newSeries.size < MAX_METRICS) {
      group.newSeries.set(metric, (known ?? 0) + 1);
    }
  }

  /** Describes what was forgotten since the last call. Returns undefined if nothing was. */
  takeReport(): DropReport | undefined {
    let most = this.#other;
    for (const group of this.list()) if (group.dropped > most.dropped) most = group;
    const { organization, service, kind, dropped, series, newSeries } = most;
    for (const group of this.list()) {
      group.dropped = 0;
      group.newSeries = undefined;
    }
    if (dropped === 0) return undefined;
    return {
      organization: kind === 'other' ? undefined : organization,
      service: kind === 'other' || kind === 'rest' ? undefined : service,
      ...{ dropped, kept: series, metric: getMostFrequent(newSeries) },
    };
  }
}

function raise(group: SeriesGroup, { forgottenStartMs }: SeriesGroup): void {
  group.forgottenStartMs = Math.max(group.forgottenStartMs, forgottenStartMs);
}

function getMostFrequent(counts: ReadonlyMap<string, number> = new Map()): string | undefined {
  let sum = 0;
  let most: readonly [string | undefined, number] = [undefined, 0];
  for (const entry of counts) {
    sum += entry[1];
    if (entry[1] > most[1]) most = entry;
  }
  return most[1] > sum / 2 ? most[0] : undefined;
}
