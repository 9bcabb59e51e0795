import { type ChildProcess, spawn } from 'node:child_process';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FAST_SPEED } from './daily-load.ts';
import { PostgresServer, RedisServer } from './database-servers.ts';
import { HOTELS, TENANT_HEADERS } from './hotels.ts';
import type { Scenario } from './scenarios.ts';
import { seedDatabase } from './seed-database.ts';
import { Traffic } from './traffic.ts';

export interface DemoOptions {
  /** A day in ten minutes. */
  fast: boolean;
  scenario: Scenario | undefined;
  /** Leaves out the server: one runs already on the QuestDB that is configured. */
  withoutServer?: boolean;
  /** What the server and the service get beside this process' own environment. */
  env?: NodeJS.ProcessEnv;
  say: (line: string) => void;
}

const DIST = dirname(fileURLToPath(import.meta.resolve('perfscope/register')));
/** Beside this file, as TypeScript in a checkout and compiled in the package. */
const BOOKING_SCRIPT = join(import.meta.dirname, `booking${extname(import.meta.url)}`);
const RULES_FILE = join(import.meta.dirname, 'business-rules.yaml');
/** How long all is well before a scenario begins. */
const SCENARIO_DELAY_MS = 20_000;
const FAST_START_HOUR = 7;
const FLUSH_INTERVAL_MS = '2000';

/** The product, an instrumented booking service, and people who use it. */
export class Demo {
  readonly #options: DemoOptions;
  #server: ChildProcess | undefined;
  #service: ChildProcess | undefined;
  #trouble: NodeJS.Timeout | undefined;
  postgres: PostgresServer | undefined;
  redis: RedisServer | undefined;
  traffic: Traffic | undefined;
  /** Addresses, once it has started; without a server of its own that one's is empty. */
  serverUrl = '';
  serviceUrl = '';

  constructor(options: DemoOptions) {
    this.#options = options;
  }

  /** @throws with the last words of a part that does not start */
  async start(): Promise<void> {
    const { fast, say } = this.#options;
    const speed = fast ? FAST_SPEED : 1;
    const { databaseUrl, redisUrl } = await this.#databases();
    await seedDatabase(databaseUrl);
    if (!this.#options.withoutServer) {
      say('Starting Perfscope …');
      this.#server = this.#spawn([join(DIST, 'bin.js'), 'serve'], {
        PERFORMANCE_BUSINESS_RULES_FILE: RULES_FILE,
      });
      this.serverUrl = await waitForOutput(this.#server, /Ready: (\S+)/, say);
    }
    say('Starting the booking service …');
    const flags = ['--import', join(DIST, 'register.js')];
    this.#service = this.#spawn([...flags, BOOKING_SCRIPT], {
      DATABASE_URL: databaseUrl,
      REDIS_URL: redisUrl,
      DEMO_SPEED: String(speed),
      OTEL_SERVICE_NAME: 'booking',
      ...TENANT_HEADERS,
      PERFORMANCE_IGNORE_ROUTES: '/healthz,/demo/*',
      SYSTEM_HEALTH_INTERVAL: '5000',
    });
    this.serviceUrl = await waitForOutput(this.#service, /listening on (\S+)/, say);
    const now = new Date();
    const startHour = fast ? FAST_START_HOUR : now.getHours() + now.getMinutes() / 60;
    this.traffic = new Traffic({ url: this.serviceUrl, speed, startHour });
    const { scenario } = this.#options;
    if (scenario)
      this.#trouble = setTimeout(() => void this.setScenario(scenario), SCENARIO_DELAY_MS);
  }

  /** Begins a scenario, or ends it with `none`. */
  async setScenario(scenario: Scenario | 'none'): Promise<void> {
    if (this.traffic) {
      const wanted = scenario === 'demand-peak';
      this.traffic.peakHotel = wanted
        ? HOTELS.find(({ property }) => property === 'seaside')
        : undefined;
    }
    await fetch(`${this.serviceUrl}/demo/scenario/${scenario}`, { method: 'PUT' });
    this.#options.say(`Scenario ${scenario} has begun.`);
  }

  /** Stops the traffic and the service; what was measured is stored before. */
  async stopService(): Promise<void> {
    clearTimeout(this.#trouble);
    await this.traffic?.stop();
    await stopProcess(this.#service);
  }

  /** Stops everything that was started. */
  async stop(): Promise<void> {
    await this.stopService();
    await stopProcess(this.#server);
    await Promise.all([this.postgres?.remove(), this.redis?.remove()]);
  }

  async #databases(): Promise<{ databaseUrl: string; redisUrl: string }> {
    const { DATABASE_URL, REDIS_URL } = process.env;
    if (!DATABASE_URL) {
      this.#options.say('Starting a PostgreSQL of its own …');
      this.postgres = new PostgresServer();
      await this.postgres.start();
    }
    if (!REDIS_URL) {
      this.#options.say('Starting a Redis of its own …');
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
      // A group of its own: Ctrl-C is for us, and we stop them in order.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return child;
  }
}

/** Resolves with what a child says it is. @throws with its last words when it ends instead */
function waitForOutput(
  child: ChildProcess,
  pattern: RegExp,
  say: (line: string) => void,
): Promise<string> {
  return new Promise((done, fail) => {
    let said = '';
    let found = false;
    const hear = (part: Buffer) => {
      const text = String(part);
      if (found) {
        if (child.stderr && /error|warn/i.test(text)) say(text.trim());
        return;
      }
      said += text;
      const match = pattern.exec(said);
      if (!match) return;
      found = true;
      done(match[1]!);
    };
    child.stdout?.on('data', hear);
    child.stderr?.on('data', hear);
    child.once('exit', (code) => fail(new Error(`${said.trim()} (code ${code})`)));
  });
}

async function stopProcess(child: ChildProcess | undefined): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const done = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await done;
}
