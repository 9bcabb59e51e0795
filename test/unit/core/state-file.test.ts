import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
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
import { createPrivateFile, writePrivateFile } from '../../../src/core/private-file.ts';
import { getProcessIdentity, isProcessIdentity } from '../../../src/core/process-identity.ts';
import { parseStateJson, readStateFile, writeStateFile } from '../../../src/core/state-file.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perfscope-state-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('private files', () => {
  it.each([false, true])('replaces a file and its permissions (durable: %s)', (durable) => {
    const file = join(folder, 'new', 'state.json');
    writePrivateFile(file, 'first', { durable });
    chmodSync(file, 0o644);
    writePrivateFile(file, 'second', { durable });
    expect(readFileSync(file, 'utf8')).toBe('second');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(folder, 'new'))).toEqual(['state.json']);
  });

  it('replaces a symbolic link, and not the file that it refers to', () => {
    const target = join(folder, 'target');
    writeFileSync(target, 'target');
    symlinkSync(target, join(folder, 'link'));
    writePrivateFile(join(folder, 'link'), 'new');
    expect(readFileSync(target, 'utf8')).toBe('target');
    expect(readFileSync(join(folder, 'link'), 'utf8')).toBe('new');
  });

  it('creates a file only once', () => {
    const file = join(folder, 'lock');
    expect(createPrivateFile(file, 'first')).toBe(true);
    expect(createPrivateFile(file, 'second')).toBe(false);
    expect(readFileSync(file, 'utf8')).toBe('first');
    expect(readdirSync(folder)).toEqual(['lock']);
  });

  it('deletes the temporary file if the write or the rename fails', () => {
    mkdirSync(join(folder, 'state.json'));
    expect(() => writePrivateFile(join(folder, 'state.json'), 'text')).toThrow();
    expect(readdirSync(folder)).toEqual(['state.json']);
    // The write itself fails, as on a full disk.
    expect(() => writePrivateFile(join(folder, 'a'), 5 as never)).toThrow();
    expect(() => createPrivateFile(join(folder, 'a'), 5 as never)).toThrow();
    expect(readdirSync(folder)).toEqual(['state.json']);
  });
});

it('names the file that can neither be read nor written', () => {
  const file = join(folder, 'state.json');
  mkdirSync(file);
  const expected = { code: 'PS_STATE_FILE_UNUSABLE', message: expect.stringContaining(file) };
  expect(() => readStateFile(file)).toThrow(expect.objectContaining(expected));
  expect(() => writeStateFile(file, 'text')).toThrow(expect.objectContaining(expected));
  expect(readStateFile(join(folder, 'none'))).toBeUndefined();
});

it('rejects JSON that was cut at any byte', () => {
  const text = JSON.stringify({ a: ['ä', 1], b: { c: '"' } });
  const bytes = Buffer.from(text);
  expect(parseStateJson(bytes)).toEqual(JSON.parse(text));
  expect(() => parseStateJson(Buffer.alloc(0))).toThrow('it is empty');
  for (let length = 1; length < bytes.length; length++) {
    expect(() => parseStateJson(bytes.subarray(0, length))).toThrow('not complete JSON');
  }
});

it.each([
  [getProcessIdentity(process.pid), true],
  [undefined, false],
  [null, false],
  [5, false],
  [{}, false],
  // Signals to these process IDs go to several processes.
  [{ pid: 0, started: '' }, false],
  [{ pid: -1, started: '' }, false],
  [{ pid: 12.5, started: '' }, false],
  [{ pid: '12', started: '' }, false],
  [{ pid: 12 }, false],
])('recognizes the identity of a process: %j', (value, expected) => {
  expect(isProcessIdentity(value)).toBe(expected);
});

describe('the discovery file', () => {
  const discovery: ServerDiscovery = {
    process: getProcessIdentity(process.pid),
    version: '1.0.0',
    serverUrl: 'http://127.0.0.1:4001',
    questdb: {
      write: { url: 'http://127.0.0.1:9000', authorization: 'Basic x' },
      read: { host: '127.0.0.1', port: 8812, user: 'u', password: 'p', database: 'qdb' },
    },
    localToken: 'token',
    spoolDir: '/spool',
  };

  it('is ignored if it was cut at any byte', () => {
    const file = join(folder, 'server.json');
    writeDiscoveryFile(file, discovery);
    expect(readDiscoveryFile(file)).toEqual(discovery);
    const bytes = readFileSync(file);
    for (let length = 0; length < bytes.length; length++) {
      writeFileSync(file, bytes.subarray(0, length));
      expect(readDiscoveryFile(file)).toBeUndefined();
    }
    writeDiscoveryFile(file, discovery);
    expect(readDiscoveryFile(file)).toEqual(discovery);
  });

  it.each([
    null,
    5,
    [],
    {},
    { ...discovery, process: {} },
    { ...discovery, serverUrl: 'elsewhere' },
    { ...discovery, spoolDir: undefined },
    { ...discovery, questdb: undefined },
    { ...discovery, questdb: { ...discovery.questdb, write: {} } },
    { ...discovery, questdb: { ...discovery.questdb, read: { host: 'h' } } },
  ])('is ignored with unexpected content: %j', (content) => {
    const file = join(folder, 'server.json');
    writeDiscoveryFile(file, discovery);
    writeFileSync(file, JSON.stringify(content));
    expect(readDiscoveryFile(file)).toBeUndefined();
  });

  it('stops the server with an error that names it, if a folder has its name', () => {
    const file = join(folder, 'server.json');
    mkdirSync(join(file, 'subfolder'), { recursive: true });
    expect(() => writeDiscoveryFile(file, discovery)).toThrow(
      expect.objectContaining({
        code: 'PS_STATE_FILE_UNUSABLE',
        message: expect.stringContaining(file),
      }),
    );
    expect(existsSync(join(file, 'subfolder'))).toBe(true);
  });
});
