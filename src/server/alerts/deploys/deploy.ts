import { createHash } from 'node:crypto';
import { DAY_MS, MINUTE_MS } from '../../../core/duration.ts';
import type { DeployRow, DeploySource } from '../../../core/schema/tables/deploys-table.ts';
import { type Finding, formatFinding, parseFindings, selectHeadlines } from './finding.ts';

/** A service in one environment. */
export interface DeployTarget {
  readonly service: string;
  readonly environment: string | undefined;
}

/** One start of a version of a service. Times are in ms since the epoch. */
export interface Deploy extends DeployTarget {
  readonly id: string;
  readonly version: string;
  readonly previousVersion: string | undefined;
  /** Sources in the order in which they reported the deploy. */
  readonly sources: readonly DeploySource[];
  /** Start: the first row of the version. Until that exists, the recorded time. */
  readonly startsMs: number;
  readonly commit: string | undefined;
  readonly author: string | undefined;
  readonly url: string | undefined;
  /** Number of the last comparison, from 1. 0 before the first. */
  readonly look: number;
  /** Number of series that had enough data in the last comparison. */
  readonly comparedSeries: number;
  /** Confirmed changes. */
  readonly findings: readonly Finding[];
  /** When the regression ended. Undefined if it continues, or if there is none. */
  readonly endedMs: number | undefined;
  readonly endReason: string | undefined;
  /** Sequence number of the last row. */
  readonly seq: number;
}

/** Two reports of the same version within this time are about the same deploy. */
const SAME_START_MS = 30 * MINUTE_MS;
/** A deploy can be recorded this late, and a version can start this late after it was recorded. */
const MAX_DELAY_MS = DAY_MS;

const MAX_SUMMARY_LENGTH = 4000;

/** Returns the same ID for the same deploy on all servers. */
export function computeDeployId(
  { service, environment }: DeployTarget,
  version: string,
  startsMs: number,
): string {
  const key = JSON.stringify([service, environment ?? '', version, startsMs]);
  return createHash('sha1').update(key).digest('hex').slice(0, 24);
}

export function toTargetKey({ service, environment }: DeployTarget): string {
  return JSON.stringify([service, environment ?? '']);
}

/** Returns the deploys of rows in any order, oldest first. */
export function mergeDeployRows(rows: readonly DeployRow[]): Deploy[] {
  const sorted = rows.toSorted((a, b) => a.timestamp - b.timestamp || (a.seq ?? 0) - (b.seq ?? 0));
  const byId = new Map<string, Deploy>();
  for (const row of sorted) {
    if (!row.id || !row.service || !row.version || row.startsAt === undefined) continue;
    byId.set(row.id, addRow(byId.get(row.id), row));
  }
  const merged: Deploy[] = [];
  for (const deploy of [...byId.values()].sort(compareDeploys)) {
    const index = findSameDeploy(merged, deploy);
    if (index < 0) merged.push(deploy);
    else merged[index] = joinDeploys(merged[index]!, deploy);
  }
  return merged.sort(compareDeploys);
}

function compareDeploys(a: Deploy, b: Deploy): number {
  return a.startsMs - b.startsMs || (a.id < b.id ? -1 : 1);
}

function addRow(known: Deploy | undefined, row: DeployRow): Deploy {
  const source = row.source === 'recorded' ? 'recorded' : 'detected';
  const isNewerLook = (row.look ?? 0) >= (known?.look ?? 0);
  const sources = known?.sources ?? [];
  const wasSeen = known?.sources.includes('detected');
  const isSeen = source === 'detected' || !wasSeen;
  return {
    id: row.id!,
    service: row.service!,
    environment: row.environment,
    version: row.version!,
    previousVersion: row.previousVersion ?? known?.previousVersion,
    sources: sources.includes(source) ? sources : [...sources, source],
    startsMs: known && !isSeen ? known.startsMs : row.startsAt!,
    commit: row.commitId ?? known?.commit,
    author: row.author ?? known?.author,
    url: row.url ?? known?.url,
    look: Math.max(row.look ?? 0, known?.look ?? 0),
    comparedSeries: (isNewerLook ? row.comparedSeries : known?.comparedSeries) ?? 0,
    findings: isNewerLook && row.look ? parseFindings(row.findings) : (known?.findings ?? []),
    endedMs: row.endedAt ?? known?.endedMs,
    endReason: row.endReason ?? known?.endReason,
    seq: Math.max(row.seq ?? 0, known?.seq ?? 0),
  };
}

