import {
  ATTR_DISTRO_NAME,
  ATTR_DISTRO_VERSION,
  DISTRO_NAME,
  SPOOL_SIZE_METRIC,
} from '../../agent/attribute-keys.ts';
import { MINUTE_MS } from '../../core/duration.ts';
import { startTask } from '../../core/guard.ts';
import { startInterval } from '../../core/guarded-timers.ts';
import type { Logger } from '../../core/log.ts';
import { createError } from '../../core/perfscope-error.ts';
import { PerformanceMetricType } from '../../core/schema/enums.ts';
import { UNRESTRICTED_SCOPE } from '../../core/tenant-scope.ts';
import { VERSION } from '../../core/version.ts';
import { areVersionsCompatible } from '../../core/version-compatibility.ts';
import type { ReadRows } from '../../storage/questdb/postgres-wire-reader.ts';
import { fromTable, sql } from '../../storage/sql/sql-builder.ts';

/** What fails, for {@link startTask}. */
const PART = 'the check of agent versions';
const CHECK_INTERVAL_MS = MINUTE_MS;
/** Longer than the check interval, because rows can arrive late. */
const LOOKBACK_MS = 5 * MINUTE_MS;
/** Limits the memory and the log lines that callers with many versions can cause. */
const MAX_REPORTED = 1000;
const MAX_SERVICE_LENGTH = 128;

export interface AgentVersionMonitorOptions {
  readonly read: ReadRows;
  readonly log: Logger;
  /** URL of the agent that this server offers. Undefined if it offers none. */
  readonly agentUrl: () => string | undefined;
}

/**
 * Logs each service whose agent is incompatible with this server, once for each version. The versions
 * are attributes of a metric that every agent exports.
 */
export class AgentVersionMonitor {
  readonly #options: AgentVersionMonitorOptions;
  readonly #reported = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;

  constructor(options: AgentVersionMonitorOptions) {
    this.#options = options;
  }

  start(): void {
    startTask(PART, () => this.check());
    this.#timer ??= startInterval(PART, () => this.check(), CHECK_INTERVAL_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
  }

  /** Checks the agents that exported metrics in the last minutes. Never rejects. */
  check(nowMs: number = Date.now()): Promise<void> {
    this.#running ??= this.#checkStoredVersions(nowMs)
      // If QuestDB is unreachable, the next check finds the versions.
      .catch(() => {})
      .finally(() => {
        this.#running = undefined;
      });
    return this.#running;
  }

  /** Logs the service if its agent is incompatible and was not logged before. */
  report(service: string, version: string): void {
    if (areVersionsCompatible(version, VERSION)) return;
    const name = service.slice(0, MAX_SERVICE_LENGTH).replaceAll(/\p{Cc}/gu, '·');
    const key = JSON.stringify([name, version]);
    if (this.#reported.has(key) || this.#reported.size >= MAX_REPORTED) return;
    this.#reported.add(key);
    const url = this.#options.agentUrl();
    const versions = { service: name, agent: version, server: VERSION, url };
    this.#options.log.warn(createError('PS_VERSION_INCOMPATIBLE', versions).message);
  }

  async #checkStoredVersions(nowMs: number): Promise<void> {
    const rows = await this.#options.read(
      UNRESTRICTED_SCOPE,
      sql`SELECT DISTINCT service, tags ${fromTable('performance_metrics')}
        AND metric_type = ${PerformanceMetricType.CUSTOM} AND name = ${SPOOL_SIZE_METRIC}
        AND timestamp >= ${new Date(nowMs - LOOKBACK_MS)}`,
    );
    for (const { service, tags } of rows) {
      const version = parseAgentVersion(tags);
      if (version !== undefined) this.report(String(service ?? 'unknown'), version);
    }
  }
}

/** Returns the agent's version from the tags of a row. Other programs can write any tags. */
function parseAgentVersion(tags: unknown): string | undefined {
  try {
    const attributes = JSON.parse(String(tags)) as Record<string, unknown> | null;
    if (attributes?.[ATTR_DISTRO_NAME] !== DISTRO_NAME) return undefined;
    return String(attributes[ATTR_DISTRO_VERSION]);
  } catch {
    return undefined;
  }
}
