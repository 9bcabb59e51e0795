import { spawn } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectRows } from '../support/expect-rows.ts';
import { ExternalQuestdb } from '../support/external-questdb.ts';
import { listenOnFreePort } from '../support/listen-on-free-port.ts';
import { PerfscopeServer } from '../support/perfscope-server.ts';
import { runPerfscope } from '../support/run-perfscope.ts';
import { waitFor } from '../support/wait-for.ts';
import { waitForExit } from '../support/wait-for-exit.ts';

const ROWS = 3000;
const server = new PerfscopeServer();
const file = (name: string) => join(server.folder, name);
const run = (...args: string[]) => runPerfscope(args, server.env);
const runOk = async (...args: string[]) => {
  const { status, stdout, stderr } = await run(...args);
  expect([status, stderr]).toEqual([0, '']);
  return stdout;
};

beforeAll(async () => {
  await server.start();
  // Three days, so that at least one full day is included. Some values need quoting in CSV.
  await server.sql(`INSERT INTO performance_metrics
    (timestamp, id, metric_type, name, service, operation, endpoint, organization_id, tags,
     value, count, error_count, sum, min, max, test)
    SELECT dateadd('s', -(x * 86)::int, now()), x::varchar, 'API_RESPONSE_TIME', 'made', 'shop', 'GET',
      '/items/' || (x % 7), CASE WHEN x % 2 = 0 THEN 'O''Hara' ELSE 'other' END,
      '{"a":"x,\n""' || x || '"}', x / 4.0, 1, CASE WHEN x % 10 = 0 THEN 1 ELSE 0 END, x / 4.0,
      x / 4.0, x / 4.0, false FROM long_sequence(${ROWS})`);
  await server.sql(`INSERT INTO metric_buckets
    (timestamp, metric_type, name, service, operation, endpoint, point, bucket_upper, count, test)
    SELECT dateadd('s', -(x * 86)::int, now()), 'API_RESPONSE_TIME', 'made', 'shop', 'GET',
      '/items/' || (x % 7), x, 1024, 1, false FROM long_sequence(${ROWS})`);
  await expectRows(() => server.sql(COUNT), [[ROWS]]);
  await expectRows(
    () => server.sql("SELECT sum(count) FROM metric_buckets WHERE name = 'made'"),
    [[ROWS]],
  );
  await waitFor(async () => Number(await server.sql('SELECT count() FROM system_health')) > 0);
});
afterAll(() => server.remove());

const COUNT = "SELECT count() FROM performance_metrics WHERE name = 'made'";
const COLUMNS = 'timestamp, id, name, organization_id, tags, value, count, user_id, test';
const SELECT = `SELECT ${COLUMNS} FROM performance_metrics WHERE name = 'made'`;

describe('backtest and noise', () => {
  const writeRules = (name: string, rule: string) => {
    writeFileSync(file(name), `rules:\n  - name: slow-shop\n    ${rule}\n`);
    return file(name);
  };
  const measure =
    'measure: { type: API_RESPONSE_TIME, aggregate: max, groupBy: [service], filter: { service: shop }, window: 10m }';

  it('show what a new rule would have done', async () => {
    const rules = writeRules('new.yaml', `${measure}\n    thresholds: { warning: 0.1 }`);
    const args = ['backtest', '--rules', rules, '--since', '1h', '--rule', 'slow-shop'];
    const { stdout: table, stderr } = await run(...args);
    expect(stderr).toMatch(/Only the selected rules were replayed/);
    expect(table).toMatch(/ to .*, every .*, in /);
    expect(table).toMatch(/rule +change +fired now +fired new/);
    expect(table).toMatch(/slow-shop +added/);
    const result = JSON.parse((await run(...args, '--json')).stdout);
    expect(result.rules[0]).toMatchObject({
      name: 'slow-shop',
      change: 'added',
      proposed: { fired: expect.any(Number) },
    });
    expect(result.rules[0].proposed.skipped).toBeUndefined();
  });

  it('report the errors of a rules file, and a missing file', async () => {
    const rules = writeRules('wrong.yaml', `${measure}\n    treshold: { warning: 1 }`);
    const wrong = await run('backtest', '--rules', rules, '--since', '1h');
    expect(wrong.status).not.toBe(0);
    expect(wrong.stdout).toBe('');
    expect(wrong.stderr).toMatch(/:4:5.*treshold/);
    const missing = await run('backtest', '--rules', file('none.yaml'));
    expect(missing.status).not.toBe(0);
    expect(missing.stderr).toMatch(/none\.yaml/);
    expect((await run('backtest')).stderr).toMatch(/--current-only/);
  });

  it('show the noise of the rules as JSON', async () => {
    const noise = JSON.parse(await runOk('noise', '--since', '1h', '--no-suggest', '--json'));
    expect(noise).toMatchObject({ rules: expect.any(Array), from: expect.any(String) });
  });
});

