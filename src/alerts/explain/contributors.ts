import type { Dimension, Group } from '../../windows/dimensions.ts';
import type { Round } from '../observe/round.ts';
import type { Measure } from '../rules/rule.ts';
import { QUEUE_AGGREGATES } from '../rules/words.ts';
import type { Contributor } from './movement.ts';

type Weighed = { readonly group: Group; readonly weight: number };

const OF_WORK: readonly Dimension[] = ['endpoint', 'operation', 'organization', 'instance'];
const OF_JOBS: readonly Dimension[] = ['queue', 'operation', 'organization', 'instance'];

/** Who makes how much of what is breached: of the time spent, of the errors, or of the jobs. */
export async function contributorsOf(measure: Measure, round: Round): Promise<Contributor[]> {
  const jobs = QUEUE_AGGREGATES.has(measure.aggregate);
  const dimensions = (jobs ? OF_JOBS : OF_WORK).filter((name) => !measure.filter[name]);
  const asked = { ...measure, groupBy: dimensions };
  const weighed: Weighed[] = jobs
    ? (await round.jobs(asked)).map(({ group, failed, arrived }) => ({
        group,
        weight: measure.aggregate === 'failure_rate' ? failed : arrived,
      }))
    : (await round.figures(asked)).map(({ group, errors, total }) => ({
        group,
        weight: measure.aggregate === 'error_ratio' ? errors : total,
      }));
  const whole = weighed.reduce((sum, { weight }) => sum + weight, 0);
  if (whole <= 0) return [];
  return dimensions.flatMap((dimension) => {
    const weights = new Map<string, number>();
    for (const { group, weight } of weighed) {
      const name = nameOf(measure, dimension, group);
      if (name !== undefined) weights.set(name, (weights.get(name) ?? 0) + weight);
    }
    // The only one there is explains nothing, unless it says what was done.
    if (weights.size < 2 && dimension !== 'endpoint' && dimension !== 'queue') return [];
    return [...weights].map(([name, weight]) => ({ dimension, name, share: weight / whole }));
  });
}

/** A request is known by method and route together. */
function nameOf({ type }: Measure, dimension: Dimension, group: Group): string | undefined {
  const name = group[dimension];
  if (type !== 'API_RESPONSE_TIME') return name;
  if (dimension === 'operation' && group.endpoint !== undefined) return undefined;
  const { operation } = group;
  return dimension === 'endpoint' && name && operation ? `${operation} ${name}` : name;
}
