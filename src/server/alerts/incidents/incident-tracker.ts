import { withQueryTimeout } from '../../../core/concurrency.ts';
import { MINUTE_MS } from '../../../core/duration.ts';
import { errorMessage } from '../../../core/perfscope-error.ts';
import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import type { DeployStore } from '../deploys/deploy-store.ts';
import type { IncidentAlert } from './incident.ts';
import { IncidentAnalyzer } from './incident-analyzer.ts';
import { loadCurrentIncidentRows, loadServiceRelations } from './incident-queries.ts';
import { IncidentStore, type IncidentStoreOptions } from './incident-store.ts';

export interface IncidentTrackerOptions extends IncidentStoreOptions {
  readonly queryClient: QueryClient;
  readonly deploys: Pick<DeployStore, 'list'>;
  /** Interval at which processes report their health, in ms. */
  readonly healthIntervalMs: number;
}

/** The hosts and queues of services are read again after this time. */
const RELATIONS_REFRESH_MS = MINUTE_MS;
const RELATIONS_TIMEOUT_MS = 2000;

/** Groups alerts into incidents, and finds their causes. No method rejects. */
export class IncidentTracker {
  readonly store: IncidentStore;
  readonly #options: IncidentTrackerOptions;
  readonly #analyzer: IncidentAnalyzer;
  #isRestored = false;
  #relationsMs = Number.NEGATIVE_INFINITY;

  constructor(options: IncidentTrackerOptions) {
    const { queryClient, deploys, healthIntervalMs } = options;
    this.#options = options;
    this.store = new IncidentStore(options);
    const { store: incidents } = this;
    this.#analyzer = new IncidentAnalyzer({ queryClient, incidents, deploys, healthIntervalMs });
  }

  /**
   * Reads the stored incidents once.
   *
   * @returns whether they are known
   */
  async restore(now: number): Promise<boolean> {
    if (this.#isRestored) return true;
    try {
      this.store.restore(await loadCurrentIncidentRows(this.#options.queryClient, now));
      this.#isRestored = true;
    } catch (error) {
      this.#options.log.warn(`The incidents can't be read yet: ${errorMessage(error)}`);
    }
    return this.#isRestored;
  }

  /**
   * Groups the alerts. If an incident is new, waits up to a few seconds for its cause, so that the first message
   * contains the cause.
   *
   * @param alerts all alerts that fire or are acknowledged
   * @param waitingThreads IDs of the incidents for which no message has been sent yet
   */
  async update(
    alerts: readonly IncidentAlert[],
    waitingThreads: ReadonlySet<string>,
    now: number,
  ): Promise<void> {
    const hasNew = alerts.some(({ id }) => this.store.findByAlert(id)?.state !== 'open');
    if (hasNew) await this.#refreshRelations(now);
    this.store.update(alerts, waitingThreads, now);
    if (this.#isRestored) await this.#analyzer.analyze(now);
  }

  /** Returns the ID of the incident in whose thread messages about an alert are sent. */
  getThreadId(alertId: string): string | undefined {
    return this.store.getThreadId(alertId);
  }

  /** Resolves when no incident is being analyzed. */
  whenIdle(): Promise<void> {
    return this.#analyzer.whenIdle();
  }

  async #refreshRelations(now: number): Promise<void> {
    if (!this.#isRestored || Math.abs(now - this.#relationsMs) < RELATIONS_REFRESH_MS) return;
    this.#relationsMs = now;
    const { queryClient } = this.#options;
    // Without the relations, alerts are grouped by their labels only.
    await withQueryTimeout(RELATIONS_TIMEOUT_MS, loadServiceRelations(queryClient, now)).then(
      (relations) => {
        this.store.relations = relations;
      },
      () => {},
    );
  }
}
