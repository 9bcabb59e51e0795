import { type ChildProcess, spawn } from 'node:child_process';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { waitForOutput } from './child-output.ts';
import { FAST_SPEED } from './daily-load.ts';
import { PostgresServer, RedisServer } from './database-servers.ts';
import { HOTELS, TENANT_HEADERS } from './hotels.ts';
import { PaymentProvider } from './payment-provider.ts';
import { isSurge, SCENARIO_DELAY_MS, type Scenario, SURGE_DELAY_MS } from './scenarios.ts';
import { seedDatabase } from './seed-database.ts';
import { Traffic } from './traffic.ts';

export interface DemoOptions {
  /** Runs a day in ten minutes. */
  fast: boolean;
  /** Scenarios that start after a delay. Default: none. */
  scenarios?: readonly Scenario[];
  /** Uses a server that already runs with the configured QuestDB instead of starting one. Default: false. */
  withoutServer?: boolean;
  /** Additional environment variables for the server and the service. */
  env?: NodeJS.ProcessEnv;
  /** Reports progress. */
  log: (line: string) => void;
}

const REGISTER = fileURLToPath(import.meta.resolve('perfscope/register'));
const BIN = join(dirname(REGISTER), '..', 'bin.js');
/** In the same folder as this file: TypeScript in a checkout, compiled in the package. */
const BOOKING_SCRIPT = join(import.meta.dirname, `booking${extname(import.meta.url)}`);
const RULES_FILE = join(import.meta.dirname, 'business-rules.yaml');
const FAST_START_HOUR = 7;
const FLUSH_INTERVAL_MS = '2000';

/** Runs Perfscope, an instrumented booking service, its payment provider, and simulated users. */
export class Demo {
  readonly #options: DemoOptions;
  #server: ChildProcess | undefined;
  #service: ChildProcess | undefined;
  #scenarioTimer: NodeJS.Timeout | undefined;
  readonly #payments = new PaymentProvider();
  postgres: PostgresServer | undefined;
  redis: RedisServer | undefined;
  traffic: Traffic | undefined;
  /** URL of the server after the start. Empty with `withoutServer`. */
  serverUrl = '';
  /** URL of the booking service after the start. */
  serviceUrl = '';

  constructor(options: DemoOptions) {
    this.#options = options;
  }

  /**
   * Starts all parts.
   *
   * @throws Error with a part's last output if it does not start
   */
  async start(): Promise<void> {
    const { fast, log } = this.#options;
    const speed = fast ? FAST_SPEED : 1;
    const { databaseUrl, redisUrl } = await this.#startDatabases();
    await seedDatabase(databaseUrl);
    if (!this.#options.withoutServer) {
      log('Starting Perfscope …');
      this.#server = this.#spawn([BIN, 'serve'], {
        PERFORMANCE_BUSINESS_RULES_FILE: RULES_FILE,
      });
      this.serverUrl = await waitForOutput(this.#server, /Ready: (\S+)/, log);
    }
    await this.#payments.start();
    log('Starting the booking service …');
    const flags = ['--import', REGISTER];
    this.#service = this.#spawn([...flags, BOOKING_SCRIPT], {
      DATABASE_URL: databaseUrl,
      REDIS_URL: redisUrl,
      PAYMENTS_URL: this.#payments.url,
      DEMO_SPEED: String(speed),
      OTEL_SERVICE_NAME: 'booking',
      ...TENANT_HEADERS,
      PERFORMANCE_IGNORE_ROUTES: '/healthz,/demo/*',
      SYSTEM_HEALTH_INTERVAL: '5000',
    });
    this.serviceUrl = await waitForOutput(this.#service, /listening on (\S+)/, log);
    const now = new Date();
    const startHour = fast ? FAST_START_HOUR : now.getHours() + now.getMinutes() / 60;
    this.traffic = new Traffic({ url: this.serviceUrl, speed, startHour });
    const { scenarios = [] } = this.#options;
    if (scenarios.length > 0) {
      const start = () => void this.setScenarios(...scenarios);
      this.#scenarioTimer = scenarios.some(isSurge)
        ? setTimeout(start, SURGE_DELAY_MS)
        : setTimeout(start, SCENARIO_DELAY_MS);
    }
  }

  /** Starts scenarios, and ends all others. */
  async setScenarios(...scenarios: readonly Scenario[]): Promise<void> {
    if (this.traffic) {
      const isPeak = scenarios.includes('demand-peak');
      this.traffic.peakHotel = isPeak
        ? HOTELS.find(({ property }) => property === 'seaside')
        : undefined;
    }
    if (scenarios.includes('payment-outage')) await this.#payments.stop();
    else await this.#payments.start();
    const names = scenarios.join(',') || 'none';
    await fetch(`${this.serviceUrl}/demo/scenario/${names}`, { method: 'PUT' });
    this.#options.log(`Started scenario ${names}.`);
  }

  /** Stops the traffic and the service. The service stores its metrics before it exits. */
  async stopService(): Promise<void> {
    clearTimeout(this.#scenarioTimer);
    await this.traffic?.stop();
    await stopProcess(this.#service);
  }

  /** Stops all parts that `start` started. */
  async stop(): Promise<void> {
    await this.stopService();
    await stopProcess(this.#server);
    await Promise.all([this.#payments.stop(), this.postgres?.remove(), this.redis?.remove()]);
  }

  async #startDatabases(): Promise<{ databaseUrl: string; redisUrl: string }> {
    const { DATABASE_URL, REDIS_URL } = process.env;
    if (!DATABASE_URL) {
      this.#options.log('Starting a temporary PostgreSQL …');
      this.postgres = new PostgresServer();
      await this.postgres.start();
    }
    if (!REDIS_URL) {
      this.#options.log('Starting a temporary Redis …');
      this.redis = new RedisServer();
      await this.redis.start();
    }
    return {
      databaseUrl: DATABASE_URL || this.postgres?.url || '',
      redisUrl: REDIS_URL || this.redis?.url || '',
    };
  }

  #spawn(args: readonly string[], env: NodeJS.ProcessEnv): ChildProcess {
    const child = spawn(process.execPath, args, {
      env: {
        PERFORMANCE_FLUSH_INTERVAL: FLUSH_INTERVAL_MS,
        ...process.env,
        ...this.#options.env,
        ...env,
      },
      // Separate process group, so that Ctrl-C reaches only this process, which stops the others in order.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return child;
  }
}

async function stopProcess(child: ChildProcess | undefined): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const done = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await done;
}
