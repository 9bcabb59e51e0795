import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeQuestdb } from '../test/support/fake-questdb.ts';
import { findAgentModule } from './agent-module.ts';
import {
  atMost,
  type BenchOptions,
  formatDifference,
  medianAdded,
  medianOf,
  type Report,
  roundToFourDigits,
} from './report.ts';

interface ExitCase {
  readonly name: string;
  /** Scenario of `exit/program.cjs`. */
  readonly scenario: 'end' | 'exit' | 'signal' | 'worker';
  readonly questdb: keyof QuestdbUrls;
  /** Maximum delay that the agent adds, in ms. */
  readonly limitMs: number;
}

interface QuestdbUrls {
  readonly refuses: string;
  readonly hangs: string;
  readonly answers: string;
}

/** The agent waits for 300 ms. Then it writes the spool, and the process ends. */
const HANGING_LIMIT_MS = 330;

const CASES: readonly ExitCase[] = [
  { name: 'end, connection refused', scenario: 'end', questdb: 'refuses', limitMs: 50 },
  { name: 'end, QuestDB hangs', scenario: 'end', questdb: 'hangs', limitMs: HANGING_LIMIT_MS },
  { name: 'end, QuestDB answers', scenario: 'end', questdb: 'answers', limitMs: 300 },
  { name: 'process.exit(), QuestDB hangs', scenario: 'exit', questdb: 'hangs', limitMs: 50 },
  {
    name: 'SIGTERM, QuestDB hangs',
    scenario: 'signal',
    questdb: 'hangs',
    limitMs: HANGING_LIMIT_MS,
  },
  { name: 'end of a worker thread', scenario: 'worker', questdb: 'hangs', limitMs: 20 },
];

interface Exit {
  readonly delayMs: number;
}

/** Measures how long the agent delays the end of a process or of a worker thread. */
export async function benchExit({ quick, log }: BenchOptions): Promise<Report> {
  const rounds = quick ? 1 : 15;
  const register = findAgentModule('.', 'register.js');
  const folder = mkdtempSync(join(tmpdir(), 'perfscope-exit-'));
  const hanging = new FakeQuestdb('hangs');
  const answering = new FakeQuestdb();
  const plainExits = new Map<string, Exit[]>(CASES.map(({ name }) => [name, []]));
  const exits = new Map<string, Exit[]>(CASES.map(({ name }) => [name, []]));
  try {
    await hanging.start();
    await answering.start();
    const urls = { refuses: 'http://127.0.0.1:1', hangs: hanging.url, answers: answering.url };
    for (let round = 0; round < rounds; round++) {
      log(`round ${round + 1} of ${rounds}`);
      for (const exitCase of CASES) {
        const { name } = exitCase;
        const env = {
          PERFORMANCE_QUESTDB_URL: urls[exitCase.questdb],
          PERFORMANCE_SPOOL_DIR: join(folder, `${name} ${round}`),
        };
        plainExits
          .get(name)!
          .push(await measureExit(exitCase, ['--import', 'data:text/javascript,'], env));
        exits.get(name)!.push(await measureExit(exitCase, ['--import', register], env));
      }
    }
    const details: Report['details'] = {
      rounds,
      'rows that QuestDB received': answering.lines.length,
    };
    const targets = CASES.map(({ name, limitMs }) => {
      const added = medianAdded(exits.get(name)!, plainExits.get(name)!, 'delayMs');
      const total = medianOf(exits.get(name)!, 'delayMs');
      details[name] = `${roundToFourDigits(total)} ms (${formatDifference(added)})`;
      return atMost(`delay added to: ${name}`, added, limitMs, 'ms');
    });
    return { targets, details };
  } finally {
    hanging.stop();
    answering.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measureExit(
  { scenario }: ExitCase,
  flags: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<Exit> {
  const { PATH, HOME } = process.env;
  const child = spawn(process.execPath, [...flags, 'bench/exit/program.cjs', scenario], {
    env: { PATH, HOME, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (text) => {
    output += text;
    if (scenario === 'signal') child.kill('SIGTERM');
  });
  const exitMs = await new Promise<number>((done) => {
    child.once('exit', () => done(performance.timeOrigin + performance.now()));
  });
  if (!child.stdout.closed) await new Promise((done) => child.once('close', done));
  const printed = Number.parseFloat(output);
  return { delayMs: scenario === 'worker' ? printed : exitMs - printed };
}
