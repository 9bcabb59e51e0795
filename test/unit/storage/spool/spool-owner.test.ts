import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { isFolderOwned, OwnedFolder } from '../../../../src/storage/spool/spool-owner.ts';

const MODULE = join(import.meta.dirname, '../../../../src/storage/spool/spool-owner.ts');

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'perfscope-owner-'));
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

function createProgram(folder: string): string {
  return `
    const { OwnedFolder } = await import(${JSON.stringify(MODULE)});
    const folder = OwnedFolder.create(${JSON.stringify(folder)});
    const { parentPort } = await import('node:worker_threads');
    if (parentPort) parentPort.postMessage(folder.path);
    else console.log(folder.path);
    setInterval(() => {}, 1000);
  `;
}

async function startOwner(folder: string) {
  const program = ['--input-type=module', '--eval', createProgram(folder)];
  const child = spawn(process.execPath, program, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [path] = (await once(createInterface(child.stdout), 'line')) as [string];
  return { child, name: basename(path) };
}

it.each([
  ['a short path', ''],
  ['a path that is too long for a socket', 'x'.repeat(120)],
])('is owned until its process is killed: %s', async (_, suffix) => {
  const folder = join(root, suffix);
  const { child, name } = await startOwner(folder);
  expect(await isFolderOwned(folder, name)).toBe(true);
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(await isFolderOwned(folder, name)).toBe(false);
});

it('is owned by a process that is stopped', async () => {
  const { child, name } = await startOwner(root);
  child.kill('SIGSTOP');
  expect(await isFolderOwned(root, name)).toBe(true);
  child.kill('SIGKILL');
  await once(child, 'exit');
});

it('is owned until its worker thread is terminated', async () => {
  const worker = new Worker(createProgram(root), { eval: true });
  const [path] = (await once(worker, 'message')) as [string];
  expect(await isFolderOwned(root, basename(path))).toBe(true);
  await worker.terminate();
  expect(await isFolderOwned(root, basename(path))).toBe(false);
});

/** Runs a command like a container: with its own process IDs. */
const UNSHARE = ['--user', '--pid', '--fork'];
const canUnshare = spawnSync('unshare', [...UNSHARE, 'true']).status === 0;

// Unprivileged namespaces are disabled on some systems.
it.skipIf(!canUnshare)('is owned for processes that do not see its process ID', async () => {
  const { child, name } = await startOwner(root);
  const program = `
    const { isFolderOwned } = await import(${JSON.stringify(MODULE)});
    console.log(process.pid, await isFolderOwned(${JSON.stringify(root)}, ${JSON.stringify(name)}));
  `;
  const args = [...UNSHARE, process.execPath, '--input-type=module', '--eval', program];
  expect(spawnSync('unshare', args, { encoding: 'utf8' }).stdout).toBe('1 true\n');
  child.kill('SIGKILL');
  await once(child, 'exit');
});

it.each([
  ['a short path', ''],
  ['a path that is too long for a socket', 'x'.repeat(120)],
])('is created again if the process has no free file descriptors: %s', (_, suffix) => {
  const program = [
    `const { closeSync, openSync, readdirSync } = await import('node:fs');`,
    `const { OwnedFolder } = await import(${JSON.stringify(MODULE)});`,
    `const folder = ${JSON.stringify(join(root, suffix))};`,
    'const fds = [];',
    `try { for (;;) fds.push(openSync('/dev/null', 'r')); } catch {}`,
    'let code;',
    'try { OwnedFolder.create(folder); } catch (error) { code = error.code; }',
    'for (const fd of fds) closeSync(fd);',
    'console.log(code, readdirSync(folder).length, OwnedFolder.create(folder).path);',
    'process.exit();',
  ].join('\n');
  // The limit is low, because a process can have a million descriptors.
  const args = ['-c', 'ulimit -n 200; exec "$0" "$@"', process.execPath];
  const options = ['--input-type=module', '--eval', program];
  const { stdout } = spawnSync('sh', [...args, ...options], { encoding: 'utf8' });
  expect(stdout).toMatch(/^EMFILE 0 .*\/spool-\d+-[0-9a-f]{8}\n$/);
});

it('deletes an empty folder', () => {
  const folder = OwnedFolder.create(root);
  folder.release();
  expect(readdirSync(root)).toEqual([]);
});

it('gives up a folder with files', async () => {
  const folder = OwnedFolder.create(root);
  mkdirSync(join(folder.path, 'file'));
  expect(folder.deleteIfUnused()).toBe(false);
  folder.release();
  const [name = ''] = readdirSync(root);
  expect(await isFolderOwned(root, name)).toBe(false);
});

it('does not keep the process alive', () => {
  const resources = process.getActiveResourcesInfo();
  const folder = OwnedFolder.create(root);
  expect(process.getActiveResourcesInfo()).toEqual(resources);
  folder.release();
});
