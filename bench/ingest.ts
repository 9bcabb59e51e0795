import { PerfscopeServer } from '../test/support/perfscope-server.ts';
import { waitFor } from '../test/support/wait-for.ts';
import { measureConversion } from './ingest/conversion.ts';
import { measureDecoders } from './ingest/decoders.ts';
import { Receiver } from './ingest/receivers.ts';
import { type Delivery, runSender, type Usage } from './ingest/run-sender.ts';
import {
  atLeast,
  atMost,
  type BenchOptions,
  median,
  type Report,
  roundToFourDigits,
} from './report.ts';

/** Each process has 512 series, so there are about 50,000 series. */
const INSTANCES = 100;
const CONNECTIONS = 4;
const STEADY_POINTS_PER_SECOND = 10_000;
const STORE_TIMEOUT_MS = 600_000;

/**
 * Measures how fast one server stores metrics that it receives over OTLP/HTTP in protobuf, and what the parts cost. A
 * Collector and Prometheus receive the same metrics.
 */
export async function benchIngest({ quick, log }: BenchOptions): Promise<Report> {
  const rounds = quick ? 2 : 3;
  const points = quick ? 100_000 : 300_000;
  const steadySeconds = quick ? 15 : 300;
  log('decoders …');
  const decoders = measureDecoders(quick ? 3 : 9, quick ? 100 : 400);
  log('decoding and mapping …');
  const conversion = measureConversion(quick ? 20 : INSTANCES, quick ? 5 : 10);

  const server = new PerfscopeServer();
  const others = new Map<string, Receiver>();
  try {
    await server.start();
    others.set('Collector', await Receiver.startCollector(log));
    others.set('Prometheus', await Receiver.startPrometheus(log));
    const perfscope = new PerfscopeReceiver(server);
    const deliveries = new Map(
      [...others.keys(), 'Perfscope'].map((name) => [name, [] as Delivery[]]),
    );
    // The first round is a warm-up and is not counted.
    for (let round = 0; round <= rounds; round++) {
      log(`round ${round} of ${rounds}`);
      for (const name of rotate([...deliveries.keys()], round)) {
        const other = others.get(name);
        const delivery = other
          ? await runSender(createOptions(other.url, points, 0), { [name]: other.pid })
          : await perfscope.receive(points, 0);
        if (round > 0) deliveries.get(name)!.push(delivery);
      }
    }
    log(`${STEADY_POINTS_PER_SECOND} points/s for ${steadySeconds} s …`);
    const steadyPoints = STEADY_POINTS_PER_SECOND * steadySeconds;
    const steady = await perfscope.receive(steadyPoints, STEADY_POINTS_PER_SECOND);
    return createReport(decoders, conversion, deliveries, steady, {
      rounds,
      pointsPerRound: points,
      rowsStored: await perfscope.countRows(),
    });
  } finally {
    for (const receiver of others.values()) await receiver.remove();
    await server.remove();
  }
}

/** The server, with the number of rows that it must have stored. */
class PerfscopeReceiver {
  readonly #server: PerfscopeServer;
  #expectedRows = 0;

  constructor(server: PerfscopeServer) {
    this.#server = server;
  }

  /** Sends points, and waits until queries return all of them. */
  async receive(points: number, pointsPerSecond: number): Promise<Delivery> {
    const url = `${this.#server.url}/v1/metrics`;
    const pids = { server: this.#server.child!.pid!, questdb: this.#server.questdbPid };
    const batches = Math.ceil(points / 512);
    this.#expectedRows += batches * 512;
    return runSender(createOptions(url, points, pointsPerSecond), pids, async () => {
      await waitFor(async () => (await this.countRows()) >= this.#expectedRows, STORE_TIMEOUT_MS);
      const rows = await this.countRows();
      if (rows !== this.#expectedRows) {
        throw new Error(`expected ${this.#expectedRows} rows, found ${rows}`);
      }
    });
  }

  async countRows(): Promise<number> {
    const where = "service LIKE 'bench-%'";
    const [[rows] = []] = await this.#server.sql(
      `SELECT count() FROM performance_metrics WHERE ${where}`,
    );
    return Number(rows);
  }
}

/** Each delivery has new series, because it starts with new cumulative values. */
function createOptions(url: string, points: number, pointsPerSecond: number) {
  const connections = CONNECTIONS;
  return {
    url,
    instances: INSTANCES,
    connections,
    points,
    pointsPerSecond,
    startTimeMs: Date.now(),
  };
}

function rotate(names: readonly string[], round: number): string[] {
  const start = round % names.length;
  return [...names.slice(start), ...names.slice(0, start)];
}

function createReport(
  decoders: ReadonlyMap<string, number>,
  conversion: { total: number; decoding: number },
  deliveries: ReadonlyMap<string, readonly Delivery[]>,
  steady: Delivery,
  details: Report['details'],
): Report {
  for (const [name, micros] of decoders) {
    details[`decoder: ${name}`] = `${roundToFourDigits(micros)} µs of CPU per point`;
  }
  details['decoding and mapping'] =
    `${roundToFourDigits(conversion.total)} µs of CPU per point, including ` +
    `${roundToFourDigits(conversion.decoding)} µs for decoding`;
  for (const [name, rounds] of deliveries) {
    details[`${name}, maximum`] = [
      `${Math.round(median(rounds.map(({ points, seconds }) => points / seconds)))} points/s`,
      ...Object.keys(rounds[0]!.usage).map((process) => {
        const usages = rounds.map(({ usage }) => usage[process]!);
        return formatUsage(process, {
          cpuPerPoint: median(usages.map(({ cpuPerPoint }) => cpuPerPoint)),
          cpuShare: median(usages.map(({ cpuShare }) => cpuShare)),
          peakMb: Math.max(...usages.map(({ peakMb }) => peakMb)),
        });
      }),
    ].join(', ');
  }
  const { server, questdb } = steady.usage;
  details['Perfscope, 10,000 points/s'] = [
    `${Math.round(steady.points / steady.seconds)} points/s`,
    formatUsage('server', server!),
    formatUsage('questdb', questdb!),
    `${steady.retries} retries`,
  ].join(', ');
  const perfscope = deliveries.get('Perfscope')!;
  const peaks = [...perfscope, steady].map(({ usage }) => usage.server!.peakMb);
  return {
    targets: [
      atLeast(
        'maximum points per second until queries return them',
        median(perfscope.map(({ points, seconds }) => points / seconds)),
        20_000,
        '1/s',
      ),
      atMost('decoding and mapping, CPU per point', conversion.total, 5, 'µs'),
      atMost('CPU share of the server at 10,000 points/s', server!.cpuShare * 100, 50, '%'),
      atMost('peak resident memory of the server', Math.max(...peaks), 300, 'MB'),
    ],
    details,
  };
}

function formatUsage(name: string, { cpuPerPoint, cpuShare, peakMb }: Usage): string {
  return `${name}: ${roundToFourDigits(cpuPerPoint)} µs of CPU per point (${Math.round(cpuShare * 100)} % of a core), ${Math.round(peakMb)} MB`;
}
