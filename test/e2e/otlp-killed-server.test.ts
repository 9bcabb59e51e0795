// A sender repeats each OTLP request until the server has accepted it. The server is killed while it stores requests.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterAll, beforeAll, it } from 'vitest';
import { expectRows } from '../support/expect-rows.ts';
import { PerfscopeServer } from '../support/perfscope-server.ts';
import { createRandom } from '../support/random.ts';
import { createHistogram, createSum, encodeMetrics, sendOtlp } from '../support/send-otlp.ts';
import { waitFor } from '../support/wait-for.ts';

const KILLS = 3;
/** Turns of the event loop. A request takes about half of them. */
const MAX_TURNS = 2000;

const random = createRandom(Number(process.env.PERFSCOPE_TEST_SEED));
const server = new PerfscopeServer();
beforeAll(() => server.start());
afterAll(() => server.remove());

/** Sends the values of a counter and a histogram since its start, like an SDK. */
class CumulativeSender {
  readonly #startTimeMs = Date.now() - 60_000;
  requests = 0;
  total = 0;
  #body: Buffer = Buffer.alloc(0);

  /** Adds an increase to the values. */
  increase(): void {
    this.requests++;
    this.total += 1 + Math.floor(random() * 9);
    const time = { startTimeMs: this.#startTimeMs, timeMs: this.#startTimeMs + this.requests * 20 };
    const { total: count } = this;
    const histogram = { ...time, count, sum: count / 2, bucketCounts: [count, 0, 0] };
    this.#body = encodeMetrics(
      { 'service.name': 'killed' },
      createSum('orders', [{ ...time, value: count }], 'cumulative'),
      createHistogram('waits', [histogram], 'cumulative'),
    );
  }

  /** Sends the values. Returns the status, or undefined without a response. */
  async send(): Promise<number | undefined> {
    return sendOtlp(server.url, this.#body).then(
      ({ status }) => status,
      () => undefined,
    );
  }

  async sendUntilAccepted(): Promise<void> {
    await waitFor(async () => (await this.send()) === 200);
  }
}

it('stores each increase once although the server is killed at random moments', async () => {
  const sender = new CumulativeSender();
  for (let kill = 0; kill <= KILLS; kill++) {
    const requests = 20 + Math.floor(random() * 20);
    for (let i = 0; i < requests; i++) {
      sender.increase();
      await sender.sendUntilAccepted();
    }
    if (kill === KILLS) break;
    sender.increase();
    const response = sender.send();
    for (let turns = random() * MAX_TURNS; turns > 0; turns--) await nextTurn();
    await server.stop('SIGKILL');
    await response;
    await server.start();
    // Also if the server has accepted it.
    await sender.sendUntilAccepted();
  }
  const { requests, total } = sender;
  await expectRows(
    () =>
      server.sql(
        `SELECT name, count(), sum(sum) FROM performance_metrics WHERE service = 'killed' ORDER BY name`,
      ),
    [
      ['orders', requests, total],
      // In ms.
      ['waits', requests, total * 500],
    ],
  );
  for (const table of ['performance_metrics', 'metric_buckets']) {
    await expectRows(
      () =>
        server.sql(`SELECT sum(count) FROM ${table} WHERE service = 'killed' AND name = 'waits'`),
      [[total]],
    );
  }
});
