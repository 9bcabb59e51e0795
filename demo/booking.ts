// A small booking service for a few hotels. Perfscope measures it with only the `--import` flag. The service
// records its business gauges itself. Perfscope's rules set its prices, its number of workers, and a rate limit.
// If the database hangs, a circuit breaker puts bookings on a waiting list.
import { pbkdf2Sync } from 'node:crypto';
import express, { type Request, type Response } from 'express';
import { rateLimit } from 'express-rate-limit';
import {
  onRule,
  PerformanceMetricType,
  performanceMonitoringService,
  protect,
  systemHealthMonitor,
  withUrlTemplate,
} from 'perfscope';
import pg from 'pg';
import { CpuLoad } from './cpu-load.ts';
import { HOTELS } from './hotels.ts';
import { startJobs } from './jobs.ts';
import { PlantedProblems } from './planted-problems.ts';
import { parseScenarios, type Scenario } from './scenarios.ts';

/** The container sets DEMO_PORT, because its health check needs a fixed port. */
const { DATABASE_URL, REDIS_URL = '', PAYMENTS_URL = '' } = process.env;
const { DEMO_SPEED = '1', DEMO_PORT = '0' } = process.env;
const PAYMENT_TIMEOUT_MS = 5000;
const GAUGE_INTERVAL_MS = 5000;
const ACTIVE_WINDOW_MS = 60_000;
const RESERVATIONS_MAX_AGE_MS = 65_000;

// Large enough that the slow statement of a scenario doesn't block the other requests.
const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 40 });
pool.on('error', (error) => console.error(`database: ${error.message}`));
let scenarios: readonly Scenario[] = [];
const has = (scenario: Scenario) => scenarios.includes(scenario);
const speed = Number(DEMO_SPEED);
const jobs = startJobs({
  redisUrl: REDIS_URL,
  pool,
  speed,
  has,
  onInvoice: (booking) => planted.onInvoice(booking),
});
const planted = new PlantedProblems({ pool, connection: jobs.connection, sendMail: jobs.sendMail });
let change: Promise<unknown> = Promise.resolve();
const lastSeen = new Map<string, { property: string; atMs: number }>();

/** Settings from `demo/business-rules.yaml`, with their default values. */
const priceFactors = new Map<string, number>();
let reportsPerMinute = 600;
onRule('demand.high', ({ propertyId = '', value }) => void priceFactors.set(propertyId, value));
onRule('capacity.workers', ({ value }) => jobs.setInvoiceWorkers(value));
onRule('capacity.reports', ({ value }) => {
  reportsPerMinute = value;
});

const app = express();
app.use((request, _response, next) => {
  const property = request.header('x-property-id');
  const user = request.header('x-user-id');
  if (property && user) lastSeen.set(user, { property, atMs: Date.now() });
  next();
});
app.get('/healthz', (_request, response) => {
  response.send('ok');
});
/** Runs only the scenarios in the list. Any other text ends all scenarios. */
app.put('/demo/scenario/:names', async (request, response) => {
  const parsed = parseScenarios(request.params.names);
  scenarios = typeof parsed === 'string' ? [] : parsed;
  change = change.then(() => planted.set(scenarios));
  await change;
  response.json({ scenario: scenarios.join(',') || 'none' });
});

const hotelRouter = express.Router({ mergeParams: true });
app.use('/api/properties/:property', hotelRouter);
hotelRouter.get('/rooms', async (request: Request<{ property: string }>, response: Response) => {
  const { property } = request.params;
  const { arrival, nights } = readStay(request.query);
  if (has('slow-statement')) await pool.query('SELECT pg_sleep(1.5), count(*) FROM rooms');
  const { rows } = await pool.query(
    `SELECT number, price FROM rooms WHERE property = $1 AND number NOT IN (
       SELECT room FROM bookings WHERE property = $1 AND arrival > $2::date - 14
         AND arrival < $2::date + $3::int AND arrival + nights > $2::date) LIMIT 20`,
    [property, arrival, nights],
  );
  await planted.onSearch(property, arrival);
  const factor = priceFactors.get(property) ?? 1;
  response.json(
    rows.map(({ number, price }) => ({ number, price: Math.round(price * factor), factor })),
  );
});
hotelRouter.get(
  '/bookings/:id',
  async (request: Request<{ property: string; id: string }>, response: Response) => {
    const { property, id } = request.params;
    await planted.onRead(property);
    const { rows } = await pool.query('SELECT * FROM bookings WHERE property = $1 AND id = $2', [
      property,
      id,
    ]);
    if (rows.length > 0) return void response.json(rows[0]);
    await planted.onMissing();
    response.status(404).json({ error: 'booking not found' });
  },
);
/** Returns the dates of a search. Default: one night from today on. */
function readStay({ arrival, nights }: Request['query']): { arrival: string; nights: number } {
  const today = new Date().toISOString().slice(0, 10);
  return { arrival: typeof arrival === 'string' ? arrival : today, nights: Number(nights) || 1 };
}

/** Books a room. If the database doesn't respond, puts the guest on a waiting list. */
const book = protect(bookRoom, {
  name: 'bookings-database',
  timeoutMs: 2000,
  volumeThreshold: 3,
  resetTimeoutMs: 5000,
  fallback: () => ({ status: 202, body: { waitingList: true } }),
});

