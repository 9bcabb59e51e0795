import { EVENT_LOOP_BLOCK_METRIC_NAME, MIN_BLOCK_MS } from '../../../core/suggestion-metrics.ts';
import { ATTR_CALLER } from '../../attribute-keys.ts';
import { recordWithRoute, toTenantAttributes } from '../context/caller.ts';
import { setBlockListener } from '../context/event-loop-blocks.ts';
import type { HistogramRegistry } from '../histograms/histogram-registry.ts';

const BOUNDARIES_S = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/**
 * Records how long the code of each route and job blocked the event loop without interruption, if this took at least
 * {@link MIN_BLOCK_MS}.
 *
 * @returns a function that stops this
 */
export function recordEventLoopBlocks(histograms: HistogramRegistry): () => void {
  const histogram = histograms.create({
    scope: 'perfscope.http',
    name: EVENT_LOOP_BLOCK_METRIC_NAME,
    unit: 's',
    description: `Time in which a route or job blocked the event loop, if at least ${MIN_BLOCK_MS} ms.`,
    boundaries: BOUNDARIES_S,
    isUnscraped: true,
  });
  setBlockListener((caller, durationMs) => {
    recordWithRoute(caller, ({ route = '', method, tenant }) => {
      const { organizationId = '', propertyId = '' } = tenant ?? {};
      const key = `${route}\n${method}\n${organizationId}\n${propertyId}`;
      histogram.record(durationMs / 1000, key, () => ({
        ...(route && { [ATTR_CALLER]: route }),
        ...(method && { 'http.request.method': method }),
        ...toTenantAttributes(tenant),
      }));
    });
  });
  return () => setBlockListener(undefined);
}
