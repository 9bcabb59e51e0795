import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';

const CAPTURE = `
  import { captureProcessErrors } from './src/agent/process/process-errors.ts';
  const format = (thrown) => thrown?.message ?? String(thrown);
  captureProcessErrors(({ kind, fatal, thrown }) =>
    console.log('reported', kind, fatal, format(thrown)));
`;
const LISTEN = "process.on('unhandledRejection', () => {});";
const CATCH = "process.on('uncaughtException', () => {});";
const THROW = "setTimeout(() => { throw new Error('a'); }, 1);";
const reject = (message: string) => `Promise.reject(new Error('${message}'));`;

/** Runs \`code\` in a child process, and returns the reported errors. */
function captureErrors(code: string, mode = 'throw'): string[] {
  const { stdout } = spawnSync(
    process.execPath,
    [`--unhandled-rejections=${mode}`, '--input-type=module', '--eval', CAPTURE + code],
    { encoding: 'utf8' },
  );
  return stdout.split('\n').filter((line) => line.startsWith('reported'));
}

it.each([
  ['an exception', THROW, 'throw', ['reported uncaught true a']],
  ['a caught exception', CATCH + THROW, 'throw', ['reported uncaught false a']],
  ['a rejection', reject('a'), 'throw', ['reported rejection true a']],
  [
    'a rejection without a reason',
    'Promise.reject();',
    'throw',
    ['reported rejection true undefined'],
  ],
  ['a rejection with a listener', LISTEN + reject('a'), 'throw', ['reported rejection false a']],
  [
    'each of two rejections with a listener',
    LISTEN + reject('a') + reject('b'),
    'throw',
    ['reported rejection false a', 'reported rejection false b'],
  ],
  [
    'a rejection caught as an exception',
    CATCH + reject('a'),
    'throw',
    ['reported rejection false a'],
  ],
  ['a rejection in strict mode', reject('a'), 'strict', ['reported rejection true a']],
  [
    'a rejection in strict mode with both listeners',
    CATCH + LISTEN + reject('a'),
    'strict',
    ['reported rejection false a'],
  ],
  [
    'each of two rejections in warn mode',
    reject('a') + reject('b'),
    'warn',
    ['reported rejection false a', 'reported rejection false b'],
  ],
  ['a rejection in none mode', reject('a'), 'none', ['reported rejection false a']],
])('reports %s once', (_description, code, mode, expected) => {
  expect(captureErrors(code, mode)).toEqual(expected);
});

it('does not report a rejection that is handled in time', () => {
  expect(captureErrors(`${reject('a').slice(0, -1)}.catch(() => {});`)).toEqual([]);
});