it('lists objectives as a table and as JSON, and rejects an unknown name', async () => {
  const { objectives } = await waitFor(async () => {
    const found = JSON.parse(await runOk('objectives', '--json'));
    return found.updatedAt !== undefined && found;
  });
  expect(objectives).toContainEqual(
    expect.objectContaining({ name: 'target-uptime', target: 99.9, omittedGroups: 0 }),
  );
  const table = await runOk('objectives', 'target-uptime');
  expect(table).toMatch(
    /^objective +labels +target +status +achieved +budget +burn rate +runs out/,
  );
  expect(table).toMatch(/target-uptime .*99\.9 % uptime in 30 d +waiting/);
  expect(table).not.toContain('target-error-rate');
  const unknown = await run('objectives', 'target-uptme');
  expect([unknown.status, unknown.stdout]).toEqual([1, '']);
  expect(unknown.stderr).toContain('No objective has the name "target-uptme"');
});

describe('query', () => {
  it('prints a table, JSON, and CSV', async () => {
    const count = `${COUNT} AND organization_id = 'O''Hara'`;
    expect(await runOk('query', count)).toBe('count()\n   1500\n');
    expect(await runOk('query', '--json', count)).toBe('[{"count()":1500}]\n');
    expect(await runOk('query', '--csv', count)).toBe('count()\n1500\n');
    const fromInput = await runPerfscope(['query', '--json'], server.env, count);
    expect(fromInput.stdout).toBe('[{"count()":1500}]\n');
  });

  it('reports truncated results, and rejects invalid options and statements that write', async () => {
    const { stdout, stderr, status } = await run('query', '--limit', '2', '--csv', SELECT);
    expect(status).toBe(0);
    expect(parse(stdout)).toHaveLength(3);
    expect(stderr).toContain('Only the first 2 rows are shown');
    const rejected = await run('query', 'DROP TABLE performance_metrics');
    expect([rejected.status, rejected.stdout]).toEqual([1, '']);
    expect(rejected.stderr).toContain('PS_SQL_REFUSED');
    for (const options of [
      ['--limit', '0'],
      ['--timeout', 'soon'],
      ['--json', '--csv'],
      ['--what'],
    ]) {
      expect((await run('query', ...options, COUNT)).status).toBe(2);
    }
    expect(await server.sql(COUNT)).toEqual([[ROWS]]);
  });
});

it('adds a prefix to formulas in CSV, but not to negative numbers', async () => {
  const select = `SELECT '=cmd()' AS f, '-1' AS t, -1.5 AS n, -9007199254740993 AS l FROM performance_metrics WHERE name = 'made' LIMIT 1`;
  expect(await runOk('query', '--csv', select)).toBe(
    "f,t,n,l\n'=cmd(),'-1,-1.5,-9007199254740993\n",
  );
  expect(JSON.parse(await runOk('query', '--json', select))).toMatchObject([
    { f: '=cmd()', n: -1.5 },
  ]);
  await runOk('export', '--query', select, '-o', file('formulas.csv'));
  const lines = readFileSync(file('formulas.csv'), 'utf8').split('\r\n');
  expect(lines[1]).toBe(`"'=cmd()","'-1",-1.5,-9007199254740993`);
});

