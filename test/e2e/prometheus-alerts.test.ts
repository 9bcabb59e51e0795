import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findFreePort, ServerProcess } from '../../demo/server-process.ts';
import { createKey } from '../support/create-key.ts';
import { PerfscopeServer } from '../support/perfscope-server.ts';
import { runPerfscope } from '../support/run-perfscope.ts';
import { waitFor } from '../support/wait-for.ts';

interface FoundAlert {
  id: string;
  rule: string;
  state: string;
  severity: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  runbook?: string;
}

const server = new PerfscopeServer();
const prometheus = new ServerProcess('prometheus');
const keys = { admin: '', ingest: '', viewer: '', otherViewer: '' };
let servicePort = 0;
let service: Server | undefined;

beforeAll(async () => {
  await server.start();
  keys.admin = await createKey(server, 'ADMIN');
  keys.ingest = await createKey(server, 'INGEST', 'grand');
  keys.viewer = await createKey(server, 'VIEWER', 'grand');
  keys.otherViewer = await createKey(server, 'VIEWER', 'other');
  servicePort = await findFreePort();
  writeFileSync(join(prometheus.folder, 'key'), keys.ingest);
  writeFileSync(
    join(prometheus.folder, 'rules.json'),
    JSON.stringify({
      groups: [
        {
          name: 'services',
          rules: [
            {
              alert: 'ServiceDown',
              expr: 'up{job="booking"} == 0',
              labels: { severity: 'page', organization: 'other' },
              annotations: {
                summary: '{{ $labels.job }} does not respond',
                runbook_url: 'https://wiki.example.com/down',
              },
            },
          ],
        },
      ],
    }),
  );
  const config = join(prometheus.folder, 'prometheus.json');
  writeFileSync(
    config,
    JSON.stringify({
      global: { scrape_interval: '1s', evaluation_interval: '1s' },
      rule_files: ['rules.json'],
      scrape_configs: [
        { job_name: 'booking', static_configs: [{ targets: [`127.0.0.1:${servicePort}`] }] },
      ],
      alerting: {
        alertmanagers: [
          {
            authorization: { credentials_file: 'key' },
            static_configs: [{ targets: [new URL(server.url).host] }],
          },
        ],
      },
    }),
  );
  prometheus.start('prometheus', [
    `--config.file=${config}`,
    `--storage.tsdb.path=${join(prometheus.folder, 'data')}`,
    `--web.listen-address=127.0.0.1:${await findFreePort()}`,
    '--rules.alert.resend-delay=1s',
  ]);
});

afterAll(async () => {
  await prometheus.remove();
  service?.close();
  await server.remove();
});

async function listAlerts(key: string, state: string): Promise<FoundAlert[]> {
  const response = await fetch(`${server.url}/api/performance/alerts?state=${state}`, {
    headers: { authorization: `Bearer ${key}` },
  });
  const { alerts } = (await response.json()) as { alerts: FoundAlert[] };
  return alerts.filter(({ rule }) => rule.startsWith('alertmanager:'));
}

const waitForAlert = (key: string, state: string) =>
  waitFor(async () => (await listAlerts(key, state))[0]);

it('shows an alert of Prometheus to the organization of the key only', async () => {
  const alert = await waitForAlert(keys.viewer, 'firing');
  expect(alert).toMatchObject({
    rule: 'alertmanager:ServiceDown',
    severity: 'critical',
    labels: {
      organization: 'grand',
      service: 'booking',
      exported_severity: 'page',
      source: 'alertmanager',
    },
    annotations: { summary: 'booking does not respond' },
    runbook: 'https://wiki.example.com/down',
  });
  expect(alert.annotations.generator_url).toContain('/graph?g0.expr=up');
  // Hosts don't belong to a tenant.
  expect(alert.labels).not.toHaveProperty('instance');
  expect((await listAlerts(keys.admin, 'firing'))[0]?.labels.host).toBe('127.0.0.1');
  expect(await listAlerts(keys.otherViewer, 'firing')).toEqual([]);
  const { stdout } = await runPerfscope(['alerts'], {
    ...server.env,
    PERFORMANCE_API_KEY: keys.viewer,
  });
  expect(stdout).toMatch(/critical .*firing .*alertmanager:ServiceDown/);
});

it('keeps the alert when the server restarts', async () => {
  const { id } = await waitForAlert(keys.viewer, 'firing');
  const port = new URL(server.url).port;
  await server.stop();
  server.env.PORT = port;
  await server.start();
  expect((await waitForAlert(keys.viewer, 'firing')).id).toBe(id);
});

it('resolves the alert when Prometheus does', async () => {
  const { id } = await waitForAlert(keys.viewer, 'firing');
  service = createServer((_request, response) => void response.end('ready 1\n'));
  service.listen(servicePort, '127.0.0.1');
  const resolved = await waitForAlert(keys.viewer, 'resolved');
  expect(resolved).toMatchObject({ id, annotations: { summary: 'booking does not respond' } });
  expect(await listAlerts(keys.viewer, 'firing')).toEqual([]);
  const rows = await waitFor(async () => {
    const found = await server.sql(`SELECT state FROM alerts WHERE id = '${id}' ORDER BY seq`);
    return found.length === 2 && found;
  });
  expect(rows).toEqual([['firing'], ['resolved']]);
});
