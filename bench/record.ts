import { setImmediate as nextTurn } from 'node:timers/promises';
import { PerformanceMetricType, performanceMonitoringService as service } from '../src/index.ts';
import { ExternalQuestdb } from '../test/support/external-questdb.ts';
import { waitFor } from '../test/support/wait-for.ts';
import { measureCheckpointCost } from './checkpoint-cost.ts';
import { atMost, type BenchOptions, median, type Report } from './report.ts';

const CALLS_PER_TURN = 5000;

/** Measures the CPU time of one `recordMetric` call with four attributes, and of checkpoints. */
export async function benchRecord({ quick, log }: BenchOptions): Promise<Report> {
  const turns = quick ? 20 : 100;
  const questdb = new ExternalQuestdb();
  try {
    await questdb.start();
    Object.assign(process.env, questdb.env, { PERFORMANCE_SPOOL_DIR: `${questdb.folder}/spool` });
    const micros: number[] = [];
    for (let i = 0; i < turns; i++) {
      const before = process.cpuUsage();
      for (let n = 0; n < CALLS_PER_TURN; n++) {
        service.recordMetric({
          metricType: PerformanceMetricType.API_RESPONSE_TIME,
          name: 'request',
          value: n % 977,
          endpoint: '/rooms/:id',
          operation: 'GET',
          organizationId: 'grand-hotels',
          propertyId: 'seaside',
        });
      }
      const { user, system } = process.cpuUsage(before);
      micros.push((user + system) / CALLS_PER_TURN);
      await nextTurn();
      await service.flush();
      if (i % 20 === 0) log(`turn ${i} of ${turns}`);
    }
    const stored = await waitFor(async () => {
      const [[count] = []] = await questdb.sql('SELECT count() FROM performance_metrics');
      return Number(count) >= turns * CALLS_PER_TURN && count;
    });
    return {
      targets: [atMost('CPU time of one recordMetric call', median(micros), 0.3, 'µs')],
      details: {
        rowsRecorded: turns * CALLS_PER_TURN,
        rowsStored: Number(stored),
        'checkpoint with 50 active series': await measureCheckpointCost(50),
        'checkpoint with 500 active series': await measureCheckpointCost(500),
      },
    };
  } finally {
    await service.shutdown();
    await questdb.remove();
  }
}
