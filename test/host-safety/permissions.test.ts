import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, it } from 'vitest';
import { type HostProgram, HostProgramRunner } from '../support/host-program.ts';

const runner = new HostProgramRunner();
afterAll(() => runner.remove());

/** If possible, the programs run as a user who has no entry in the list of users. */
const uid = process.getuid?.() === 0 ? 12_345 : undefined;
const readOnly = createFolder('read-only', 0o555);
const forbidden = createFolder('forbidden', 0o000);
const file = join(runner.folder, 'file');
writeFileSync(file, '');

function createFolder(name: string, mode: number): string {
  const folder = join(runner.folder, name);
  mkdirSync(folder);
  chmodSync(folder, mode);
  return folder;
}

const withEnv = (env: NodeJS.ProcessEnv): Partial<HostProgram> => ({
  env: { PERFORMANCE_FLUSH_INTERVAL: '100', ...env },
});
/** Uses the default of the setting. */
const UNSET = { PERFORMANCE_SPOOL_DIR: undefined };

const RESTRICTIONS: readonly (readonly [string, Partial<HostProgram>])[] = [
  ['a read-only current folder', { cwd: readOnly, ...withEnv(UNSET) }],
  ['no home folder', withEnv({ HOME: undefined, XDG_RUNTIME_DIR: undefined })],
  ['no home and spool folder', withEnv({ ...UNSET, HOME: undefined, XDG_RUNTIME_DIR: undefined })],
  [
    'a home folder that does not exist',
    withEnv({ HOME: '/nonexistent', XDG_RUNTIME_DIR: undefined }),
  ],
  [
    'an empty environment',
    withEnv({ ...UNSET, HOME: undefined, PATH: undefined, XDG_RUNTIME_DIR: undefined }),
  ],
  ['a spool folder that is read-only', withEnv({ PERFORMANCE_SPOOL_DIR: readOnly })],
  ['a spool folder that is forbidden', withEnv({ PERFORMANCE_SPOOL_DIR: forbidden })],
  [
    'a spool folder in a forbidden folder',
    withEnv({ PERFORMANCE_SPOOL_DIR: `${forbidden}/spool` }),
  ],
  ['a spool folder that is a file', withEnv({ PERFORMANCE_SPOOL_DIR: file })],
  ['a spool folder in a file', withEnv({ PERFORMANCE_SPOOL_DIR: `${file}/spool` })],
  ['a spool folder in /proc', withEnv({ PERFORMANCE_SPOOL_DIR: '/proc/spool' })],
  ['a runtime folder that is a file', withEnv({ XDG_RUNTIME_DIR: file })],
  ['a runtime folder that is forbidden', withEnv({ XDG_RUNTIME_DIR: forbidden })],
  ['few open files', { shell: 'ulimit -n 30; exec "$@"' }],
  ['files of at most 0 bytes', { shell: 'ulimit -f 0; exec "$@"' }],
  ['a umask of 777', { shell: 'umask 777; exec "$@"' }],
  ['a deleted current folder', { shell: 'mkdir d; cd d; rmdir ../d; exec "$@"' }],
  ['an invalid setting', withEnv({ PERFORMANCE_FLUSH_INTERVAL: 'often' })],
];

it.concurrent.each(RESTRICTIONS)(
  'runs as without the agent with %s',
  async (_name, restriction) => {
    // Files of root are never read-only for root.
    const user = restriction.shell ? undefined : uid;
    const args = ['print.cjs', '300'];
    await runner.expectSameBehavior({ args, losesRows: true, ...restriction, uid: user });
  },
);

it.concurrent('runs as without the agent with a user who can only read', async () => {
  const shell = 'cd /; exec "$@"';
  const env = UNSET;
  await runner.expectSameBehavior({ args: ['print.cjs', '300'], shell, uid, env, losesRows: true });
});

it.concurrent.each([
  ['only reads', ['--permission', '--allow-fs-read=*']],
  ['reads and threads', ['--permission', '--allow-fs-read=*', '--allow-worker']],
  [
    'reads, writes, and requests',
    ['--permission', '--allow-fs-read=*', '--allow-fs-write=*', '--allow-net'],
  ],
])('runs as without the agent with the permission model that allows %s', async (_name, all) => {
  const isKnown = (flag: string) =>
    process.allowedNodeEnvironmentFlags.has(flag.replace(/=.*/, ''));
  const flags = all.filter(isKnown);
  await runner.expectSameBehavior({ args: ['print.cjs', '300'], flags, losesRows: true });
  await runner.expectSameBehavior({ args: ['exit.cjs', 'naturalEnd'], flags, losesRows: true });
});
