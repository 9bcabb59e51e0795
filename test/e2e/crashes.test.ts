import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { QuestdbWithSpoolSender } from '../support/questdb-with-spool-sender.ts';
import { waitFor } from '../support/wait-for.ts';

const questdb = new QuestdbWithSpoolSender();
beforeAll(() => questdb.start());
afterAll(() => questdb.remove());

const WAYS: readonly (readonly [way: string, ...flags: string[]])[] = [
  ...([['throws'], ['rejects'], ['rejectsWithText'], ['rejectsWithNothing'], ['handled']] as const),
  ...([['handledRejections'], ['listenerThrows'], ['own']] as const),
  ['rejects', '--unhandled-rejections=strict'],
  ['rejects', '--unhandled-rejections=warn'],
  ['rejects', '--unhandled-rejections=none'],
  ['handledRejections', '--unhandled-rejections=strict'],
];

/** What Perfscope says itself, and its frame in the stack of a listener that throws. */
const OURS = /^perfscope: .*\n|^ +at process\.emit \(file:.*\/dist\/.*\n/gm;
/** Warnings of Node hold the process' id. */
const PID = /\(node:\d+\)/g;

function run(way: string, flags: readonly string[], register: boolean) {
  // Any `--import` changes the frames of Node's own that a stack ends with.
  const imports = ['--import', register ? './dist/register.js' : 'data:text/javascript,'];
  const { status, signal, stdout, stderr } = spawnSync(
    process.execPath,
    [...flags, ...imports, 'test/apps/crashes.cjs', way],
    {
      encoding: 'utf8',
      env: {
        PATH: process.env.PATH,
        XDG_RUNTIME_DIR: questdb.folder,
        ...questdb.env,
        PERFORMANCE_SPOOL_DIR: `${questdb.folder}/spool`,
        OTEL_SERVICE_NAME: 'crashes',
      },
    },
  );
  return { status, signal, stdout, stderr: stderr.replace(OURS, '').replace(PID, '(node)') };
}

it.each(WAYS)('an application ends as it does without Perfscope: %s %s', (way, ...flags) => {
  const alone = run(way, flags, false);
  expect(run(way, flags, true)).toEqual(alone);
  expect(alone.stdout + alone.stderr).not.toBe('');
});

it.each([
  ['throws', 'no room for guest 17', 'TypeError'],
  ['rejects', 'no bed', 'RangeError'],
])('what nobody caught is stored, however early: %s', async (way, message, type) => {
  run(way, [], true);
  const [row] = await waitFor(async () => {
    const found = await questdb.sql(
      `SELECT level, stack_trace, error_type FROM error_logs
       WHERE service = 'crashes' AND message = '${message}' AND level = 'fatal'`,
    );
    return found.length > 0 && found;
  });
  expect(row).toEqual(['fatal', expect.stringContaining('crashes.cjs'), type]);
});
