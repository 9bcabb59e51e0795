import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { installTestLibraries } from '../../../scripts/test-libraries.mjs';

let root: string;
let log: string;
const { PATH } = process.env;

/** Replaces npm by a program that logs its folder, and then runs `script`. */
function writeNpm(script: string): void {
  const bin = join(root, 'bin');
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, 'npm'), `#!/bin/sh\necho "$(basename $PWD) $*" >> ${log}\n${script}\n`);
  chmodSync(join(bin, 'npm'), 0o755);
  process.env.PATH = [bin, PATH].join(delimiter);
}

function writeLock(folder: string, text: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package-lock.json'), text);
}

function readCalls(): string[] {
  const calls = existsSync(log) ? readFileSync(log, 'utf8').trimEnd().split('\n') : [];
  rmSync(log, { force: true });
  return calls.map((call) => call.replace(/ --.*/, '')).sort();
}

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'perfscope-libraries-'));
  log = join(root, 'log');
  writeLock(join(root, 'libraries'), 'a');
  writeLock(join(root, 'libraries/next-16'), 'b');
  // Only long tests need it.
  writeLock(join(root, 'libraries/nuxt-4'), 'd');
  mkdirSync(join(root, 'libraries/koa-3'));
});
afterEach(() => {
  process.env.PATH = PATH;
  rmSync(root, { recursive: true });
});

it.runIf(process.platform !== 'win32')(
  'installs each folder with a lock file once, and again if the lock file changes',
  async () => {
    writeNpm('mkdir -p node_modules');
    const install = () => installTestLibraries(() => {}, { roots: [join(root, 'libraries')] });
    await install();
    expect(readCalls()).toEqual(['libraries ci', 'next-16 ci']);
    await install();
    expect(readCalls()).toEqual([]);
    writeLock(join(root, 'libraries/next-16'), 'c');
    await install();
    expect(readCalls()).toEqual(['next-16 ci']);
  },
);

it.runIf(process.platform !== 'win32')(
  'kills npm if it hangs, tries once more, and fails with the folder and the reason',
  async () => {
    rmSync(join(root, 'libraries/next-16'), { recursive: true });
    writeNpm('sleep 600');
    const lines: string[] = [];
    const onLine = (line: string) => {
      lines.push(line);
      if (line.includes('Trying again')) writeNpm('mkdir -p node_modules');
    };
    const install = (limitsMs: readonly number[]) =>
      installTestLibraries(onLine, { roots: [join(root, 'libraries')], limitsMs });
    await install([500, 600_000]);
    expect(readCalls()).toContain('libraries ci');
    expect(lines.at(-1)).toMatch(/libraries: no result after 0\.5 s\. Trying again/);
    writeLock(join(root, 'libraries'), 'c');
    writeNpm('exit 3');
    await expect(install([600_000])).rejects.toThrow(/npm ci failed in .*libraries: exit code 3/);
  },
);
