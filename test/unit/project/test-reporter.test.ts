import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import type { TestReport } from '../../../scripts/test-reporter.ts';

/** Runs vitest on a file with this content, and returns the report. */
function report(content: string): TestReport {
  const folder = mkdtempSync(join(tmpdir(), 'perfscope-reporter-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'some.test.js'), content);
  const reporter = resolve('scripts/test-reporter.ts');
  const args = ['run', '--globals', '--root', folder, '--reporter', reporter];
  const file = join(folder, 'report.json');
  try {
    execFileSync(process.execPath, [resolve('node_modules/vitest/vitest.mjs'), ...args], {
      cwd: folder,
      env: { ...process.env, PERFSCOPE_TEST_REPORT: file },
      stdio: 'ignore',
    });
  } catch {
    // Vitest exits with 1 after a failure.
  }
  return JSON.parse(readFileSync(file, 'utf8')) as TestReport;
}

it('reports the difference between compared values', () => {
  const { passed, failures } = report(`
    it('passes', () => {});
    describe('a suite', () => {
      it('fails', () => expect({ rooms: 1 }).toEqual({ rooms: 2 }));
    });
  `);
  expect(passed).toBe(1);
  expect(failures.map(({ title }) => title)).toEqual(['some.test.js > a suite > fails']);
  expect(failures[0]?.errors.join()).toMatch(/\+ +"rooms": 1,/);
});

it('reports failures outside of tests', () => {
  const inFile = report(`throw new Error('in the file');`);
  expect(inFile.failures).toMatchObject([
    { title: 'some.test.js', errors: [expect.stringContaining('in the file')] },
  ]);
  const inHook = report(`
    describe('a suite', () => {
      beforeAll(() => { throw new Error('in the hook'); });
      it('is skipped', () => {});
    });
  `);
  expect(JSON.stringify(inHook.failures)).toContain('in the hook');
  const unhandled = report(`
    it('passes', () => { Promise.reject(new Error('nobody waits')); });
  `);
  expect(unhandled).toMatchObject({ passed: 1, failures: [{ title: 'unhandled errors' }] });
  const crash = report(`it('crashes', () => process.kill(process.pid, 'SIGKILL'));`);
  expect(JSON.stringify(crash.failures)).toMatch(/SIGKILL.*some\.test\.js/);
});
