import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DeployRow } from '../../../../../src/core/schema/tables/deploys-table.ts';
import {
  computeDeployId,
  mergeDeployRows,
} from '../../../../../src/server/alerts/deploys/deploy.ts';
import {
  detectVersions,
  GONE_AFTER_MS,
  isVersionGone,
  type SeenVersions,
} from '../../../../../src/server/alerts/deploys/detect-versions.ts';
import type { VersionRun } from '../../../../../src/storage/queries/version-runs.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const START = Date.UTC(2030, 0, 10);
const TARGET = { service: 'booking', environment: 'prod' };

const row = (
  version: string,
  minute: number,
  source: 'recorded' | 'detected',
  fields: Partial<DeployRow> = {},
): DeployRow => {
  const startsAt = START + minute * MINUTE_MS;
  const id = computeDeployId(TARGET, version, startsAt);
  return { ...TARGET, timestamp: startsAt, id, seq: 1, version, source, startsAt, ...fields };
};

describe('rows', () => {
  it('of one deploy from two servers are one deploy', () => {
    const rows = [row('2', 0, 'detected'), row('2', 0, 'detected'), row('2', 0.2, 'detected')];
    expect(mergeDeployRows(rows)).toHaveLength(1);
  });

  it('of a recorded and a detected deploy are one deploy, with the start of the first row', () => {
    for (const delay of [-20, 3, 600]) {
      const rows = [
        row('2', 0, 'detected', { previousVersion: '1' }),
        row('2', delay, 'recorded', { commitId: 'c7', author: 'ann' }),
      ];
      expect(mergeDeployRows(rows)).toMatchObject([
        { startsMs: START, previousVersion: '1', commit: 'c7', author: 'ann' },
      ]);
    }
  });

  it('of a version that never sends data stay a deploy', () => {
    expect(mergeDeployRows([row('3', 0, 'recorded')])).toMatchObject([
      { version: '3', sources: ['recorded'], look: 0 },
    ]);
  });

  it('of a version that comes back are two deploys', () => {
    const rows = [row('1', 0, 'detected'), row('2', 10, 'detected'), row('1', 20, 'recorded')];
    expect(mergeDeployRows(rows).map(({ version }) => version)).toEqual(['1', '2', '1']);
  });

  it('of one version that is recorded again after hours are two deploys', () => {
    const rows = [row('1', 0, 'recorded'), row('1', 180, 'recorded')];
    expect(mergeDeployRows(rows)).toHaveLength(2);
  });

  it('of other services and environments stay separate', () => {
    const rows = [
      row('1', 0, 'recorded'),
      { ...row('1', 0, 'recorded'), id: 'x', service: 'mail' },
    ];
    expect(mergeDeployRows(rows)).toHaveLength(2);
  });

  it('keep findings when a report arrives after the comparison', () => {
    const finding = {
      ...{ type: 'API_RESPONSE_TIME', endpoint: '/b', statistic: 'p95', verdict: 'regression' },
      ...{ method: 'before', before: 1, after: 2, change: 1, lower: 0.5, upper: 2 },
      ...{ countBefore: 900, countAfter: 900, look: 2 },
    };
    const rows = [
      row('2', 0, 'detected', { look: 2, findings: JSON.stringify([finding]), seq: 3 }),
      row('2', 0, 'recorded', { timestamp: START + HOUR_MS, seq: 2, commitId: 'c7' }),
    ];
    expect(mergeDeployRows(rows)).toMatchObject([{ look: 2, commit: 'c7', findings: [finding] }]);
    expect(mergeDeployRows([{ ...rows[0]!, findings: '{"invalid' }])[0]?.findings).toEqual([]);
  });

  it('give the same deploys in any order', () => {
    const rows = [
      row('1', 0, 'detected'),
      row('1', 4, 'recorded'),
      row('2', 60, 'recorded'),
      row('2', 61, 'detected', { look: 1, findings: '[]' }),
      row('1', 90, 'detected'),
      row('1', 95, 'recorded'),
    ];
    const expected = mergeDeployRows(rows);
    fc.assert(
      fc.property(fc.shuffledSubarray(rows, { minLength: rows.length }), (shuffled) => {
        expect(mergeDeployRows(shuffled)).toEqual(expected);
      }),
    );
    expect(expected).toHaveLength(3);
  });
});

