import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { getProcessIdentity } from '../../../../src/core/process-identity.ts';
import {
  loadOrCreateCredentials,
  parseCredentials,
} from '../../../../src/storage/questdb/credentials.ts';
import { DataDirLock } from '../../../../src/storage/questdb/data-dir.ts';
import { writeServerConf } from '../../../../src/storage/questdb/server-conf.ts';
import {
  DEFAULT_PORTS,
  loadPorts,
  savePorts,
} from '../../../../src/storage/questdb/stored-ports.ts';

let folder: string;
let warnings: string[];
const log = { info: () => {}, warn: (text: string) => warnings.push(text), error: () => {} };
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perfscope-questdb-'));
  warnings = [];
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('credentials.json', () => {
  it('is created once and can be read only by its owner', () => {
    const created = loadOrCreateCredentials(folder, log);
    expect(loadOrCreateCredentials(folder, log)).toEqual(created);
    expect(statSync(join(folder, 'credentials.json')).mode & 0o777).toBe(0o600);
    expect(warnings).toEqual([]);
  });

  it('is replaced if it is damaged, with a warning that names it', () => {
    const file = join(folder, 'credentials.json');
    writeFileSync(file, '');
    const created = loadOrCreateCredentials(folder, log);
    expect(created.writer.password).toHaveLength(24);
    expect(loadOrCreateCredentials(folder, log)).toEqual(created);
    expect(readFileSync(`${file}.damaged`, 'utf8')).toBe('');
    expect(warnings).toEqual([
      expect.stringContaining(`The file ${file} was damaged: it is empty. `),
    ]);
  });

  it('is recognized as damaged if it was cut at any byte', () => {
    loadOrCreateCredentials(folder, log);
    const bytes = readFileSync(join(folder, 'credentials.json'));
    // The last byte is the line break after the JSON.
    for (let length = 0; length < bytes.length - 1; length++) {
      expect(() => parseCredentials(bytes.subarray(0, length))).toThrow();
    }
  });

  it.each([
    null,
    5,
    [],
    {},
    { writer: { user: 'a', password: 'b' } },
    { writer: { user: 'a', password: 'b' }, reader: { user: 'a', password: 5 } },
    { writer: { user: 'a', password: 'b' }, reader: { user: 'a', password: '' } },
    {
      writer: { user: 'a', password: 'b\nhttp.bind.to=0.0.0.0' },
      reader: { user: 'a', password: 'b' },
    },
  ])('is replaced if it has unexpected content: %j', (content) => {
    writeFileSync(join(folder, 'credentials.json'), JSON.stringify(content));
    loadOrCreateCredentials(folder, log);
    expect(warnings).toHaveLength(1);
  });

  it('stops the server with an error that names it, if a folder has its name', () => {
    const file = join(folder, 'credentials.json');
    mkdirSync(file);
    expect(() => loadOrCreateCredentials(folder, log)).toThrow(
      expect.objectContaining({
        code: 'PS_STATE_FILE_UNUSABLE',
        message: expect.stringContaining(file),
      }),
    );
  });
});

describe('ports.json', () => {
  it('returns the stored ports', () => {
    savePorts(folder, { http: 9123, pg: 8899 }, log);
    expect(loadPorts(folder)).toEqual({ http: 9123, pg: 8899 });
  });

  it.each(['', '{"http":91', 'null', '5', '{}', '{"http":"9000","pg":8812}', '{"http":0,"pg":-1}'])(
    'is ignored if it contains %j',
    (text) => {
      writeFileSync(join(folder, 'ports.json'), text);
      expect(loadPorts(folder)).toEqual(DEFAULT_PORTS);
    },
  );

  it('does not stop the server if it can be neither read nor written', () => {
    mkdirSync(join(folder, 'ports.json', 'subfolder'), { recursive: true });
    expect(loadPorts(folder)).toEqual(DEFAULT_PORTS);
    savePorts(folder, DEFAULT_PORTS, log);
    expect(warnings).toEqual([expect.stringContaining(join(folder, 'ports.json'))]);
  });
});

describe('server.lock', () => {
  it.each([
    '',
    '{"process":{"pid":1',
    'null',
    '[]',
    '{}',
    '{"process":{"pid":-1,"started":""},"url":"x"}',
    '{"process":{"pid":4194300,"started":"1"},"url":"x","questdb":{"pid":-1,"started":""}}',
  ])('is taken over if it contains %j', async (text) => {
    writeFileSync(join(folder, 'server.lock'), text);
    const lock = await DataDirLock.acquire(folder);
    lock.update({ url: 'http://127.0.0.1:4001' });
    await expect(DataDirLock.acquire(folder)).rejects.toMatchObject({
      code: 'PS_DATA_DIR_HELD',
      params: { pid: process.pid, url: 'http://127.0.0.1:4001' },
    });
    lock.release();
    expect(existsSync(join(folder, 'server.lock'))).toBe(false);
  });

  it('is not taken over if it can be neither read nor identified', async () => {
    mkdirSync(join(folder, 'server.lock'));
    await expect(DataDirLock.acquire(folder)).rejects.toMatchObject({
      code: 'PS_STATE_FILE_UNUSABLE',
      message: expect.stringContaining(join(folder, 'server.lock')),
    });
  });

  it('is not taken over from a running process', async () => {
    const holder = { process: getProcessIdentity(process.pid), url: 'x' };
    writeFileSync(join(folder, 'server.lock'), JSON.stringify(holder));
    await expect(DataDirLock.acquire(folder)).rejects.toMatchObject({ code: 'PS_DATA_DIR_HELD' });
  });
});

it("names QuestDB's configuration file if it can't be written", () => {
  const file = join(folder, 'conf', 'server.conf');
  mkdirSync(join(file, 'subfolder'), { recursive: true });
  const credentials = loadOrCreateCredentials(join(folder, 'other'), log);
  expect(() => writeServerConf(folder, DEFAULT_PORTS, credentials)).toThrow(
    expect.objectContaining({
      code: 'PS_STATE_FILE_UNUSABLE',
      message: expect.stringContaining(file),
    }),
  );
});
