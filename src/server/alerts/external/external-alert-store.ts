import { isExternalRule } from '../../../core/alerts/external-alert.ts';
import type { Logger } from '../../../core/log.ts';
import { createError } from '../../../core/perfscope-error.ts';
import type { AlertStateStore } from '../state/alert-state-store.ts';
import { applyPostedAlert, expireExternalAlert, toPostedKey } from './external-alert-state.ts';
import type { PostedAlert } from './parse-posted-alerts.ts';

/** Limits on active external alerts. */
export interface ExternalAlertLimits {
  /** For one organization, and for all alerts without an organization together. */
  readonly perOrganization: number;
  readonly perServer: number;
}

const DEFAULT_LIMITS: ExternalAlertLimits = { perOrganization: 1000, perServer: 10_000 };
const WARNING_INTERVAL_MS = 60_000;

export interface ExternalAlertStoreOptions {
  readonly alertStates: AlertStateStore;
  /** Returns whether the stored alerts have been read. */
  readonly isRestored: () => boolean;
  readonly now: () => number;
  readonly log: Logger;
  readonly limits?: ExternalAlertLimits;
}

/** Keeps the alerts that other systems, such as Prometheus, send to `/api/v2/alerts`. */
export class ExternalAlertStore {
  readonly #options: ExternalAlertStoreOptions;
  readonly #limits: ExternalAlertLimits;
  #warnedMs = Number.NEGATIVE_INFINITY;

  constructor(options: ExternalAlertStoreOptions) {
    this.#options = options;
    this.#limits = options.limits ?? DEFAULT_LIMITS;
  }

  /**
   * Applies posted alerts in their order.
   *
   * @throws PS_UNAVAILABLE until the stored alerts have been read
   * @throws PS_QUOTA_REACHED if a new alert exceeds a limit. All other alerts have been applied.
   */
  receive(alerts: readonly PostedAlert[]): void {
    const { alertStates, isRestored, now } = this.#options;
    if (!isRestored()) {
      throw createError('PS_UNAVAILABLE', { reason: 'the stored alerts have not been read yet' });
    }
    const nowMs = now();
    const counts = this.#countActive();
    let exceeded: { limit: number; per: string } | undefined;
    for (const posted of alerts) {
      const key = toPostedKey(posted);
      const tenant = posted.labels.organization ?? '';
      const isKnown = alertStates.hasGroup(posted.rule, key);
      const reached = isKnown ? undefined : this.#findReachedLimit(counts, tenant);
      if (reached) {
        exceeded = reached;
        continue;
      }
      alertStates.updateGroup(posted.rule, key, (state) => applyPostedAlert(state, posted, nowMs));
      if (!isKnown && alertStates.hasGroup(posted.rule, key)) {
        counts.set(tenant, (counts.get(tenant) ?? 0) + 1);
      }
    }
    if (exceeded) this.#reject(exceeded, nowMs);
  }

  /** Resolves the alerts that their senders stopped refreshing. */
  expire(nowMs: number): void {
    const { alertStates } = this.#options;
    for (const rule of alertStates.ruleNames.filter(isExternalRule)) {
      for (const key of alertStates.listGroupKeys(rule)) {
        alertStates.updateGroup(rule, key, (state) => state && expireExternalAlert(state, nowMs));
      }
    }
  }

  /** Counts the active alerts of each organization. Alerts without an organization have the key ''. */
  #countActive(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const { transition } of this.#options.alertStates.listLive()) {
      if (!isExternalRule(transition.rule)) continue;
      const tenant = transition.organizationId ?? '';
      counts.set(tenant, (counts.get(tenant) ?? 0) + 1);
    }
    return counts;
  }

  #findReachedLimit(counts: ReadonlyMap<string, number>, tenant: string) {
    const { perOrganization, perServer } = this.#limits;
    if ((counts.get(tenant) ?? 0) >= perOrganization) {
      return { limit: perOrganization, per: 'organization' };
    }
    const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
    return total >= perServer ? { limit: perServer, per: 'server' } : undefined;
  }

  #reject({ limit, per }: { limit: number; per: string }, nowMs: number): never {
    const error = createError('PS_QUOTA_REACHED', {
      ...{ limit, per, what: 'active external alerts' },
      action: 'Send fewer alerts',
    });
    if (nowMs - this.#warnedMs >= WARNING_INTERVAL_MS) {
      this.#warnedMs = nowMs;
      this.#options.log.warn(error.message);
    }
    throw error;
  }
}
