import { type Onset, sum, toMean } from './find-onset.ts';
import type { SignalSeries } from './read-signals.ts';

/**
 * Returns the service that uses the most CPU time of a host since an onset, as the end of a cause's text.
 *
 * @returns an empty text if no service is known
 */
export function formatTopProcess(
  host: string,
  { atMs }: Onset,
  recent: readonly SignalSeries[],
): string {
  const [top] = recent
    .filter((each) => each.kind === 'process_cpu' && each.subject === host)
    .map(({ service, points }) => ({
      service,
      usage: toMean(sum(points.filter(({ fromMs }) => fromMs >= atMs))),
    }))
    .sort((a, b) => b.usage - a.usage);
  return top?.service === undefined
    ? ''
    : `, mostly service \`${top.service}\` (${Math.round(top.usage)} %)`;
}
