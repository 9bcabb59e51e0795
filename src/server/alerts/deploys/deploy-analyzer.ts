import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../core/duration.ts';
import type { Logger } from '../../../core/log.ts';
import { errorMessage } from '../../../core/perfscope-error.ts';
import type { DeploySource } from '../../../core/schema/tables/deploys-table.ts';
import { DEPLOY_LOOKS, findDueLook, LAST_LOOK_MS } from '../../../core/statistics/deploy-looks.ts';
import { isShareStatistic } from '../../../core/statistics/sample-estimates.ts';
import { UNRESTRICTED_SCOPE } from '../../../core/tenant-scope.ts';
import { queryVersionRuns } from '../../../storage/queries/version-runs.ts';
import type { ScanClient } from '../../../storage/questdb/query-client.ts';
import type { Observation } from '../evaluation/observation.ts';
import { compareVersions } from './compare-versions.ts';
import type { Deploy } from './deploy.ts';
import type { DeployStore } from './deploy-store.ts';
import { detectVersions, isVersionGone, type SeenVersions } from './detect-versions.ts';
import { type Finding, formatFinding, selectHeadlines, toSeriesKey } from './finding.ts';
import { loadDeployHistograms } from './load-deploy-histograms.ts';
import { observeDeploys } from './observe-deploys.ts';

/** Rows from this time before the last read are read again, because rows arrive late. */
const OVERLAP_MS = 2 * MINUTE_MS;
/** The first read goes back this far, so that the previous versions are known. */
const HISTORY_MS = DAY_MS;
/** Time for which a regression is checked and stays an alert. Then, it is the new normal. */
const CHECKED_MS = DAY_MS;
/** Time between two checks of a confirmed regression after the last look. */
const RECHECK_MS = 10 * MINUTE_MS;
/** Length of the period that a check compares with the time before the deploy. */
const RECHECK_WINDOW_MS = 30 * MINUTE_MS;
const MINIMUM_PAUSE_MS = 10_000;
/** A look that is later than this share of its time is skipped, for example after an outage. */
const MAX_LOOK_DELAY = 0.5;
const MAX_CHANGES = 100;

export interface DeployAnalyzerOptions {
  readonly queryClient: ScanClient;
  readonly store: DeployStore;
  readonly log: Logger;
}

/** Detects new versions, compares them with the previous versions, and keeps the findings. */
export class DeployAnalyzer {
  readonly #options: DeployAnalyzerOptions;
  #seen: SeenVersions = new Map();
  #readUntilMs: number | undefined;
  #running: Promise<void> | undefined;
  #ranMs = Number.NEGATIVE_INFINITY;
  readonly #recheckedMs = new Map<string, number>();

  constructor(options: DeployAnalyzerOptions) {
    this.#options = options;
  }

  /**
   * Detects deploys, runs the comparisons that are due, and returns the observations of an alert rule.
   *
   * @throws PS_UNAVAILABLE if QuestDB is unreachable
   */
  async query(metric: 'duration' | 'errors', now: number): Promise<Observation[]> {
    await this.run(now);
    return observeDeploys(this.#options.store.recent, metric, now);
  }

  /**
   * Detects deploys, and runs the comparisons that are due. Does nothing if it ran within 10 s. Callers share a run in
   * progress.
   *
   * @throws PS_UNAVAILABLE if QuestDB is unreachable
   */
  async run(now: number): Promise<void> {
    if (!this.#running && Math.abs(now - this.#ranMs) < MINIMUM_PAUSE_MS) return;
    this.#running ??= this.#analyze(now).finally(() => {
      this.#running = undefined;
    });
    await this.#running;
    this.#ranMs = now;
  }

  async #analyze(now: number): Promise<void> {
    const { store } = this.#options;
    await store.refresh(now);
    await this.#detect(now);
    for (const deploy of store.recent) {
      if (deploy.startsMs < now - CHECKED_MS || deploy.startsMs > now) continue;
      if (await this.#closeIfGone(deploy, now)) continue;
      await this.#lookIfDue(deploy, now);
      await this.#recheckIfDue(deploy, now);
    }
    await store.flush();
  }

  async #detect(now: number): Promise<void> {
    const { queryClient, store } = this.#options;
    const until = this.#readUntilMs;
    // After a jump of the clock, the history is read again.
    const isContinuous = until !== undefined && until <= now && now - until < HOUR_MS;
    const fromMs = isContinuous ? until - OVERLAP_MS : now - HISTORY_MS;
    const query = { scope: UNRESTRICTED_SCOPE, range: { fromMs, toMs: now } };
    const runs = await queryVersionRuns(queryClient, query);
    const { seen, deploys } = detectVersions(isContinuous ? this.#seen : new Map(), runs, now);
    this.#seen = seen;
    this.#readUntilMs = now;
    for (const deploy of deploys) store.report({ ...deploy, source: 'detected' }, now);
  }

