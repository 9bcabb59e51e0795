import { DAY_MS, HOUR_MS } from '../../../core/duration.ts';
import { isShareStatistic } from '../../../core/statistics/sample-estimates.ts';
import type { Observation } from '../evaluation/observation.ts';
import type { Deploy } from './deploy.ts';
import {
  type Finding,
  formatEvidence,
  formatStatistic,
  formatSubject,
  omitRepeatedRegressions,
  selectHeadlines,
} from './finding.ts';

/** A regression is an alert for one day. Then, it is the new normal. */
const ALERTED_MS = DAY_MS;
/** Ended regressions have the value 0 for this time, so that their alerts resolve. */
const ENDED_MS = HOUR_MS;
/**
 * Returns one observation for each regression. The value is the change in percent or, for errors, in percentage
 * points. The labels come from the comparison that confirmed the regression, so they don't change.
 */
export function observeDeploys(
  deploys: readonly Deploy[],
  metric: 'duration' | 'errors',
  now: number,
): Observation[] {
  return deploys.flatMap((deploy) => {
    const { startsMs, endedMs, findings } = deploy;
    if (now - startsMs > ALERTED_MS + ENDED_MS) return [];
    if (endedMs !== undefined && now - endedMs > ENDED_MS) return [];
    const isOver = endedMs !== undefined || now - startsMs > ALERTED_MS;
    const regressions = selectHeadlines(findings).filter(
      ({ verdict, statistic }) =>
        verdict === 'regression' && isShareStatistic(statistic) === (metric === 'errors'),
    );
    // If an endpoint is slower for all tenants, one alert is enough.
    return omitRepeatedRegressions(regressions).map((finding) => ({
      labels: toLabels(deploy, finding),
      value: isOver ? 0 : 100 * finding.change,
      count: finding.countAfter,
      newestMs: now,
    }));
  });
}

function toLabels(
  { service, environment, version }: Deploy,
  finding: Finding,
): Readonly<Record<string, string>> {
  const { organization } = finding;
  return {
    service,
    ...(environment !== undefined && { environment }),
    version,
    ...(organization !== undefined && { organization }),
    subject: formatSubject({ ...finding, organization: undefined }),
    statistic: formatStatistic(finding),
    evidence: formatEvidence(finding),
  };
}