async function bookRoom(property: string) {
  const client = await pool.connect();
  try {
    if (has('stuck-database')) await client.query('SELECT pg_sleep(4)');
    await client.query('BEGIN');
    const { rows } = await client.query(
      `INSERT INTO bookings (property, room, guest, arrival, nights)
       VALUES ($1, $2, $3, current_date + 1, 2) RETURNING id`,
      [property, 1 + Math.floor(Math.random() * 80), 'Guest'],
    );
    await planted.beforeCommit(rows[0].id);
    await client.query('COMMIT');
    return { status: 201, body: { booking: rows[0].id as string } };
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  } finally {
    client.release();
  }
}

/** Asks the payment provider to charge the guest. */
async function pay(): Promise<void> {
  const body = JSON.stringify({ amount: 80, currency: 'EUR' });
  const signal = AbortSignal.timeout(PAYMENT_TIMEOUT_MS);
  const send = () => fetch(`${PAYMENTS_URL}/payments`, { method: 'POST', body, signal });
  const response = await withUrlTemplate('/payments', send);
  await response.arrayBuffer();
  if (!response.ok) throw new Error(`payment failed with status ${response.status}`);
}

hotelRouter.post(
  '/bookings',
  async (request: Request<{ property: string }>, response: Response) => {
    if (has('error-burst') && Math.random() < 0.8) throw new Error('payment declined');
    await pay();
    const { status, body } = await book(request.params.property);
    if ('booking' in body) {
      const { booking } = body;
      await jobs.queues.mails.add('confirmation', { booking });
      await jobs.queues.invoices.add('invoice', { booking }, { priority: 1 });
    }
    response.status(status).json(body);
  },
);
hotelRouter.get(
  '/reports/occupancy',
  rateLimit({ windowMs: 60_000, limit: () => reportsPerMinute, keyGenerator: () => 'all' }),
  async (request: Request<{ property: string }>, response: Response) => {
    const { arrival } = readStay(request.query);
    const { rows } = await pool.query(
      `SELECT stay::date AS day, count(*)::int AS occupied
       FROM bookings, generate_series(arrival, arrival + nights - 1, interval '1 day') stay
       WHERE property = $1 AND arrival > $2::date - 14 AND arrival < $2::date + 30
         AND stay >= $2::date AND stay < $2::date + 30 GROUP BY stay ORDER BY stay`,
      [request.params.property, arrival],
    );
    response.json(rows);
  },
);
app.use((error: Error, _request: Request, response: Response, _next: () => void) => {
  response.status(500).json({ error: error.message });
});

function countActiveUsers(property?: string): number {
  const since = Date.now() - ACTIVE_WINDOW_MS;
  for (const [user, { atMs }] of lastSeen) if (atMs < since) lastSeen.delete(user);
  return [...lastSeen.values()].filter((seen) => !property || seen.property === property).length;
}

/** Ongoing reservations of each hotel. They are read once per minute, and not for each gauge. */
let reservations: { readMs: number; counts: Promise<Map<string, number>> } | undefined;

async function readReservations(): Promise<Map<string, number>> {
  const { rows } = await pool.query<{ property: string; count: number }>(
    `SELECT property, count(*)::int AS count FROM bookings WHERE arrival > current_date - 14
     AND arrival <= current_date AND arrival + nights > current_date GROUP BY property`,
  );
  return new Map(rows.map(({ property, count }) => [property, count]));
}

async function countOngoingReservations(property?: string): Promise<number> {
  if (!reservations || performance.now() - reservations.readMs > RESERVATIONS_MAX_AGE_MS) {
    reservations = { readMs: performance.now(), counts: readReservations() };
    reservations.counts.catch(() => {
      reservations = undefined;
    });
  }
  const counts = await reservations.counts;
  if (property) return counts.get(property) ?? 0;
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}

systemHealthMonitor.registerGauge('activeUsers', () => countActiveUsers());
systemHealthMonitor.registerGauge('ongoingReservations', () => countOngoingReservations());
const gaugeTimer = setInterval(async () => {
  for (const { organization: organizationId, property: propertyId } of HOTELS) {
    const common = { organizationId, propertyId };
    const users = countActiveUsers(propertyId);
    const { ACTIVE_USERS, ONGOING_RESERVATIONS } = PerformanceMetricType;
    performanceMonitoringService.recordMetric({
      ...common,
      metricType: ACTIVE_USERS,
      name: 'users',
      value: users,
    });
    const value = await countOngoingReservations(propertyId).catch(() => Number.NaN);
    if (Number.isNaN(value)) continue;
    performanceMonitoringService.recordMetric({
      ...common,
      metricType: ONGOING_RESERVATIONS,
      name: 'reservations',
      value,
    });
  }
}, GAUGE_INTERVAL_MS);
const cpuLoad = new CpuLoad();
let nextBusyMs = 0;
const busyTimer = setInterval(() => {
  cpuLoad.setActive(has('busy-host'));
  const startMs = performance.now();
  if (!has('busy-host') || startMs < nextBusyMs) return;
  pbkdf2Sync('demo', 'salt', 200_000, 64, 'sha512');
  // Requests are processed in the other half of the time, also on a slow machine.
  const endMs = performance.now();
  nextBusyMs = endMs + (endMs - startMs);
}, 50);

const server = app.listen(Number(DEMO_PORT), '127.0.0.1', () => {
  const address = server.address();
  if (typeof address === 'object') console.log(`listening on http://127.0.0.1:${address?.port}`);
});

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, async () => {
    clearInterval(gaugeTimer);
    clearInterval(busyTimer);
    cpuLoad.setActive(false);
    server.close();
    server.closeIdleConnections();
    await change.then(() => planted.set([])).catch(() => {});
    await jobs.close();
    await pool.end();
    await performanceMonitoringService.shutdown();
    process.exit(0);
  });
}
