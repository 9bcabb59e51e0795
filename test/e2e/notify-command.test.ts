import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runPerfscope } from '../support/run-perfscope.ts';

const folder = mkdtempSync(join(tmpdir(), 'perfscope-notify-'));
const file = join(folder, 'notify.yaml');
const secret = join(folder, 'secret');
let status = 200;
const kinds: string[] = [];
const hook = createServer((request, response) => {
  let body = '';
  request.on('data', (chunk) => {
    body += chunk;
  });
  request.on('end', () => {
    kinds.push((JSON.parse(body) as { kind: string }).kind);
    response.writeHead(status).end();
  });
});

beforeAll(async () => {
  hook.listen(0, '127.0.0.1');
  await once(hook, 'listening');
  const url = `http://127.0.0.1:${(hook.address() as AddressInfo).port}/`;
  writeFileSync(secret, 's'.repeat(40), { mode: 0o600 });
  writeFileSync(
    file,
    `people:
  - { name: ann, role: PROPERTY_MGR, organization: o, properties: [north], user: token:ann }
receivers:
  - name: hook
    channels: [{ kind: webhook, url: '${url}', secretFile: '${secret}', allowHttp: true, allowPrivate: true }]
  - { name: managers, to: { roles: [PROPERTY_MGR], people: [ann] }, channels: [{ kind: inApp }] }
route:
  receivers: [managers]
  routes:
    - { severity: [critical], receivers: [hook], continue: true }
    - { organization: o }
`,
  );
});
afterAll(() => {
  hook.close();
  rmSync(folder, { recursive: true });
});

const run = (args: string[], notifyFile = file) =>
  runPerfscope(args, {
    PATH: process.env.PATH,
    HOME: folder,
    XDG_RUNTIME_DIR: folder,
    PERFORMANCE_NOTIFY_FILE: notifyFile,
  });

it('sends a sample message and reports the result', async () => {
  const successful = await run(['notify', 'test', 'hook', '--json']);
  expect(JSON.parse(successful.stdout)).toMatchObject({
    receiver: 'hook',
    results: [
      {
        channel: 'webhook',
        recipient: expect.stringMatching(/^127\.0\.0\.1:/),
        status: 'delivered',
      },
    ],
  });
  expect([successful.status, kinds]).toEqual([0, ['test']]);
  status = 400;
  const failed = await run(['notify', 'test', 'hook']);
  expect([failed.status, failed.stdout]).toEqual([1, expect.stringMatching(/permanent .*400/)]);
  const unknown = await run(['notify', 'test', 'hok']);
  expect(unknown.stderr).toContain(
    'PS_RECEIVER_UNKNOWN: Receiver hok does not exist. Did you mean hook?',
  );
});

it('shows where an alert would be sent', async () => {
  const labels = ['severity=critical', 'organization=o', 'property=north'];
  const { stdout } = await run(['notify', 'routes', '--json', '--labels', ...labels]);
  expect(JSON.parse(stdout)).toEqual({
    routes: [
      { route: '1', receiver: 'hook', channel: 'webhook' },
      ...[
        {
          route: '2',
          receiver: 'managers',
          channel: 'inApp',
          for: 'PROPERTY_MGR',
          property: 'north',
        },
        { route: '2', receiver: 'managers', channel: 'inApp', for: 'ann', property: 'north' },
      ],
    ],
  });
  const other = await run(['notify', 'routes', '--labels', 'organization=o', 'property=south']);
  expect(other.stdout).not.toMatch(/\bann\b/);
});

it('validates the notify file and its secret files', async () => {
  expect((await run(['check-config'])).status).toBe(0);
  const invalid = join(folder, 'invalid.yaml');
  writeFileSync(invalid, 'route:\n  receivers: [nobody]\n');
  const rejected = await run(['check-config'], invalid);
  expect(rejected.stderr).toContain('invalid.yaml:2:15: unknown name `nobody`');
  const missing = join(folder, 'missing.yaml');
  const channel = '{ kind: webhook, url: "https://h.example/", secretFile: /nowhere/secret }';
  writeFileSync(missing, `receivers: [{ name: a, channels: [${channel}] }]\n`);
  expect((await run(['check-config'], missing)).stderr).toContain('PS_CHANNEL_SECRET');
});