describe('export', () => {
  it('writes CSV with the same values as the table', async () => {
    const output = await runOk(
      'export',
      'performance_metrics',
      '--last',
      '24h',
      '--organization',
      "O'Hara",
      '-o',
      file('a.csv'),
    );
    const rows = parse(readFileSync(file('a.csv'), 'utf8'), { columns: true }) as Record<
      string,
      string
    >[];
    expect(output).toContain(`${rows.length} rows`);
    const stored = await server.sql(`${SELECT} AND organization_id = 'O''Hara'
      AND timestamp >= '${rows[0]?.timestamp}'`);
    expect(rows.length).toBeGreaterThan(400);
    expect(rows.length).toBeLessThan(ROWS / 2);
    const text = (value: unknown) => (value === null ? '' : String(value).replaceAll('\n', '\\n'));
    expect(rows.map((row) => COLUMNS.split(', ').map((name) => textOf(row[name])))).toEqual(
      stored.map((row) => row.map(text)),
    );
  });

  it('writes Parquet that QuestDB reads back unchanged', async () => {
    const { bytes } = JSON.parse(
      await runOk(
        'export',
        '--query',
        SELECT,
        '--format',
        'parquet',
        '--json',
        '-o',
        file('a.parquet'),
      ),
    ) as { bytes: number };
    expect(bytes).toBe(readFileSync(file('a.parquet')).length);
    // Perfscope's own QuestDB can't read files.
    const other = new ExternalQuestdb();
    other.canImport = true;
    const importFolder = join(other.folder, 'root', 'import');
    mkdirSync(importFolder, { recursive: true });
    copyFileSync(file('a.parquet'), join(importFolder, 'a.parquet'));
    await other.start();
    const rowsFromParquet = await other.sql(`SELECT ${COLUMNS} FROM read_parquet('a.parquet')`);
    await other.remove();
    expect(rowsFromParquet).toEqual(await server.sql(SELECT));
    expect(rowsFromParquet).toHaveLength(ROWS);
  });

  it('writes the rows to stdout', async () => {
    const { status, stdout } = await run('export', '--query', COUNT, '-o', '-');
    expect([status, stdout]).toEqual([0, `"count()"\r\n${ROWS}\r\n`]);
    expect(existsSync(join(process.cwd(), '-'))).toBe(false);
  });

  it('does not overwrite files and removes partial files', async () => {
    const secondExport = await run('export', 'performance_metrics', '-o', file('a.csv'));
    expect(secondExport.stderr).toContain('PS_FILE_EXISTS');
    await runOk('export', 'queue_metrics', '-o', file('a.csv'), '--force');
    expect(parse(readFileSync(file('a.csv'), 'utf8'))).toHaveLength(1);
    expect((await run('export', 'nothing', '-o', file('b.csv'))).stderr).toMatch(
      /PS_SQL_REFUSED.*not exist/,
    );
    expect((await run('export', "a'b", '-o', file('b.csv'))).stderr).toContain(
      'not a valid table name',
    );
    expect((await run('export', '--query', 'COPY t TO x', '-o', file('b.csv'))).stderr).toContain(
      'PS_SQL_REFUSED',
    );
    expect((await run('export', 'queue_metrics', '-o', file('no/b.csv'))).stderr).toContain(
      'PS_EXPORT_FAILED',
    );
    expect((await run('export', '-o', file('b.csv'))).status).toBe(2);
    expect(
      (await run('export', 't', '--query', COUNT, '--last', '1h', '-o', file('b.csv'))).status,
    ).toBe(2);
    expect(existsSync(file('b.csv'))).toBe(false);
    expect(readdirSync(server.folder).filter((name) => name.endsWith('.part'))).toEqual([]);
  });
});

interface Report {
  tables: Record<string, unknown>[];
  measuredBy: string;
  freeBytes: number;
  growthBytesPerDay: number;
  expiredRows: number;
}

it('retention reports the configured and the actual retention', async () => {
  const report = JSON.parse(await runOk('retention', '--json')) as Report;
  const table = (name: string) => report.tables.find((each) => each.name === name);
  const [[oldest] = []] = await server.sql('SELECT min(timestamp) FROM performance_metrics');
  const raw = table('performance_metrics');
  expect(raw).toMatchObject({ configured: '30 DAY', actual: '30 DAY' });
  expect(String(oldest).slice(0, 23)).toBe(String(raw?.oldest).slice(0, 23));
  expect(raw?.rows).toBeGreaterThanOrEqual(ROWS);
  // One full day has 86400 / 86 rows of about 200 bytes.
  expect(raw?.rowsPerDay).toBeGreaterThan(900);
  expect(raw?.bytesPerDay).toBeGreaterThan(100_000);
  expect(raw?.bytesPerDay).toBeLessThan(1_000_000);
  expect(table('performance_metrics_1h_v3')).toMatchObject({
    configured: '105 WEEK',
    actual: '105 WEEK',
    rollup: { status: 'valid' },
  });
  expect(table('api_keys')).not.toHaveProperty('actual');
  expect(report).toMatchObject({ measuredBy: 'folder', expiredRows: 0 });
  expect(report.freeBytes).toBeGreaterThan(0);
  const weekly = { ...server.env, PERFORMANCE_RETENTION_DAYS: '7' };
  const changed = await runPerfscope(['retention'], weekly);
  expect(changed.stdout).toMatch(/performance_metrics +30 days \(7 days after the next start\)/);
  expect(changed.stdout).toMatch(/^perfscope: Free: /m);
});

it('retention counts dropped rows that were older than the retention period', async () => {
  expect(await server.runApp('test/apps/too-old.mjs')).toBe(0);
  // Five different values, each with a row in the histogram.
  await waitFor(
    async () => (JSON.parse(await runOk('retention', '--json')) as Report).expiredRows === 10,
  );
});

