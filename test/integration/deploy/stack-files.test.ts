import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { findFreePort } from '../../../demo/server-process.ts';
import { toolPath } from '../../../scripts/tools.mjs';
import { COMPOSE_FILE, mapContainerPaths, readCompose } from '../../support/compose.ts';
import { waitFor } from '../../support/wait-for.ts';

/** Allows for compiling a tool that isn't in the cache. */
const COMPILE_TIMEOUT_MS = 20 * 60_000;
const folder = mkdtempSync(join(tmpdir(), 'perfscope-stack-'));
const running: ChildProcess[] = [];
afterAll(async () => {
  for (const child of running) {
    const ended = new Promise((done) => child.once('exit', done));
    if (child.exitCode === null && child.kill()) await ended;
  }
  rmSync(folder, { recursive: true, force: true });
});

function run(command: string, args: readonly string[]) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
  return { status, output: error?.message ?? stdout + stderr };
}

/** Runs the health check of a service on other ports, as its container would. */
function isHealthy(service: string, ports: Readonly<Record<string, string>>): boolean {
  const [kind, ...parts] = mapContainerPaths(
    readCompose().services[service]!.healthcheck!.test!,
    ports,
  );
  const [command = '', ...args] = kind === 'CMD-SHELL' ? ['sh', '-c', ...parts] : parts;
  return run(command, args).status === 0;
}

describe('docker-compose.yml', () => {
  it('is valid and publishes ports only on loopback', { timeout: COMPILE_TIMEOUT_MS }, async () => {
    const compose = await toolPath('compose');
    const env = { ...process.env, COMPOSE_PROFILES: 'demo' };
    const args = ['-format', 'json', COMPOSE_FILE];
    const { status, stdout, stderr } = spawnSync(compose, args, { encoding: 'utf8', env });
    expect([status, stderr]).toEqual([0, '']);
    const { services } = JSON.parse(stdout) as {
      services: Record<string, { ports?: { host_ip: string }[] }>;
    };
    expect(Object.keys(services).toSorted()).toEqual(
      Object.keys(readCompose().services).toSorted(),
    );
    const ports = Object.values(services).flatMap((each) => each.ports ?? []);
    expect(new Set(ports.map(({ host_ip }) => host_ip))).toEqual(new Set(['127.0.0.1']));
  });

  it('fails validation with an invalid key', { timeout: COMPILE_TIMEOUT_MS }, async () => {
    const broken = join(folder, 'broken.yml');
    const text = readFileSync(COMPOSE_FILE, 'utf8').replace(
      'condition: service_healthy',
      'when: up',
    );
    writeFileSync(broken, text);
    const { status, output } = run(await toolPath('compose'), [broken]);
    expect([status, output]).toEqual([
      1,
      expect.stringContaining("additional properties 'when' not allowed"),
    ]);
  });
});

describe('Dockerfiles', () => {
  it.each(['Dockerfile', 'collector/Dockerfile'])('%s passes hadolint', async (file) => {
    expect(run(await toolPath('hadolint'), ['--no-color', file])).toEqual({
      status: 0,
      output: '',
    });
  });

  it('that contain common mistakes fail hadolint', async () => {
    const bad = join(folder, 'Dockerfile');
    writeFileSync(bad, 'FROM node:latest\nRUN cd /tmp && apt-get install curl\n');
    expect(run(await toolPath('hadolint'), [bad]).output).toMatch(/DL3007[\s\S]*DL3008/);
  });
});

describe('deploy/prometheus', () => {
  const config = join(folder, 'prometheus.yml');
  const rules = 'deploy/prometheus/rules.yml';

  /** Writes the configuration with a path to an existing token file, which promtool requires. */
  function prepare(replacements: Readonly<Record<string, string>> = {}): void {
    const token = join(folder, 'metrics-token');
    writeFileSync(token, 'a test token');
    copyFileSync(rules, join(folder, 'rules.yml'));
    const file = '/run/perfscope/prometheus/metrics-token';
    let text = readFileSync('deploy/prometheus/prometheus.yml', 'utf8').replace(file, token);
    for (const [from, to] of Object.entries(replacements)) text = text.replaceAll(from, to);
    writeFileSync(config, text);
  }

  it('passes promtool', () => {
    prepare();
    const { status, output } = run('promtool', ['check', 'config', config]);
    expect([status, output]).toEqual([0, expect.stringContaining('4 rules found')]);
  });

  it('forwards each Perfscope alert once, and fires an alert if Perfscope is down', () => {
    const test = join(folder, 'rules.test.json');
    const firing = { alertname: 'slow', severity: 'high', service: 'booking', job: 'perfscope' };
    const labels = Object.entries({ ...firing, alertstate: 'firing' })
      .map(([name, value]) => `${name}="${value}"`)
      .join(',');
    const forwardedAlert = {
      exp_labels: {
        rule: 'slow',
        raised_by: 'prometheus',
        severity: 'high',
        service: 'booking',
        job: 'perfscope',
        alertstate: 'firing',
      },
      exp_annotations: { summary: 'booking: slow is firing' },
    };
    const suite = {
      rule_files: [join(process.cwd(), rules)],
      evaluation_interval: '15s',
      tests: [
        {
          interval: '15s',
          input_series: [
            { series: `ALERTS{${labels}}`, values: '1x40' },
            { series: 'up{job="perfscope"}', values: '1x20 0x20' },
          ],
          alert_rule_test: [
            { eval_time: '4m', alertname: 'Perfscope', exp_alerts: [forwardedAlert] },
            { eval_time: '4m', alertname: 'PerfscopeAway', exp_alerts: [] },
            {
              eval_time: '8m',
              alertname: 'PerfscopeAway',
              exp_alerts: [
                {
                  exp_labels: { job: 'perfscope', severity: 'critical', raised_by: 'prometheus' },
                  exp_annotations: {
                    summary: 'Perfscope is not responding, so no alert rules are evaluated',
                  },
                },
              ],
            },
          ],
        },
      ],
    };
    writeFileSync(test, JSON.stringify(suite));
    expect(run('promtool', ['test', 'rules', test])).toMatchObject({ status: 0 });
  });

  it('starts in Prometheus and passes the health check', async () => {
    const port = await findFreePort();
    prepare({ '127.0.0.1:9090': `127.0.0.1:${port}` });
    const ports = { 'http://127.0.0.1:9090': `http://127.0.0.1:${port}` };
    expect(isHealthy('prometheus', ports)).toBe(false);
    const flags = [`--config.file=${config}`, `--storage.tsdb.path=${join(folder, 'tsdb')}`];
    running.push(spawn('prometheus', [...flags, `--web.listen-address=127.0.0.1:${port}`]));
    expect(await waitFor(async () => isHealthy('prometheus', ports))).toBe(true);
  });
});

describe('deploy/alertmanager', () => {
  const config = 'deploy/alertmanager/alertmanager.yml';

  it('passes amtool', () => {
    expect(run('amtool', ['check-config', config]).output).toContain('SUCCESS');
  });

  it('starts in Alertmanager and passes the health check', async () => {
    const port = await findFreePort();
    const ports = { 'http://127.0.0.1:9093': `http://127.0.0.1:${port}` };
    expect(isHealthy('alertmanager', ports)).toBe(false);
    const flags = [`--config.file=${config}`, `--storage.path=${join(folder, 'alertmanager')}`];
    const address = [`--web.listen-address=127.0.0.1:${port}`, '--cluster.listen-address='];
    running.push(spawn('prometheus-alertmanager', [...flags, ...address]));
    expect(await waitFor(async () => isHealthy('alertmanager', ports))).toBe(true);
  });
});