  async #closeIfGone(deploy: Deploy, now: number): Promise<boolean> {
    const { store } = this.#options;
    if (deploy.endedMs !== undefined) return true;
    if (!isVersionGone(this.#seen, deploy, deploy.version)) return false;
    if (deploy.look > 0 || deploy.sources.includes('detected')) {
      this.#end(store, deploy, `version ${deploy.version} has stopped`, now);
    }
    return true;
  }

  #end(store: DeployStore, deploy: Deploy, endReason: string, now: number): void {
    store.save({ ...deploy, seq: deploy.seq + 1, endedMs: now, endReason }, getSource(deploy), now);
  }

  /** Runs the newest look that is due. Looks that were missed are skipped. */
  async #lookIfDue(deploy: Deploy, now: number): Promise<void> {
    const { queryClient, store, log } = this.#options;
    const index = findDueLook(now - deploy.startsMs);
    const look = DEPLOY_LOOKS[index];
    if (!look || index + 1 <= deploy.look) return;
    const endMs = deploy.startsMs + (1 + MAX_LOOK_DELAY) * look.afterMs;
    try {
      const histograms = await loadDeployHistograms(queryClient, deploy, Math.min(now, endMs));
      const compared = compareVersions(histograms, look.alpha);
      const findings = compared.findings.map((finding) => ({ ...finding, look: index + 1 }));
      const { comparedSeries } = compared;
      const confirmed = keepConfirmed(deploy.findings, findings);
      const changes = JSON.stringify(selectChanges(findings));
      const { version } = deploy;
      const next = { ...deploy, seq: deploy.seq + 1, look: index + 1, comparedSeries };
      store.save({ ...next, findings: confirmed }, getSource(deploy), now, changes);
      const known = new Set(deploy.findings.map((finding) => formatFinding(version, finding)));
      for (const finding of selectHeadlines(confirmed)) {
        const text = formatFinding(version, finding);
        if (!known.has(text)) log.info(`deploy of ${deploy.service}: ${text}`);
      }
    } catch (error) {
      log.warn(
        `Failed to compare ${deploy.version} of ${deploy.service} with the version before: ${errorMessage(error)}`,
      );
    }
  }

  /** Ends regressions that no longer exist. */
  async #recheckIfDue(deploy: Deploy, now: number): Promise<void> {
    const { queryClient, store, log } = this.#options;
    const regressions = deploy.findings.filter(({ verdict }) => verdict === 'regression');
    const isRecent = now - deploy.startsMs < LAST_LOOK_MS / 2;
    const isDue = now - (this.#recheckedMs.get(deploy.id) ?? 0) >= RECHECK_MS;
    if (regressions.length === 0 || isRecent || !isDue) return;
    this.#recheckedMs.set(deploy.id, now);
    try {
      const recent = await loadDeployHistograms(queryClient, deploy, now, now - RECHECK_WINDOW_MS);
      const { findings } = compareVersions(recent, DEPLOY_LOOKS.at(-1)!.alpha);
      if (regressions.every((regression) => hasEnded(regression, findings))) {
        this.#end(store, deploy, 'the values are back to normal', now);
      }
    } catch (error) {
      log.warn(`Failed to check the deploy of ${deploy.service}: ${errorMessage(error)}`);
    }
  }
}

/** Rows with results don't add a source: a recorded deploy of a service without versions isn't detected. */
function getSource({ sources }: Deploy): DeploySource {
  return sources.includes('detected') ? 'detected' : 'recorded';
}

/** Findings that were confirmed once stay, with their values. */
function keepConfirmed(known: readonly Finding[], found: readonly Finding[]): Finding[] {
  const toKey = (finding: Finding) => `${toSeriesKey(finding)} ${finding.statistic}`;
  const keys = new Set(known.map(toKey));
  const added = found.filter(
    (finding) => finding.verdict !== 'unchanged' && !keys.has(toKey(finding)),
  );
  return [...known, ...added].slice(0, MAX_CHANGES);
}

/** Returns confirmed changes first, then the 95th percentiles and error rates. */
function selectChanges(findings: readonly Finding[]): Finding[] {
  const confirmed = findings.filter(({ verdict }) => verdict !== 'unchanged');
  const others = findings.filter(
    ({ verdict, statistic }) =>
      verdict === 'unchanged' && (statistic === 'p95' || statistic === 'errorRate'),
  );
  return [...confirmed, ...others].slice(0, MAX_CHANGES);
}

/** A regression has ended if less than half of it remains. Without data, it continues. */
function hasEnded(regression: Finding, found: readonly Finding[]): boolean {
  const key = toSeriesKey(regression);
  const current = found.find(
    (other) => toSeriesKey(other) === key && other.statistic === regression.statistic,
  );
  if (!current) return false;
  const change = isShareStatistic(regression.statistic)
    ? current.after - regression.before
    : current.after / regression.before - 1;
  return change < regression.change / 2;
}