describe('new versions', () => {
  const run = (version: string, first: number, last: number, service = 'booking'): VersionRun => ({
    ...{ service, environment: 'prod', version },
    ...{ firstMs: START + first * MINUTE_MS, lastMs: START + last * MINUTE_MS },
  });
  /** Passes the runs to the detection minute by minute, as the server does. */
  const detect = (runs: readonly VersionRun[], minutes: number): string[] => {
    let seen: SeenVersions = new Map();
    const found: string[] = [];
    for (let minute = 0; minute <= minutes; minute += 1) {
      const now = START + minute * MINUTE_MS;
      const fromMs = now - 2 * MINUTE_MS;
      const visible = runs
        .filter(({ firstMs, lastMs }) => firstMs <= now && lastMs >= fromMs)
        .map((each) => ({
          ...each,
          firstMs: Math.max(each.firstMs, fromMs),
          lastMs: Math.min(each.lastMs, now),
        }));
      const result = detectVersions(seen, visible, now);
      seen = result.seen;
      found.push(
        ...result.deploys.map(
          ({ version, previousVersion, startsMs }) =>
            `${version} after ${previousVersion} at ${(startsMs - START) / MINUTE_MS}`,
        ),
      );
    }
    return found;
  };

  it('are detected once', () => {
    expect(detect([run('1', 0, 60), run('2', 50, 100)], 100)).toEqual(['2 after 1 at 50']);
  });

  it('the first version of a service is not a deploy', () => {
    expect(detect([run('1', 0, 60)], 60)).toEqual([]);
  });

  it('a version that comes back is a deploy', () => {
    expect(detect([run('1', 0, 30), run('2', 30, 60), run('1', 60, 100)], 100)).toEqual([
      '2 after 1 at 30',
      '1 after 2 at 60',
    ]);
  });

  it('two versions side by side for a day are one deploy', () => {
    expect(detect([run('1', 0, 1500), run('2', 30, 1500)], 1500)).toEqual(['2 after 1 at 30']);
  });

  it('the same version after a gap of hours is not a deploy', () => {
    expect(detect([run('1', 0, 30), run('1', 400, 500)], 500)).toEqual([]);
    expect(detect([run('1', 0, 30), run('2', 400, 500)], 500)).toEqual(['2 after 1 at 400']);
    const paused = [run('1', 0, 10), run('2', 10, 30), run('2', 400, 500)];
    expect(detect(paused, 500)).toEqual(['2 after 1 at 10']);
  });

  it('services and environments are separate', () => {
    expect(detect([run('1', 0, 60), run('2', 30, 60, 'mail')], 60)).toEqual([]);
  });

  it('rows from the future, and a clock that jumps back, cause no deploy', () => {
    const now = START + 30 * MINUTE_MS;
    const first = detectVersions(new Map(), [run('1', 0, 30), run('2', 500, 501)], now);
    expect(first.deploys).toEqual([]);
    const back = detectVersions(first.seen, [run('1', 0, 5)], START + 5 * MINUTE_MS);
    expect(back.deploys).toEqual([]);
  });

  it('a version is gone only while another version continues', () => {
    const minutes = GONE_AFTER_MS / MINUTE_MS;
    const at = (runs: VersionRun[]) =>
      isVersionGone(detectVersions(new Map(), runs, START + HOUR_MS).seen, TARGET, '2');
    expect(at([run('1', 0, 60), run('2', 10, 60 - minutes - 1)])).toBe(true);
    expect(at([run('1', 0, 60), run('2', 10, 60 - minutes + 1)])).toBe(false);
    expect(at([run('1', 0, 10), run('2', 10, 20)])).toBe(false);
    expect(at([run('1', 0, 10)])).toBe(false);
  });

  it('each version starts at most once between two other versions', () => {
    const arbitrary = fc.array(
      fc.record({
        version: fc.constantFrom('1', '2', '3'),
        length: fc.integer({ min: 10, max: 40 }),
      }),
      { minLength: 1, maxLength: 6 },
    );
    fc.assert(
      fc.property(arbitrary, (parts) => {
        let minute = 0;
        const runs = parts.map(({ version, length }) => {
          const from = minute;
          minute += length;
          return run(version, from, minute - 0.1);
        });
        const changes = parts.filter(
          ({ version }, i) => i > 0 && parts[i - 1]?.version !== version,
        );
        expect(detect(runs, minute)).toHaveLength(changes.length);
      }),
      { numRuns: 40 },
    );
  });
});
