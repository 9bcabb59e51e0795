import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bunBinary, nodeBinary } from '../../scripts/node-versions.mjs';

const folder = mkdtempSync(join(tmpdir(), 'perfscope-runtime-'));
const register = resolve('dist/agent-package/register.js');
const library = resolve('dist/agent-package/index.js');

beforeAll(() => {
  writeFileSync(
    join(folder, 'app.mjs'),
    `import { AlertSeverity, performanceMonitoringService, protect, withTenant } from ${JSON.stringify(library)};
    performanceMonitoringService.recordMetric({ name: 'checkout', value: 1 });
    const book = protect(async () => 'booked', { name: 'rooms' });
    await performanceMonitoringService.flush();
    console.log(withTenant({ organizationId: 'grand' }, () => 'called'), await book(), AlertSeverity.HIGH);
    setTimeout(() => process.exit(3), 10);`,
  );
});
afterAll(() => rmSync(folder, { recursive: true }));

function run(command: string, ...args: string[]) {
  const env = { PATH: process.env.PATH, HOME: folder, PERFORMANCE_FLUSH_INTERVAL: '100' };
  const options = { cwd: folder, env, encoding: 'utf8' } as const;
  const { status, stdout, stderr } = spawnSync(command, [...args, 'app.mjs'], options);
  return { status, stdout, stderr };
}

describe.each([
  ['Node.js 18', () => nodeBinary(18), '--import'],
  ['Node.js 18', () => nodeBinary(18), '--require'],
  ['Node.js 20', () => nodeBinary(20), '--import'],
  ['Node.js 20', () => nodeBinary(20), '--require'],
  ['Bun 1', () => bunBinary(1), '--preload'],
])('on %s', (name, findBinary, flag) => {
  const message = new RegExp(`^perfscope: ${name}\\.[^\n]* Use Node\\.js 22\\.14 or newer\\.\n$`);
  const expected = {
    status: 3,
    stdout: 'called booked high\n',
    stderr: expect.stringMatching(message),
  };

  it(`runs the application, and prints one line with ${flag}`, () => {
    expect(run(findBinary(), flag, register)).toEqual(expected);
  });

  it('runs an application that only imports the library', () => {
    expect(run(findBinary())).toEqual(expected);
  });
});

it('prints nothing on a supported version', () => {
  const { stderr } = run(process.execPath, '--import', register);
  expect(stderr).not.toContain('not supported');
});

it('explains in the command of the agent package which version it needs', () => {
  const bin = resolve('dist/agent-package/bin.js');
  const { status, stderr } = spawnSync(nodeBinary(20), [bin, 'doctor', 'app.mjs'], {
    encoding: 'utf8',
  });
  expect({ status, stderr }).toEqual({
    status: 1,
    stderr: expect.stringMatching(
      /^perfscope: Node\.js 20\.[^\n]* Use Node\.js 22\.14 or newer\.\n$/,
    ),
  });
});
