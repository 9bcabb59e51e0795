import { expect, it } from 'vitest';
import { VERSION } from '../../../../src/core/version.ts';
import { AgentVersionMonitor } from '../../../../src/server/agent-package/agent-version-monitor.ts';
import type { Row } from '../../../../src/storage/questdb/postgres-wire-reader.ts';

function createMonitor(readRows: () => Row[], agentUrl?: string) {
  const messages: string[] = [];
  const record = (message: string) => void messages.push(message);
  const monitor = new AgentVersionMonitor({
    read: async () => readRows(),
    log: { info: record, warn: record, error: record },
    agentUrl: () => agentUrl,
  });
  return { monitor, messages };
}

function createRow(service: unknown, version: unknown, name = 'perfscope'): Row {
  const tags = { 'telemetry.distro.name': name, 'telemetry.distro.version': version };
  return { service, tags: JSON.stringify(tags) };
}

it('logs each incompatible service and version once, with both versions and the fix', async () => {
  const rows = [createRow('booking', '9.1.0'), createRow('booking', VERSION)];
  const { monitor, messages } = createMonitor(() => rows, 'http://127.0.0.1:4001/agent.tgz');
  await monitor.check();
  await monitor.check();
  monitor.report('booking', '9.1.0');
  expect(messages).toEqual([
    `Agent 9.1.0 in service booking is incompatible with server ${VERSION}. Rows are still stored, but some metrics can be missing or wrong. Get agent ${VERSION} from http://127.0.0.1:4001/agent.tgz, and install the file in the service.`,
  ]);
  rows.push(createRow('booking', '9.2.0'), createRow('rates', '9.1.0'));
  await monitor.check();
  expect(messages.slice(1).map((message) => message.split(' is ')[0])).toEqual([
    'Agent 9.2.0 in service booking',
    'Agent 9.1.0 in service rates',
  ]);
});

it('names the command if the server does not offer the agent', () => {
  const { monitor, messages } = createMonitor(() => []);
  monitor.report('booking', '9.1.0');
  expect(messages[0]).toContain('from `perfscope agent pack` on the server');
});

it.each([
  ['a compatible version', createRow('booking', VERSION)],
  ['another distribution', createRow('booking', '9.1.0', 'other')],
  ['a version that is not a version', createRow('booking', '9\nforged line')],
  ['no version', { service: 'booking', tags: '{"telemetry.distro.name":"perfscope"}' }],
  ['no tags', { service: 'booking', tags: null }],
  ['other JSON', { service: 'booking', tags: '[1]' }],
  ['broken JSON', { service: 'booking', tags: '{' }],
])('ignores %s', async (_case, row) => {
  const { monitor, messages } = createMonitor(() => [row]);
  await monitor.check();
  expect(messages).toEqual([]);
});

it('limits the number of lines, and removes control characters from names', () => {
  const { monitor, messages } = createMonitor(() => []);
  monitor.report('a\nb', '9.1.0');
  for (let i = 0; i < 5000; i++) monitor.report(`service-${i}`, '9.1.0');
  expect(messages[0]).toContain('in service a·b is');
  expect(messages).toHaveLength(1000);
});

it('tries again after QuestDB was unreachable', async () => {
  let isReachable = false;
  const { monitor, messages } = createMonitor(() => {
    if (!isReachable) throw new Error('unreachable');
    return [createRow('booking', '9.1.0')];
  });
  await monitor.check();
  expect(messages).toEqual([]);
  isReachable = true;
  await monitor.check();
  expect(messages).toHaveLength(1);
});
