import type { Query } from '../../../client/api-types.ts';
import { DistributionChart } from '../../data/distribution-chart.tsx';
import { type Deploy, type Finding, formatSubject } from './deploy-parts.tsx';

const HOUR_MS = 3_600_000;

/**
 * Durations of one series in the hour before and the hour after a deploy. If both versions were compared in the same
 * minutes, there is one chart per version.
 */
export function DeployDistribution({ deploy, finding }: { deploy: Deploy; finding: Finding }) {
  const { service, environment, version, previousVersion, startsAt } = deploy;
  const { type, endpoint, operation, queueScope, organization } = finding;
  const startMs = Date.parse(startsAt);
  const query: Partial<Query<'distribution'>> = {
    ...{ metricType: type, service: [service] },
    last: undefined,
    from: new Date(startMs - HOUR_MS).toISOString(),
    to: new Date(Math.min(Date.now(), startMs + HOUR_MS)).toISOString(),
    ...(environment !== undefined && { environment: [environment] }),
    ...(endpoint !== undefined && { endpoint: [endpoint] }),
    ...(operation !== undefined && { operation: [operation] }),
    ...(queueScope !== undefined && { queueScope: [queueScope] }),
    ...(organization !== undefined && { organizationId: [organization] }),
  };
  const subject = formatSubject(finding);
  const noun = type === 'API_RESPONSE_TIME' ? 'requests' : 'calls';
  if (finding.method === 'concurrent' && previousVersion !== undefined) {
    return (
      <>
        {[previousVersion, version].map((name) => (
          <DistributionChart
            key={name}
            title={`${subject}, ${name}`}
            query={{ ...query, version: [name] }}
            noun={noun}
            span={6}
          />
        ))}
      </>
    );
  }
  return (
    <DistributionChart
      title={`Durations of ${subject}, before and after`}
      query={query}
      noun={noun}
      span={12}
    />
  );
}
