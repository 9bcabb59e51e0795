import { EventFeed } from '../../../core/event-feed.ts';
import { startTask } from '../../../core/guard.ts';
import type { Logger } from '../../../core/log.ts';
import type { AddRows } from '../../../core/schema/table-registry.ts';
import type { IncidentRow } from '../../../core/schema/tables/incidents-table.ts';
import { NO_RELATIONS, type ServiceRelations } from './alert-subjects.ts';
import {
  compareByStart,
  type Incident,
  type IncidentAlert,
  type IncidentFindings,
  type IncidentMember,
} from './incident.ts';
import { getIncidentTitle, parseIncidentRow, toIncidentRow } from './incident-rows.ts';
import { toNextVersion, updateIncidents } from './update-incidents.ts';

export interface IncidentStoreOptions {
  readonly add: AddRows;
  /** Sends the added rows. */
  readonly flush: () => Promise<void>;
  readonly log: Logger;
}

/** The incidents that are open or ended within a day. Writes a row for each change. */
export class IncidentStore {
  readonly #options: IncidentStoreOptions;
  readonly #feed = new EventFeed<Incident>();
  #incidents: readonly Incident[] = [];
  /** Newest incident of each alert, by alert ID. */
  #byAlert: ReadonlyMap<string, Incident> = new Map();
  relations: ServiceRelations = NO_RELATIONS;

  constructor(options: IncidentStoreOptions) {
    this.#options = options;
  }

  /** Lists the incidents that are open or ended within a day, sorted by start. */
  get all(): readonly Incident[] {
    return this.#incidents;
  }

  find(id: string): Incident | undefined {
    return this.#incidents.find((incident) => incident.id === id);
  }

  /** Returns the incident that contains an alert. Merged incidents are replaced by the incident they became a part of. */
  findByAlert(alertId: string): Incident | undefined {
    return this.#byAlert.get(alertId);
  }

  /** Returns the ID of the incident in whose thread messages about an alert are sent. */
  getThreadId(alertId: string): string | undefined {
    return this.findByAlert(alertId)?.members.find(({ id }) => id === alertId)?.threadId;
  }

  /** Adds stored incidents. The newest version of each incident wins. */
  restore(rows: readonly IncidentRow[]): void {
    const newest = new Map(this.#incidents.map((each) => [each.id, each]));
    for (const row of rows) {
      const incident = parseIncidentRow(row);
      if (incident && incident.seq >= (newest.get(incident.id)?.seq ?? 0))
        newest.set(incident.id, incident);
    }
    // An alert that started an incident before the stored incidents were read stays in its stored incident.
    const stored = new Set(
      rows.flatMap((row) => parseIncidentRow(row)?.members.map(({ id }) => id) ?? []),
    );
    const isDuplicate = (incident: Incident) =>
      !rows.some(({ id }) => id === incident.id) &&
      incident.members.every(({ id }) => stored.has(id));
    this.#set([...newest.values()].filter((incident) => !isDuplicate(incident)));
  }

  /**
   * Groups the active alerts.
   *
   * @param alerts all alerts that fire or are acknowledged
   * @param waitingThreads IDs of threads for which no message has been sent yet
   * @returns the incidents that changed
   */
  update(
    alerts: readonly IncidentAlert[],
    waitingThreads: ReadonlySet<string>,
    now: number,
  ): readonly Incident[] {
    const { relations } = this;
    const context = { relations, waitingThreads };
    const { incidents, changed } = updateIncidents(this.#incidents, alerts, context, now);
    if (changed.length === 0 && incidents.length === this.#incidents.length) return [];
    const before = new Map(this.#incidents.map((each) => [each.id, each]));
    this.#set(incidents);
    for (const incident of changed) this.#record(incident, before.get(incident.id));
    return changed;
  }

  /** Stores the causes and the affected tenants. Writes a row only if they changed. */
  addFindings(id: string, findings: IncidentFindings, now: number): void {
    const incident = this.find(id);
    const { causes, causesByTenant, tenants } = findings;
    const isUnchanged =
      incident &&
      JSON.stringify([incident.causes, incident.causesByTenant, incident.tenants]) ===
        JSON.stringify([causes, causesByTenant, tenants]);
    if (!incident || isUnchanged) return;
    this.#replace({ ...incident, ...findings }, now);
  }

  /**
   * Marks alerts of an incident as acknowledged.
   *
   * @param by the author and the comment, if everyone who sees the incident can read them
   */
  acknowledge(
    id: string,
    alertIds: ReadonlySet<string>,
    by: { author: string; comment: string } | undefined,
    now: number,
  ): void {
    const incident = this.find(id);
    if (!incident) return;
    const members = incident.members.map(
      (member): IncidentMember =>
        alertIds.has(member.id) ? { ...member, state: 'acknowledged' } : member,
    );
    this.#replace({ ...incident, ...by, members }, now);
  }

  /**
   * Calls `listener` with the buffered changes after `position`, then with each new change.
   *
   * @returns a function that ends the subscription
   */
  subscribe(
    position: string | undefined,
    listener: (incident: Incident, position: string) => void,
  ): () => void {
    return this.#feed.subscribe(position, listener);
  }

  #replace(changed: Incident, now: number): void {
    const next = toNextVersion(changed, now);
    const before = this.find(changed.id);
    this.#set([...this.#incidents.filter(({ id }) => id !== changed.id), next]);
    this.#record(next, before);
  }

  #set(incidents: readonly Incident[]): void {
    this.#incidents = incidents.toSorted(compareByStart);
    const byAlert = new Map<string, Incident>();
    for (const incident of this.#incidents) {
      for (const { id } of incident.members) {
        if (incident.state !== 'merged' || !byAlert.has(id)) byAlert.set(id, incident);
      }
    }
    this.#byAlert = byAlert;
  }

  #record(incident: Incident, before: Incident | undefined): void {
    const { add, flush, log } = this.#options;
    add('incidents', [toIncidentRow(incident)]);
    startTask('the storage of incidents', () => flush().catch(() => {}));
    if (before?.state !== incident.state) log.info(formatChange(incident));
    this.#feed.publish(incident);
  }
}

/** Formats a log line: `incident 5f0c OPEN: 3 alerts, error-rate is 12 %`. */
function formatChange(incident: Incident): string {
  const { id, state, members, mergedInto } = incident;
  const target = mergedInto === undefined ? '' : ` into ${mergedInto}`;
  const count = `${members.length} ${members.length === 1 ? 'alert' : 'alerts'}`;
  return `incident ${id} ${state.toUpperCase()}${target}: ${count}, ${getIncidentTitle(incident)}`;
}