it('coverage lists the libraries that services reported, as a table or as JSON', async () => {
  expect(await runOk('coverage', '--last', '1m')).toMatch(/^perfscope: No service has reported/);
  const insert =
    'INSERT INTO performance_metrics (timestamp, id, metric_type, name, service, service_version, instance, endpoint, operation, value, tags, test) VALUES';
  const rows = [
    "'c1', 'CUSTOM', 'perfscope.coverage', 'shop', '1.0.0', 'a', 'pg', '8.1.0', 1, null, false",
    "'c2', 'CUSTOM', 'perfscope.coverage', 'shop', '1.0.0', 'b', 'pg', '8.1.0', 0, '{\"reason\":\"late\"}', false",
  ];
  for (const row of rows) await server.sql(`${insert} (now(), ${row})`);
  await waitFor(async () => (await runOk('coverage')).includes('1 of 2'));
  expect(await runOk('coverage')).toMatch(/^shop +1\.0\.0 +pg +8\.1\.0 +1 of 2 +late/m);
  expect(JSON.parse(await runOk('coverage', '--json'))).toMatchObject([
    { service: 'shop', library: 'pg', measured: 1, unmeasured: 1, reason: 'late' },
  ]);
});

describe('top', () => {
  it('with --once, prints the endpoints once, as a table or as JSON', async () => {
    const text = await runOk('top', '--once', '--last', '24h');
    expect(text).toMatch(/GET \/items\/0 +shop +\S+ +\S+ +\S+ +\d/);
    expect(text).toMatch(/^process +service +status/m);
    expect(text).not.toContain('\x1b');
    interface Top {
      endpoints: { endpoint?: string; errorRate?: number; p95?: number }[];
      hosts: { service: string }[];
    }
    const { endpoints, hosts } = JSON.parse(
      await runOk('top', '--once', '--json', '--last', '24h', '--sort', 'errors'),
    ) as Top;
    expect(endpoints.filter(({ endpoint }) => endpoint?.startsWith('/items'))).toHaveLength(7);
    const rates = endpoints.map(({ errorRate }) => errorRate ?? 0);
    expect(rates).toEqual(rates.toSorted((a, b) => b - a));
    expect(hosts.map(({ service }) => service)).toContain('perfscope');
    expect((await run('top', '--sort', 'beauty')).status).toBe(2);
  });

  it('fills the terminal until Ctrl-C, then restores the previous screen', async () => {
    // `script` runs the command in a pseudo-terminal.
    const command = `stty rows 20 cols 60; exec ${process.execPath} dist/bin.js top --interval 300ms`;
    const terminal = spawn('script', ['-qec', command, '/dev/null'], {
      env: { ...server.env, TERM: 'xterm-256color' },
    });
    let shown = '';
    terminal.stdout.on('data', (part) => {
      shown += part;
    });
    const exitCode = new Promise((done) => terminal.once('close', done));
    await waitFor(async () => shown.split('\x1b[H\x1b[2J').length > 3);
    terminal.stdin.write('\x03');
    expect(await exitCode).toBe(0);
    expect(shown).toContain('\x1b[?1049h');
    expect(shown.trimEnd().endsWith('\x1b[?25h\x1b[?1049l')).toBe(true);
    const screen = shown.split('\x1b[H\x1b[2J')[2] ?? '';
    expect(screen.split('\n').length).toBeLessThanOrEqual(20);
  });
});

/** Runs a command in a pseudo-terminal, types `input` at the question, and returns the output. */
async function answer(command: string, input: string): Promise<{ status: unknown; shown: string }> {
  const text = `exec ${process.execPath} dist/bin.js ${command}`;
  const terminal = spawn('script', ['-qec', text, '/dev/null'], { env: server.env });
  let shown = '';
  terminal.stdout.on('data', (part) => {
    shown += part;
  });
  const status = new Promise((done) => terminal.once('close', done));
  await waitFor(async () => shown.includes('[y/N]'));
  terminal.stdin.write(input);
  return { status: await status, shown };
}

