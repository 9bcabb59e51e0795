import { setImmediate as turn } from 'node:timers/promises';
import { PerformanceMetricType, performanceMonitoringService as service } from '../src/index.ts';
import { ForeignQuestdb } from '../test/support/questdb.ts';
import { until } from '../test/support/until.ts';
import { atMost, type BenchOptions, median, type Report } from './report.ts';

const A_TURN = 5000;

/** What one `recordMetric` with four attributes costs its caller. */
export async function record({ quick, say }: BenchOptions): Promise<Report> {
  const turns = quick ? 20 : 100;
  const questdb = new ForeignQuestdb();
  try {
    await questdb.start();
    Object.assign(process.env, questdb.env, { PERFORMANCE_SPOOL_DIR: `${questdb.folder}/spool` });
    const micros: number[] = [];
    for (let i = 0; i < turns; i++) {
      const before = process.cpuUsage();
      for (let n = 0; n < A_TURN; n++) {
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
      micros.push((user + system) / A_TURN);
      await turn();
      await service.flush();
      if (i % 20 === 0) say(`turn ${i} of ${turns}`);
    }
    const stored = await until(async () => {
      const [[count] = []] = await questdb.sql('SELECT count() FROM performance_metrics');
      return Number(count) >= turns * A_TURN && count;
    });
    return {
      targets: [atMost('CPU of one recordMetric', median(micros), 2, 'µs')],
      details: { rowsRecorded: turns * A_TURN, rowsStored: Number(stored) },
    };
  } finally {
    await service.shutdown();
    await questdb.remove();
  }
}
