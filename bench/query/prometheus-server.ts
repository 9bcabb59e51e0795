import { once } from 'node:events';
import { createWriteStream, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findFreePort, ServerProcess } from '../../demo/server-process.ts';
import type { TimeRange } from '../../src/storage/queries/time-range.ts';
import { waitFor } from '../../test/support/wait-for.ts';
import { CYCLE_MS, type Cycle, getCycleIndex } from './export-cycles.ts';
import type { Series } from './metric-series.ts';

/**
 * Default scrape interval of Prometheus. With this interval, Prometheus reads only half as many points as
 * Perfscope, which is an advantage.
 */
const SCRAPE_MS = 60_000;
/** Length of a storage block. Each block gets a separate input file, because promtool reads its input once per block. */
const BLOCK_MS = 7_200_000;
/** Bucket bounds that the semantic conventions recommend for `http.server.request.duration`, in seconds. */
const BOUNDS_S = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
const METRIC_NAME = 'http_server_request_duration_seconds';

/** Runs a real Prometheus that stores the requests as classic histograms. */
export class PrometheusServer {
  readonly #program = new ServerProcess('prometheus');
  #url = '';

  /**
   * Writes the range to Prometheus' storage. The bounds must be multiples of the scrape interval.
   *
   * @returns number of samples
   */
  async load(
    series: readonly Series[],
    cycles: readonly Cycle[],
    { fromMs, toMs }: TimeRange,
  ): Promise<number> {
    const requests = series.flatMap((one, i) => (one.metric === 'http' ? [{ one, i }] : []));
    const lines = requests.map(({ one }) => formatBucketLines(one));
    const perCycle = cycles.map(({ durations }) =>
      requests.map(({ i }) => computeCumulativeCounts(durations[i]!)),
    );
    const totals = requests.map(() => new Float64Array(BOUNDS_S.length + 1));
    const data = this.#program.makeFolder('data');
    let samples = 0;
    for (let blockMs = fromMs; blockMs <= toMs; ) {
      const endMs = Math.min((Math.floor(blockMs / BLOCK_MS) + 1) * BLOCK_MS, toMs + 1);
      const file = join(this.#program.folder, 'openmetrics.txt');
      const stream = createWriteStream(file);
      stream.write(`# TYPE ${METRIC_NAME} histogram\n`);
      for (; blockMs < endMs; blockMs += SCRAPE_MS) {
        const parts: string[] = [];
        totals.forEach((counts, s) => {
          counts.forEach((count, b) => {
            parts.push(`${lines[s]![b]}${count} ${blockMs / 1000}\n`);
          });
        });
        samples += parts.length;
        if (!stream.write(parts.join(''))) await once(stream, 'drain');
        for (let ms = blockMs; ms < blockMs + SCRAPE_MS; ms += CYCLE_MS) {
          const cycleCounts = perCycle[getCycleIndex(ms / CYCLE_MS, ms)]!;
          totals.forEach((counts, s) => {
            cycleCounts[s]!.forEach((count, b) => {
              counts[b]! += count;
            });
          });
        }
      }
      stream.end('# EOF\n');
      await once(stream, 'finish');
      const create = ['tsdb', 'create-blocks-from', 'openmetrics', '--quiet', file, data];
      this.#program.run('promtool', create);
      rmSync(file);
    }
    return samples;
  }

  async start(): Promise<void> {
    const port = await findFreePort();
    const config = join(this.#program.folder, 'prometheus.json');
    writeFileSync(config, '{}');
    this.#url = `http://127.0.0.1:${port}`;
    this.#program.start('prometheus', [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(this.#program.folder, 'data')}`,
      '--storage.tsdb.retention.time=60d',
      `--web.listen-address=127.0.0.1:${port}`,
    ]);
    await waitFor(async () => (await fetch(`${this.#url}/-/ready`)).ok, 60_000);
  }

  /** Returns a percentile by endpoint, in ms. */
  async queryByEndpoint(q: number, { fromMs, toMs }: TimeRange): Promise<Map<string, number>> {
    const length = `${(toMs - fromMs) / 1000}s`;
    const query = `histogram_quantile(${q}, sum by (le, http_route) (increase(${METRIC_NAME}_bucket[${length}])))`;
    const url = `${this.#url}/api/v1/query?query=${encodeURIComponent(query)}&time=${toMs / 1000}`;
    const body = (await (await fetch(url)).json()) as {
      data: { result: { metric: { http_route: string }; value: [number, string] }[] };
    };
    return new Map(
      body.data.result.map(({ metric, value }) => [metric.http_route, 1000 * Number(value[1])]),
    );
  }

  async remove(): Promise<void> {
    await this.#program.remove();
  }
}

/** Returns a line of text format for each bucket bound of a series, without the value. */
function formatBucketLines({ service, attributes }: Series): string[] {
  const labels = Object.entries(attributes)
    .map(([name, value]) => `${name.replaceAll('.', '_')}="${value}"`)
    .join(',');
  return [...BOUNDS_S, '+Inf'].map(
    (bound) => `${METRIC_NAME}_bucket{job="service-${service}",${labels},le="${bound}"} `,
  );
}

/** Returns the cumulative count for each bucket bound, and the total count as the last element. */
function computeCumulativeCounts(durationsMs: Float64Array): number[] {
  const countUpTo = (bound: number) => durationsMs.filter((ms) => ms <= 1000 * bound).length;
  return [...BOUNDS_S.map(countUpTo), durationsMs.length];
}
