import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';

const WATCH = `
  import { captureProcessErrors } from './src/agent/error-tracking/process-errors.ts';
  const shown = (thrown) => thrown?.message ?? String(thrown);
  captureProcessErrors(({ kind, fatal, thrown }) =>
    console.log('told', kind, fatal, shown(thrown)));
`;
const LISTEN = "process.on('unhandledRejection', () => {});";
const CATCH = "process.on('uncaughtException', () => {});";
const THROW = "setTimeout(() => { throw new Error('a'); }, 1);";
const reject = (what: string) => `Promise.reject(new Error('${what}'));`;

/** What is told while \`code\` runs, in a process of its own. */
function toldOf(code: string, mode = 'throw'): string[] {
  const { stdout } = spawnSync(
    process.execPath,
    [`--unhandled-rejections=${mode}`, '--input-type=module', '--eval', WATCH + code],
    { encoding: 'utf8' },
  );
  return stdout.split('\n').filter((line) => line.startsWith('told'));
}

it.each([
  ['an exception', THROW, 'throw', ['told uncaught true a']],
  ['one that is caught', CATCH + THROW, 'throw', ['told uncaught false a']],
  ['a rejection', reject('a'), 'throw', ['told rejection true a']],
  ['a rejection of nothing', 'Promise.reject();', 'throw', ['told rejection true undefined']],
  ['one that is heard', LISTEN + reject('a'), 'throw', ['told rejection false a']],
  [
    'two that are heard',
    LISTEN + reject('a') + reject('b'),
    'throw',
    ['told rejection false a', 'told rejection false b'],
  ],
  ['one that is caught as an exception', CATCH + reject('a'), 'throw', ['told rejection false a']],
  ['one that raises first', reject('a'), 'strict', ['told rejection true a']],
  [
    'one that raises, is caught and heard',
    CATCH + LISTEN + reject('a'),
    'strict',
    ['told rejection false a'],
  ],
  [
    'one that warns',
    reject('a') + reject('b'),
    'warn',
    ['told rejection false a', 'told rejection false b'],
  ],
  ['one that is ignored', reject('a'), 'none', ['told rejection false a']],
  ['one that is handled in time', `${reject('a').slice(0, -1)}.catch(() => {});`, 'throw', []],
])('%s is told once', (_what, code, mode, expected) => {
  expect(toldOf(code, mode)).toEqual(expected);
});
