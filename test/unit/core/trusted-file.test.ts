import {
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  readDiscoveryFile,
  type ServerDiscovery,
  writeDiscoveryFile,
} from '../../../src/core/config/server-discovery.ts';
import { writePrivateFile } from '../../../src/core/private-file.ts';
import { getProcessIdentity } from '../../../src/core/process-identity.ts';
import { readTrustedFile } from '../../../src/core/trusted-file.ts';

let root: string;
let folder: string;
let file: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'perfscope-discovery-'));
  folder = join(root, 'perfscope');
  file = join(folder, 'server.json');
});
afterEach(() => rmSync(root, { recursive: true }));

const discovery: ServerDiscovery = {
  process: getProcessIdentity(process.pid),
  serverUrl: 'http://127.0.0.1:4001',
  questdb: {
    write: { url: 'http://127.0.0.1:9000' },
    read: { host: '127.0.0.1', port: 8812, database: 'qdb', user: 'u', password: 'p' },
  },
  spoolDir: '/spool',
};

it('writes and reads the discovery file, with protected folder and file', () => {
  writeDiscoveryFile(file, discovery);
  expect(readDiscoveryFile(file)).toEqual(discovery);
  expect(lstatSync(folder).mode & 0o777).toBe(0o700);
  expect(lstatSync(file).mode & 0o777).toBe(0o600);
  writeDiscoveryFile(file, { ...discovery, serverUrl: 'http://127.0.0.1:4002' });
  expect(readDiscoveryFile(file)?.serverUrl).toBe('http://127.0.0.1:4002');
  expect(readdirSync(folder)).toEqual(['server.json']);
});

it('replaces links instead of following them', () => {
  const target = join(root, 'target');
  writeFileSync(target, 'unchanged');
  mkdirSync(folder, { mode: 0o700 });
  symlinkSync(target, file);
  symlinkSync(target, `${file}.${process.pid}`);
  writeDiscoveryFile(file, discovery);
  expect(readFileSync(target, 'utf8')).toBe('unchanged');
  expect(readDiscoveryFile(file)).toEqual(discovery);
});

it('deletes the temporary file if the rename fails', () => {
  mkdirSync(join(file, 'not-empty'), { recursive: true });
  expect(() => writePrivateFile(file, 'text')).toThrow();
  expect(readdirSync(folder)).toEqual(['server.json']);
});

describe.skipIf(process.platform === 'win32')('permissions', () => {
  it('protects a folder that others can write to', () => {
    mkdirSync(folder);
    chmodSync(folder, 0o777);
    writeDiscoveryFile(file, discovery);
    expect(lstatSync(folder).mode & 0o777).toBe(0o700);
  });

  it('does not write into the target of a linked folder', () => {
    mkdirSync(join(root, 'target'), { mode: 0o700 });
    symlinkSync(join(root, 'target'), folder);
    expect(() => writeDiscoveryFile(file, discovery)).toThrow('not a folder');
    expect(readdirSync(join(root, 'target'))).toEqual([]);
  });

  it.each([
    ['a folder that the group can write to', () => chmodSync(folder, 0o770)],
    ['a folder that all users can write to', () => chmodSync(folder, 0o707)],
    ['a file that the group can write to', () => chmodSync(file, 0o660)],
    ['a file that all users can write to', () => chmodSync(file, 0o606)],
    ['a file with a hard link', () => linkSync(file, join(root, 'link'))],
    [
      'a symbolic link',
      () => {
        renameSync(file, join(root, 'target'));
        symlinkSync(join(root, 'target'), file);
      },
    ],
    [
      'a link to a folder',
      () => {
        renameSync(folder, join(root, 'target'));
        symlinkSync(join(root, 'target'), folder);
      },
    ],
  ])('does not read %s', (_name, change) => {
    writeDiscoveryFile(file, discovery);
    change();
    expect(readDiscoveryFile(file)).toBeUndefined();
  });
});

describe.skipIf(process.geteuid?.() !== 0)('other owners', () => {
  it.each([
    ['file', () => chownSync(file, 12_345, 12_345)],
    ['folder', () => chownSync(folder, 12_345, 12_345)],
  ])('does not read a %s of another user', (_name, change) => {
    writeDiscoveryFile(file, discovery);
    change();
    expect(readDiscoveryFile(file)).toBeUndefined();
  });

  it('trusts a file of root only if this is allowed', () => {
    writeDiscoveryFile(file, discovery);
    chmodSync(root, 0o755);
    chmodSync(folder, 0o755);
    chmodSync(file, 0o644);
    process.seteuid?.(12_345);
    try {
      expect(readDiscoveryFile(file)).toEqual(discovery);
      expect(() => readTrustedFile(file)).toThrow('belongs to the user with ID 0');
    } finally {
      process.seteuid?.(0);
    }
  });

  it('does not write into the folder of another user', () => {
    mkdirSync(folder, { mode: 0o700 });
    chownSync(folder, 12_345, 12_345);
    expect(() => writeDiscoveryFile(file, discovery)).toThrow('belongs to the user');
    expect(readdirSync(folder)).toEqual([]);
  });
});
