import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { FakeGrafana } from '../../support/fake-grafana.ts';
import { runPerfscope } from '../../support/run-perfscope.ts';

const TOKEN = 'glsa_a-token-of-a-test';
const PASSWORD = 'read$ecret';
const folder = mkdtempSync(join(tmpdir(), 'perfscope-grafana-'));
const tokenFile = join(folder, 'token');
writeFileSync(tokenFile, `${TOKEN}\n`);
// The command doesn't query QuestDB. It only writes the address into Grafana's configuration.
const env = {
  PATH: process.env.PATH,
  HOME: folder,
  XDG_RUNTIME_DIR: join(folder, 'run'),
  PERFORMANCE_QUESTDB_URL: 'http://127.0.0.1:9000',
  PERFORMANCE_QUESTDB_USER: 'perfscope',
  PERFORMANCE_QUESTDB_PASSWORD: 'write-secret',
  PERFORMANCE_QUESTDB_PG_URL: `postgresql://reader:${encodeURIComponent(PASSWORD)}@127.0.0.1:8812/qdb`,
};
const dashboards = readdirSync('grafana/provisioning/dashboards/json').filter((name) =>
  name.endsWith('.json'),
);
const fakeGrafana = new FakeGrafana(TOKEN);
afterAll(async () => {
  await fakeGrafana.close();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => fakeGrafana.start());

const grafana = (args: string[], more: NodeJS.ProcessEnv = {}) =>
  runPerfscope(['grafana', ...args], { ...env, ...more });
const pushed = (args: string[] = [], more?: NodeJS.ProcessEnv) =>
  grafana(['--push', fakeGrafana.url, '--token-file', tokenFile, ...args], more);

describe('perfscope grafana', () => {
  it('prints the data sources with the read-only user and the dashboard path', async () => {
    const { status, stdout, stderr } = await grafana([]);
    expect([status, stderr]).toEqual([0, '']);
    const [sources, providers] = parseAllDocuments(stdout).map((each) => each.toJS());
    expect(sources.datasources[0]).toMatchObject({
      uid: 'perfscope-questdb',
      url: '127.0.0.1:8812',
      user: 'reader',
      // Grafana reads `$$` as one `$`.
      secureJsonData: { password: 'read$$ecret' },
    });
    expect(sources.datasources[1]).toMatchObject({ url: 'http://127.0.0.1:9090' });
    expect(stdout).not.toContain('write-secret');
    expect(stdout).not.toContain('$PERFSCOPE');
    const path = providers.providers[0].options.path as string;
    expect(readdirSync(path).filter((name) => name.endsWith('.json'))).toEqual(dashboards);
  });

  it('warns about a user with write access', async () => {
    const { status, stderr } = await grafana([], { PERFORMANCE_QUESTDB_PG_URL: '' });
    expect(status).toBe(0);
    expect(stderr).toMatch(
      /user perfscope for Grafana has write access.*PERFORMANCE_QUESTDB_PG_URL/,
    );
  });

  it('uses the thresholds from the rules file and the environment', async () => {
    const rules = join(folder, 'rules.yaml');
    writeFileSync(
      rules,
      'rules:\n  - { name: queue-depth, thresholds: { medium: 6000, high: 7000, critical: 8000 } }\n  - { name: cpu, enabled: false }\n',
    );
    const out = join(folder, 'own-rules');
    const more = { PERFORMANCE_RULES_FILE: rules, PERFORMANCE_RESPONSE_TIME_WARNING: '1234' };
    expect((await grafana(['--output', out], more)).status).toBe(0);
    const stepsOf = (name: string, title: string) => {
      const file = join(out, 'dashboards', 'json', `perfscope-${name}.json`);
      const { panels } = JSON.parse(readFileSync(file, 'utf8'));
      const panel = panels.find((each: { title: string }) => each.title === title);
      return panel.fieldConfig.defaults.thresholds.steps;
    };
    const depth = stepsOf('queues', 'Waiting jobs').map((step: { value: unknown }) => step.value);
    expect(depth).toEqual([null, 6000, 7000, 8000]);
    expect(stepsOf('api', 'Response time')[1]).toEqual({ value: 1234, color: 'yellow' });
    const system = JSON.parse(
      readFileSync(join(out, 'dashboards', 'json', 'perfscope-system.json'), 'utf8'),
    );
    expect(JSON.stringify(system)).not.toContain('"value":80,');

    writeFileSync(rules, 'rules:\n  - { name: queue-depth, thresholds: { hihg: 7000 } }\n');
    const { status, stderr } = await grafana(['--output', out], more);
    expect([status, stderr]).toEqual([1, expect.stringContaining('rules.yaml:2')]);
  });

  it('writes files that only their owner can read', async () => {
    const out = join(folder, 'provisioning');
    const { status, stdout } = await grafana(['--output', out, '--questdb', 'questdb:8812']);
    expect(status).toBe(0);
    expect(stdout).toMatch(/Wrote \d+ files to .*chown/s);
    const files = readdirSync(out, { recursive: true, withFileTypes: true });
    for (const each of files) {
      const { mode } = statSync(join(each.parentPath, each.name));
      expect(mode & 0o777).toBe(each.isDirectory() ? 0o700 : 0o600);
    }
    expect(readFileSync(join(out, 'datasources/perfscope.yaml'), 'utf8')).toContain('questdb:8812');
    const provider = readFileSync(join(out, 'dashboards/perfscope.yaml'), 'utf8');
    expect(provider).toContain(`path: ${join(out, 'dashboards/json')}`);
    expect(readdirSync(join(out, 'dashboards/json'))).toEqual(dashboards);
  });

  it('explains invalid arguments', async () => {
    for (const [args, message] of [
      [['--push', 'grafana'], /starts with http/],
      [['--questdb', 'questdb'], /a host and a port/],
    ] as const) {
      const { status, stderr } = await grafana([...args]);
      expect([status, stderr]).toEqual([2, expect.stringMatching(message)]);
    }
    const { status, stderr } = await grafana(['--push', fakeGrafana.url]);
    expect(status).toBe(1);
    expect(stderr).toMatch(/PS_CONFIG_INCOMPLETE.*--token-file or PERFORMANCE_GRAFANA_TOKEN/);
    const none = await grafana([], { PERFORMANCE_QUESTDB_URL: '' });
    expect([none.status, none.stderr]).toEqual([1, expect.stringMatching(/PS_NO_TARGET/)]);
  });
});

describe('perfscope grafana --push', () => {
  it('creates the data sources, the folder, and every dashboard', async () => {
    const { status, stdout, stderr } = await pushed();
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/data source +Perfscope +created/);
    expect(fakeGrafana.dataSources.get('perfscope-questdb')).toMatchObject({
      type: 'postgres',
      url: '127.0.0.1:8812',
      user: 'reader',
      access: 'proxy',
      secureJsonData: { password: PASSWORD },
    });
    expect([...fakeGrafana.folders]).toEqual([['perfscope', 'Perfscope']]);
    expect(fakeGrafana.dashboards.size).toBe(dashboards.length);
    for (const { folderUid } of fakeGrafana.dashboards.values())
      expect(folderUid).toBe('perfscope');
    expect(stdout + stderr).not.toContain(PASSWORD);
    expect(stdout + stderr).not.toContain(TOKEN);
  });

  it('does not report or save unchanged objects when it runs again', async () => {
    await pushed();
    const versions = [...fakeGrafana.dashboards.values()].map(({ version }) => version);
    const again = await pushed(['--json']);
    const done = JSON.parse(again.stdout).pushed as { kind: string; done: string }[];
    expect(new Set(done.map((each) => `${each.kind} ${each.done}`))).toEqual(
      new Set([
        ...['data source unchanged', 'folder unchanged'],
        ...(dashboards.length > 0 ? ['dashboard unchanged'] : []),
      ]),
    );
    expect([...fakeGrafana.dashboards.values()].map(({ version }) => version)).toEqual(versions);
  });

  it('reports a data source with another address as changed, and always sends the password', async () => {
    await pushed();
    const source = fakeGrafana.dataSources.get('perfscope-questdb')!;
    fakeGrafana.dataSources.set(source.uid, { ...source, secureJsonData: { password: 'old' } });
    const { stdout } = await pushed(['--questdb', 'other:8812']);
    expect(stdout).toMatch(/data source +Perfscope +changed/);
    expect(fakeGrafana.dataSources.get('perfscope-questdb')).toMatchObject({
      url: 'other:8812',
      secureJsonData: { password: PASSWORD },
    });
  });

  it('sets the address of the tracing UI', async () => {
    const traceUrl = 'https://traces.example/trace/';
    await pushed(['--trace-url', traceUrl]);
    const { templating } = fakeGrafana.dashboards.get('perfscope-api')!.content as {
      templating: { list: { name: string }[] };
    };
    expect(templating.list.find(({ name }) => name === 'tracing_url')).toMatchObject({
      query: traceUrl,
      current: { text: traceUrl, value: traceUrl },
    });
    const { status, stderr } = await pushed(['--trace-url', 'javascript:alert(1)']);
    expect([status, stderr]).toEqual([2, expect.stringMatching(/starts with http/)]);
  });

  it('reads the token from the environment or from a file', async () => {
    const args = ['--push', fakeGrafana.url];
    expect((await grafana(args, { PERFORMANCE_GRAFANA_TOKEN: TOKEN })).status).toBe(0);
    expect((await grafana(args, { PERFORMANCE_GRAFANA_TOKEN_FILE: tokenFile })).status).toBe(0);
  });

  it('does not change data sources that Grafana provisions from files', async () => {
    fakeGrafana.isReadOnly = true;
    await pushed();
    const { status, stdout, stderr } = await pushed();
    expect(status).toBe(0);
    expect(stdout).toMatch(/data source +Perfscope +kept/);
    expect(stderr).toContain('controlled by Grafana provisioning files');
  });

  it.each([
    [401, /the token is wrong, expired, or revoked/],
    [403, /the token lacks permission \(.*\); give its service account the Admin role/],
    [500, /HTTP 500\): internal error/],
  ])('explains why Grafana responds with %d', async (status, message) => {
    fakeGrafana.errorStatus = status;
    const run = await pushed();
    expect(run.status).toBe(1);
    expect(run.stderr).toMatch(/PS_GRAFANA_REFUSED.*did not accept the data source Perfscope/);
    expect(run.stderr).toMatch(message);
    expect(fakeGrafana.dataSources.size).toBe(0);
  });

  it('rejects an unsupported Grafana version without changing anything', async () => {
    fakeGrafana.version = '9.3.16';
    const { status, stderr } = await pushed();
    expect(status).toBe(1);
    expect(stderr).toMatch(/version is 9\.3\.16, but the dashboards require 9\.4 or later/);
    expect(fakeGrafana.dataSources.size).toBe(0);
  });

  it.each(['9.4.7', '10.0.0', '13.2.3', undefined])('works with version %s', async (version) => {
    fakeGrafana.version = version;
    expect((await pushed()).status).toBe(0);
  });

  it('does not send the token to a redirect target', async () => {
    fakeGrafana.redirectUrl = 'https://grafana.example/';
    const { status, stderr } = await pushed();
    expect(status).toBe(1);
    expect(stderr).toMatch(/it redirects to https:\/\/grafana\.example\/; use that address/);
  });

  it("reports an unreachable address, and a server that isn't Grafana", async () => {
    fakeGrafana.isOtherServer = true;
    expect((await pushed()).stderr).toMatch(/the server is not Grafana/);
    await fakeGrafana.close();
    const { status, stderr } = await pushed();
    expect([status, stderr]).toEqual([1, expect.stringMatching(/PS_GRAFANA_UNREACHABLE.*--push/)]);
  });
});