describe('a confirmation', () => {
  it('needs --yes if stdin is closed', async () => {
    const { status, stdout, stderr } = await runPerfscope(['wipe'], server.env);
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/PS_CONFIRMATION_REQUIRED: Nothing was changed.*pass --yes/);
    expect(existsSync(String(server.env.PERFORMANCE_DATA_DIR))).toBe(true);
  });

  it('can be answered through a pipe', async () => {
    const { status, stdout } = await runPerfscope(['wipe'], server.env, 'n\n');
    expect([status, stdout]).toEqual([1, 'perfscope: Nothing was deleted.\n']);
    const { stderr } = await runPerfscope(['wipe'], server.env, 'y\n');
    expect(stderr).toContain('PS_DATA_DIR_HELD');
  });

  it.each([
    ['no', 'n\r', 1],
    ['Ctrl-D', '\x04', 1],
    ['Ctrl-C', '\x03', 130],
  ])('changes nothing after %s', async (_case, input, status) => {
    const result = await answer('wipe', input);
    expect(result.status).toBe(status);
    expect(result.shown).toMatch(/Nothing was deleted\.\s*$/);
    expect(existsSync(String(server.env.PERFORMANCE_DATA_DIR))).toBe(true);
  });
});

describe('alerts', () => {
  it('reports an unknown ID without a URL', async () => {
    for (const [subcommand, message] of [
      [
        ['ack', 'NOPE', '--comment', 'x'],
        'No alert has the ID "NOPE". `perfscope alerts` lists them.',
      ],
      [['ack', 'NO PE', '--comment', 'x'], 'No alert has the ID "NO PE".'],
      [['unsilence', 'NOPE'], 'No active silence has the ID "NOPE".'],
    ] as const) {
      const { status, stdout, stderr } = await run('alerts', ...subcommand);
      expect([status, stdout]).toEqual([1, '']);
      expect(stderr).toContain(message);
      expect(stderr).not.toMatch(/\/api\/|[{}]/);
    }
  });

  it('suggests a subcommand, and hides the value of a misspelled option', async () => {
    const word = await run('alerts', 'silense');
    expect([word.status, word.stderr]).toEqual([
      2,
      expect.stringContaining('Did you mean silence?'),
    ]);
    const option = await run('alerts', '--kye=psk_hush');
    expect(option.status).toBe(2);
    expect(option.stderr).toContain("unknown option '--kye'");
    expect(option.stderr).not.toContain('hush');
  });

  it('reports an invalid matcher in one line', async () => {
    const { stderr } = await run('alerts', 'silence', 'shop', '--for', '1h', '--comment', 'x');
    expect(stderr).toMatch(/matchers cannot contain `shop`, because it is not a matcher/);
    expect(stderr).not.toContain('✖');
    const duration = await run('alerts', 'silence', 'a=b', '--for', 'soon', '--comment', 'x');
    expect(duration.status).toBe(2);
  });

  it.runIf(process.platform === 'linux')('removes --key from the process list', async () => {
    const silent = createServer();
    const connected = new Promise((done) => silent.once('connection', done));
    const url = `http://127.0.0.1:${await listenOnFreePort(silent)}`;
    const args = ['dist/bin.js', 'alerts', '--url', url, '--key', 'psk_hush'];
    const child = spawn(process.execPath, args, { env: server.env });
    const exited = waitForExit(child);
    await connected;
    const shown = readFileSync(`/proc/${child.pid}/cmdline`, 'utf8');
    child.kill();
    await exited;
    silent.close();
    expect(shown).toContain('perfscope');
    expect(shown).not.toContain('hush');
  });
});

it('explains an unreadable statement, a missing application, and an unknown table', async () => {
  expect((await run('query')).stderr).toMatch(/PS_INPUT_UNREADABLE: .*it is empty/);
  expect((await run('doctor', 'missing.js')).stderr).toMatch(
    /PS_DOCTOR_FAILED: .*the file does not exist/,
  );
  expect((await run('query', 'SELECT * FROM performance_metric')).stderr).toContain(
    'Did you mean performance_metrics?',
  );
  const column = `SELECT count() AS "column" FROM performance_metrics WHERE name = 'made';`;
  expect(await runOk('query', '--json', column)).toBe(`[{"column":${ROWS}}]\n`);
});

it('has examples in the help of each command', async () => {
  const commands = [...(await runOk('--help')).matchAll(/^ {2}([a-z-]+) /gm)].map(([, name]) =>
    String(name),
  );
  expect(commands).toEqual(
    expect.arrayContaining(['top', 'query', 'export', 'backup', 'restore', 'retention', 'spool']),
  );
  for (const command of commands.filter((name) => !['demo', 'help'].includes(name))) {
    expect(await runOk(command, '--help')).toMatch(/Examples:\n {2}.*perfscope/);
  }
});

/** Converts a CSV field to the format of QuestDB's JSON, in which doubles have no trailing zero. */
function textOf(field: string | undefined): string {
  return (field ?? '').replace(/^(\d+)\.0$/, '$1');
}
