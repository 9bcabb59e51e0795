import { DAY_MS } from '../../../core/duration.ts';
import type { DeployRow } from '../../../core/schema/tables/deploys-table.ts';
import { type Deploy, mergeDeployRows } from '../../alerts/deploys/deploy.ts';
import { observeDeploys } from '../../alerts/deploys/observe-deploys.ts';
import type { DeployMeasure } from '../../alerts/rules/alert-rule.ts';
import type { ReplaySource } from './replay-source.ts';

/** Live evaluation also knows the deploys of the last three days. */
const KEPT_MS = 3 * DAY_MS;

/**
 * Creates the source of a rule about deploys. It replays the stored results of the comparisons at the times at which
 * they were stored. The comparisons aren't repeated.
 *
 * @param loadRows returns the rows of the deploys that were stored in a range
 * @param untilMs time of the last evaluation
 */
export function createDeploySource(
  { metric }: DeployMeasure,
  loadRows: (fromMs: number, toMs: number) => Promise<readonly DeployRow[]>,
  untilMs: number,
): ReplaySource {
  let rows: readonly DeployRow[] | undefined;
  let known = -1;
  let deploys: readonly Deploy[] = [];
  return {
    precision: ['it uses the stored results of the deploy analysis'],
    async observe(now) {
      rows ??= (await loadRows(now - KEPT_MS, untilMs + 1)).toSorted(
        (a, b) => a.timestamp - b.timestamp,
      );
      const later = rows.findIndex(({ timestamp }) => timestamp > now);
      const count = later < 0 ? rows.length : later;
      if (count !== known) {
        known = count;
        deploys = mergeDeployRows(rows.slice(0, count));
      }
      return observeDeploys(deploys, metric, now);
    },
  };
}
