import { mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { PerfscopeServer } from '../support/perfscope-server.ts';
import { runPerfscope } from '../support/run-perfscope.ts';
import { waitFor } from '../support/wait-for.ts';

const server = new PerfscopeServer();
const dataDir = server.env.PERFORMANCE_DATA_DIR!;
afterAll(() => server.remove());

it('starts with empty and truncated state files, and names them', async () => {
  await server.start();
  const { write } = server.questdb;
  await server.sql('CREATE TABLE kept (x INT)');
  await server.sql('INSERT INTO kept VALUES (7)');
  await server.stop();

  const inData = (name: string) => join(dataDir, name);
  const discovery = join(server.folder, 'run', 'perfscope', 'server.json');
  truncateSync(inData('credentials.json'), 0);
  truncateSync(inData('ports.json'), 5);
  writeFileSync(inData('server.lock'), '{"process":{"pid":1');
  writeFileSync(inData('notify/journal'), 'not JSON\n');
  truncateSync(inData('notify/link.key'), 3);
  writeFileSync(discovery, '{');

  await server.start();
  for (const name of ['credentials.json', 'notify/journal', 'notify/link.key']) {
    await waitFor(async () => server.output.includes(`The file ${inData(name)} was damaged: `));
  }
  expect(await server.sql('SELECT x FROM kept')).toEqual([[7]]);
  expect(server.questdb.write.authorization).not.toBe(write.authorization);
  await waitFor(async () => (await fetch(`${server.url}/readyz`)).status === 200);
  const query = await runPerfscope(['query', 'SELECT x FROM kept', '--json'], server.env);
  expect(query.status).toBe(0);
  expect(JSON.parse(readFileSync(inData('credentials.json'), 'utf8'))).toHaveProperty('reader');
});

it('does not start if a folder has the name of a state file, and names the file', async () => {
  await server.stop();
  const file = join(dataDir, 'credentials.json');
  rmSync(file);
  mkdirSync(file);
  const { status, stderr } = await runPerfscope(['serve'], server.env);
  expect(status).toBe(1);
  expect(stderr).toContain(`The file ${file} can't be read`);
  expect(stderr).toContain('If the path is a folder, move the folder.');
  rmSync(file, { recursive: true });
});
