import { DAY_MS } from '../../../core/duration.ts';
import type { AddRows } from '../../../core/schema/table-registry.ts';
import {
  type DeployRow,
  type DeploySource,
  deploysTable,
} from '../../../core/schema/tables/deploys-table.ts';
import { UNRESTRICTED_SCOPE } from '../../../core/tenant-scope.ts';
import { toTableRow } from '../../../storage/queries/row-values.ts';
import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import { fromHostTable, inValues, sql } from '../../../storage/sql/sql-builder.ts';
import {
  computeDeployId,
  type Deploy,
  findSameDeploy,
  joinDeploys,
  mergeDeployRows,
  toDeployRow,
} from './deploy.ts';
import { type Finding, parseFindings } from './finding.ts';

/** Deploys that are kept in memory. Older deploys are read when they are requested. */
const KEPT_MS = 3 * DAY_MS;
const MAX_ROWS = 5000;

/** A report of a deploy by a person, a pipeline, or the detection of versions. */
export interface DeployReport {
  readonly service: string;
  readonly environment?: string | undefined;
  readonly version: string;
  readonly previousVersion?: string | undefined;
  readonly startsMs: number;
  readonly source: DeploySource;
  readonly commit?: string | undefined;
  readonly author?: string | undefined;
  readonly url?: string | undefined;
}

/** The deploys: the rows of the table, and reports that aren't readable yet. */
export class DeployStore {
  readonly #queryClient: QueryClient;
  readonly #add: AddRows;
  readonly #flush: () => Promise<void>;
  #deploys: readonly Deploy[] = [];
  /** Rows that this server wrote. They are kept until they are readable. */
  #written: DeployRow[] = [];
  #isLoaded = false;

  constructor(queryClient: QueryClient, add: AddRows, flush: () => Promise<void>) {
    this.#queryClient = queryClient;
    this.#add = add;
    this.#flush = flush;
  }

  /** Whether the table has been read. */
  get isLoaded(): boolean {
    return this.#isLoaded;
  }

  /** Deploys of the last days, oldest first. */
  get recent(): readonly Deploy[] {
    return this.#deploys;
  }

  /**
   * Reads the table. If the read fails, the known deploys don't change.
   *
   * @throws PS_UNAVAILABLE if QuestDB is unreachable
   */
  async refresh(now: number): Promise<void> {
    const rows = await loadDeployRows(this.#queryClient, now - KEPT_MS, now + DAY_MS);
    const stored = new Set(rows.map(toRowKey));
    this.#written = this.#written.filter(
      (row) => !stored.has(toRowKey(row)) && row.timestamp > now - KEPT_MS,
    );
    this.#deploys = mergeDeployRows([...rows, ...this.#written]);
    this.#isLoaded = true;
  }

  /**
   * Loads the deploys that started in a range, oldest first.
   *
   * @param services services of the deploys. Default: all services.
   * @throws PS_UNAVAILABLE if QuestDB is unreachable
   */
  async list(fromMs: number, toMs: number, services?: readonly string[]): Promise<Deploy[]> {
    const written = this.#written.filter(
      ({ service = '' }) => services === undefined || services.includes(service),
    );
    const [first, last] = [fromMs - DAY_MS, toMs + 2 * DAY_MS];
    const rows = await loadDeployRows(this.#queryClient, first, last, services);
    return mergeDeployRows([...rows, ...written]).filter(
      ({ startsMs }) => startsMs >= fromMs && startsMs < toMs,
    );
  }

  /**
   * Loads a deploy, and all statistics of its last comparison.
   *
   * @returns undefined if there is no such deploy
   * @throws PS_UNAVAILABLE if QuestDB is unreachable
   */
  async find(id: string): Promise<{ deploy: Deploy; changes: readonly Finding[] } | undefined> {
    const rows = await this.#queryClient.read(
      UNRESTRICTED_SCOPE,
      sql`SELECT * ${fromHostTable('deploys')} AND id = ${id} ORDER BY timestamp DESC LIMIT 100`,
    );
    const own = [
      ...rows.map((row) => toTableRow(deploysTable, row)),
      ...this.#written.filter((row) => row.id === id),
    ];
    const first = mergeDeployRows(own)[0];
    if (!first) return undefined;
    const deploy = this.#deploys.find((known) => known.id === id) ?? first;
    const last = own
      .filter(({ changes, look }) => changes !== undefined && look !== undefined)
      .reduce<DeployRow | undefined>((a, b) => ((a?.look ?? 0) >= b.look! ? a : b), undefined);
    return { deploy, changes: parseFindings(last?.changes) };
  }

  /** Adds a report. A report about a known deploy adds its details, and changes nothing if it has none. */
  report(report: DeployReport, now: number): Deploy {
    const { source, service, environment, version, previousVersion, startsMs } = report;
    const { commit, author, url } = report;
    const reported: Deploy = {
      id: computeDeployId({ service, environment }, version, startsMs),
      ...{ service, environment, version, startsMs, commit, author, url },
      previousVersion: previousVersion ?? this.#findPreviousVersion(report),
      ...{ sources: [source], look: 0, comparedSeries: 0, findings: [] },
      ...{ endedMs: undefined, endReason: undefined, seq: 1 },
    };
    const index = findSameDeploy(this.#deploys, reported);
    const known = this.#deploys[index];
    if (!known) return this.save(reported, source, now);
    const joined = joinDeploys(known, reported);
    const { seq: _, ...before } = known;
    const { seq: __, ...after } = joined;
    if (JSON.stringify(before) === JSON.stringify(after)) return known;
    return this.save({ ...joined, seq: known.seq + 1 }, source, now);
  }

  /** Stores the state of a deploy. */
  save(deploy: Deploy, source: DeploySource, now: number, changes?: string): Deploy {
    const row = toDeployRow(deploy, source, now, changes);
    this.#written.push(row);
    this.#add('deploys', [row]);
    const others = this.#deploys.filter(({ id }) => id !== deploy.id);
    this.#deploys = [...others, deploy].sort((a, b) => a.startsMs - b.startsMs);
    return deploy;
  }

  /** Sends the rows. Unsent rows stay in the spool. */
  async flush(): Promise<void> {
    await this.#flush().catch(() => {});
  }

  #findPreviousVersion({ service, environment, version, startsMs }: DeployReport) {
    return this.#deploys.findLast(
      (other) =>
        other.service === service &&
        other.environment === environment &&
        other.version !== version &&
        other.startsMs < startsMs,
    )?.version;
  }
}

/**
 * Loads the newest rows of the table that were written in a range, without the statistics of the comparisons.
 *
 * @param services services of the deploys. Default: all services.
 */
export async function loadDeployRows(
  queryClient: QueryClient,
  fromMs: number,
  toMs: number,
  services?: readonly string[],
): Promise<DeployRow[]> {
  const rows = await queryClient.read(
    UNRESTRICTED_SCOPE,
    sql`SELECT timestamp, service, environment, version, previous_version, source, id, seq, starts_at,
      commit_id, author, url, look, compared_series, findings, ended_at, end_reason
      ${fromHostTable('deploys')} AND timestamp >= ${new Date(fromMs)} AND timestamp < ${new Date(toMs)}
      ${services === undefined ? sql`` : sql`AND ${inValues('service', services)}`}
      ORDER BY timestamp DESC LIMIT ${MAX_ROWS}`,
  );
  return rows.map((row) => toTableRow(deploysTable, row));
}

function toRowKey({ timestamp, id, seq }: DeployRow): string {
  return `${timestamp} ${id} ${seq}`;
}
