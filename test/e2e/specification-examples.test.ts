// The examples of the specification compile with strict types, and do what they promise. Only the import paths are
// replaced by the name of our package.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectRows } from '../support/expect-rows.ts';
import { InstrumentedApp } from '../support/instrumented-app.ts';
import { PackedPackages } from '../support/packed-packages.ts';
import { PerfscopeServer } from '../support/perfscope-server.ts';

const EXAMPLES = readFileSync('test/apps/specification-examples.md', 'utf8');
/** An older compiler, which `@arethetypeswrong/core` depends on. */
const OLD_TYPESCRIPT = createRequire(
  createRequire(import.meta.url).resolve('@arethetypeswrong/core'),
).resolve('typescript');
const COMPILERS = [
  resolve('node_modules/typescript/bin/tsc'),
  join(dirname(OLD_TYPESCRIPT), 'tsc.js'),
];

/** The names that an example uses but doesn't define, by its heading. */
const DEFINITIONS: Readonly<Record<string, string>> = {
  'Basic Metric Recording': "import { PerformanceMetricType } from '@perfscope/agent';",
  'Using Performance Middleware': `
interface Reservation { readonly room: number }
async function processReservation(data: Reservation): Promise<{ readonly booked: number }> {
  if (data.room === 0) throw new Error('no such room');
  return { booked: data.room };
}`,
  'System Health Monitoring': '',
};
/** Calls after an example. The types of the results are checked too. */
const CALLS: Readonly<Record<string, string>> = {
  'Using Performance Middleware': `
const reservation: { readonly booked: number } = await trackedFunction({ room: 7 });
console.log(JSON.stringify(reservation));
await trackedFunction({ room: 0 }).catch((error: Error) => console.log(error.message));`,
  'System Health Monitoring': `
const { dbConnections, dbQueryTime, cpu } = health.metrics;
const figures: (number | undefined)[] = [dbConnections, dbQueryTime, cpu];
console.log(typeof cpu, figures.length);`,
};

/** Returns the code blocks of a language, by heading. */
function listCodeBlocks(language: string): Map<string, string> {
  const blocks = new Map<string, string>();
  for (const section of EXAMPLES.split(/^### /m).slice(1)) {
    const heading = section.slice(0, section.indexOf('\n'));
    const block = new RegExp(`\`\`\`${language}\\n([^]*?)\`\`\``).exec(section);
    if (block) blocks.set(heading, block[1]!);
  }
  return blocks;
}

const server = new PerfscopeServer();
const packages = new PackedPackages();
const folder = mkdtempSync(join(tmpdir(), 'perfscope-examples-'));
const snippets = listCodeBlocks('typescript');

beforeAll(() => server.start());
afterAll(async () => {
  await server.remove();
  packages.remove();
  rmSync(folder, { recursive: true, force: true });
});

function writeExamples(): string[] {
  packages.unpack('@perfscope/agent', folder);
  return [...snippets].map(([heading, code], i) => {
    const file = `example-${i}.mts`;
    const imports = code.replaceAll(
      /'@\/lib\/performance-monitoring\/[\w-]+'/g,
      "'@perfscope/agent'",
    );
    const text = [DEFINITIONS[heading], imports, CALLS[heading] ?? ''].join('\n');
    writeFileSync(join(folder, file), text);
    return file;
  });
}

describe('the TypeScript examples', () => {
  it('compile with strict types', () => {
    expect([...snippets.keys()]).toEqual(Object.keys(DEFINITIONS));
    const files = writeExamples();
    const flags = [
      ...['--strict', '--skipLibCheck', '--target', 'es2022', '--module', 'nodenext'],
      ...['--lib', 'es2023,dom'],
    ];
    for (const compiler of COMPILERS) {
      const { stdout } = spawnSync(process.execPath, [compiler, ...flags, ...files], {
        cwd: folder,
        encoding: 'utf8',
      });
      expect(stdout).toBe('');
    }
  });

  it('run and print what they promise', async () => {
    const outputs: string[] = [];
    for (const i of [...snippets.keys()].keys()) {
      const { PORT: _, ...env } = server.env;
      const register = join(folder, 'node_modules/@perfscope/agent/register.js');
      const app = new InstrumentedApp(`example-${i}.mjs`, { cwd: folder, env, register });
      expect([await app.exited, app.stderr]).toEqual([0, expect.not.stringMatching(/error/i)]);
      outputs.push(app.stdout);
    }
    const [recording, middleware, health] = outputs;
    expect(recording).toBe('');
    expect(middleware).toBe('{"booked":7}\nno such room\n');
    const lines = /^System Status: (\w+)\nCPU Usage: (\S+)%\nnumber 3\n$/.exec(health ?? '');
    expect(['healthy', 'degraded', 'unhealthy']).toContain(lines?.[1]);
    const cpu = Number(lines?.[2]);
    expect(cpu).toBeGreaterThan(0);
    expect(cpu).toBeLessThanOrEqual(100);
  });

  it('store what they record', async () => {
    const select = () =>
      server.sql(
        `SELECT name, metric_type, unit, service, endpoint, operation, organization_id, sum(count),
         sum(error_count) FROM performance_metrics
         WHERE name IN ('api_endpoint_performance', 'process_reservation') ORDER BY name`,
      );
    await expectRows(select, [
      [
        ...['api_endpoint_performance', 'API_RESPONSE_TIME', 'ms', 'api', '/api/reservations'],
        ...[null, 'org-123', 1, 0],
      ],
      [
        ...['process_reservation', 'API_RESPONSE_TIME', 'ms', 'reservations'],
        ...['process_reservation', 'create', 'org-123', 2, 1],
      ],
    ]);
  });
});

describe('the examples of the test API', () => {
  const lines = [...listCodeBlocks('bash').values()].join('\n').split('\n');
  const commands = lines.filter((line) => line.startsWith('curl '));
  const run = (command: string) => {
    const local = command.replace('http://localhost:4001', server.url);
    const { stdout } = spawnSync('sh', ['-c', local], { encoding: 'utf8' });
    return JSON.parse(stdout) as Record<string, unknown>;
  };

  it.each([
    ['setup', { schema: { conflicts: [] } }],
    ['test-metrics', { written: 20, readBack: 20 }],
    ['health', { status: expect.any(String), metrics: { cpu: expect.any(Number) } }],
    [
      'dashboard',
      { api: expect.any(Object), queues: expect.any(Object), trends: expect.any(Object) },
    ],
  ])('perform %s', (action, expected) => {
    const command = commands.find((line) => line.endsWith(`action=${action}`));
    expect(run(command!)).toMatchObject({ action, ok: true, ...expected });
  });

  it('cover each documented action', () => {
    const actions = [...EXAMPLES.matchAll(/^- \*\*([\w-]+)\*\*: /gm)].map(([, action]) => action!);
    expect(actions).toHaveLength(8);
    for (const action of actions) {
      const url = `http://localhost:4001/api/performance/test?action=${action}`;
      expect(run(`curl -s '${url}'`)).toMatchObject({ action, ok: true });
    }
    expect(commands).toHaveLength(4);
  });
});
