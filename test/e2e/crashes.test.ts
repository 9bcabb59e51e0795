import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { QuestdbWithSpoolSender } from '../support/questdb-with-spool-sender.ts';
import { waitFor } from '../support/wait-for.ts';

const questdb = new QuestdbWithSpoolSender();
beforeAll(() => questdb.start());
afterAll(() => questdb.remove());

const CASES: readonly (readonly [scenario: string, ...flags: string[]])[] = [
  ['throws'],
  ['rejects'],
  ['rejectsWithText'],
  ['rejectsWithUndefined'],
  ['handled'],
  ['handledRejections'],
  ['listenerThrows'],
  ['inspectsProcess'],
  ['rejects', '--unhandled-rejections=strict'],
  ['rejects', '--unhandled-rejections=warn'],
  ['rejects', '--unhandled-rejections=none'],
  ['handledRejections', '--unhandled-rejections=strict'],
];

/** Perfscope's log lines, and its frame in the stack of a listener that throws. */
const PERFSCOPE_LINES = /^perfscope: .*\n|^ +at process\.emit \(.*\/dist\/.*\n/gm;
/** Node's warnings contain the process ID. */
const PROCESS_ID = /\(node:\d+\)/g;

function run(scenario: string, flags: readonly string[], register: boolean) {
  // Any `--import` flag changes Node's own frames at the end of a stack, so both runs need one.
  const imports = [
    '--import',
    register ? './dist/agent-package/register.js' : 'data:text/javascript,',
  ];
  const { status, signal, stdout, stderr } = spawnSync(
    process.execPath,
    [...flags, ...imports, 'test/apps/crashes.cjs', scenario],
    {
      encoding: 'utf8',
      env: {
        ...questdb.serviceEnv,
        OTEL_SERVICE_NAME: 'crashes',
      },
    },
  );
  return {
    status,
    signal,
    stdout,
    stderr: stderr.replace(PERFSCOPE_LINES, '').replace(PROCESS_ID, '(node)'),
  };
}

it.each(CASES)(
  'has the same exit code and output with and without Perfscope: %s %s',
  (scenario, ...flags) => {
    const uninstrumented = run(scenario, flags, false);
    expect(run(scenario, flags, true)).toEqual(uninstrumented);
    expect(uninstrumented.stdout + uninstrumented.stderr).not.toBe('');
  },
);

it.each([
  ['throws', 'no room for guest 17', 'TypeError'],
  ['rejects', 'no bed', 'RangeError'],
])(
  'stores the uncaught startup error of an application that %s',
  async (scenario, message, type) => {
    run(scenario, [], true);
    const [row] = await waitFor(async () => {
      const found = await questdb.sql(
        `SELECT level, stack_trace, error_type FROM error_logs
       WHERE service = 'crashes' AND message = '${message}' AND level = 'fatal'`,
      );
      return found.length > 0 && found;
    });
    expect(row).toEqual(['fatal', expect.stringContaining('crashes.cjs'), type]);
  },
);