/**
 * Returns the index of the deploy that another report is about, or -1. A version that comes back after another
 * version is a new deploy.
 */
export function findSameDeploy(
  deploys: readonly Deploy[],
  report: Pick<Deploy, 'service' | 'environment' | 'version' | 'startsMs' | 'sources'>,
): number {
  const key = toTargetKey(report);
  const ofTarget = deploys
    .map((deploy, index) => ({ deploy, index }))
    .filter(({ deploy }) => toTargetKey(deploy) === key);
  const same = ofTarget.filter(({ deploy }) => deploy.version === report.version);
  const found = same.findLast(({ deploy }) => {
    const delayMs = report.startsMs - deploy.startsMs;
    const [from, to] = [deploy.startsMs, report.startsMs].sort((a, b) => a - b) as [number, number];
    const isInterrupted = ofTarget.some(
      ({ deploy: other }) =>
        other.version !== report.version && other.startsMs > from && other.startsMs < to,
    );
    if (isInterrupted) return false;
    if (Math.abs(delayMs) <= SAME_START_MS) return true;
    const isOtherSource = report.sources.every((source) => !deploy.sources.includes(source));
    return isOtherSource && Math.abs(delayMs) <= MAX_DELAY_MS;
  });
  return found?.index ?? -1;
}

/** Joins two reports of one deploy. Keeps the ID of the first. */
export function joinDeploys(first: Deploy, second: Deploy): Deploy {
  const newer = second.look > first.look ? second : first;
  const detected = [first, second].find(({ sources }) => sources.includes('detected'));
  return {
    ...first,
    previousVersion: first.previousVersion ?? second.previousVersion,
    sources: [...new Set([...first.sources, ...second.sources])],
    startsMs: (detected ?? first).startsMs,
    commit: first.commit ?? second.commit,
    author: first.author ?? second.author,
    url: first.url ?? second.url,
    look: newer.look,
    comparedSeries: newer.comparedSeries,
    findings: newer.findings,
    endedMs: newer.endedMs,
    endReason: newer.endReason,
    seq: Math.max(first.seq, second.seq),
  };
}

/** Returns the row that stores the current state of a deploy. */
export function toDeployRow(
  deploy: Deploy,
  source: DeploySource,
  now: number,
  changes?: string,
): DeployRow {
  const { id, service, environment, version, previousVersion, startsMs, seq } = deploy;
  const { commit, author, url, look, comparedSeries, findings, endedMs, endReason } = deploy;
  return {
    timestamp: now,
    ...{ id, seq, service, environment, version, previousVersion, source },
    ...{ startsAt: startsMs, commitId: commit, author, url, look, comparedSeries },
    summary: look > 0 ? summarize(deploy) : undefined,
    findings: look > 0 ? JSON.stringify(findings) : undefined,
    changes,
    ...{ endedAt: endedMs, endReason },
  };
}

/** Returns the sentences of the confirmed changes, regressions first. */
function summarize({ findings, version }: Deploy): string {
  return selectHeadlines(findings)
    .toSorted((a, b) => Number(b.verdict === 'regression') - Number(a.verdict === 'regression'))
    .map((finding) => formatFinding(version, finding))
    .join('; ')
    .slice(0, MAX_SUMMARY_LENGTH);
}
