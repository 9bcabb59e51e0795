import { execFileSync } from 'node:child_process';
import fs, {
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createConfigFileError } from '../../../../src/core/config-files/config-validation.ts';
import { WatchedFile } from '../../../../src/core/config-files/watched-file.ts';

let folder: string;
let path: string;
let errors: string[];
let loaded: string[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'watched-file-'));
  path = join(folder, 'rules.yaml');
  errors = [];
  loaded = [];
});
afterEach(() => {
  vi.restoreAllMocks();
  syncBuiltinESMExports();
  rmSync(folder, { recursive: true, force: true });
});

function watch(): WatchedFile<string> {
  return new WatchedFile(
    {
      path,
      initial: 'default',
      code: 'PS_RULES_INVALID',
      load: ({ name, text }) => {
        if (!text.startsWith('invalid')) return text;
        const problem = { file: name, line: 3, column: 1, message: 'is invalid' };
        throw createConfigFileError('PS_RULES_INVALID', [problem]);
      },
      formatLoadedMessage: (value) => `Loaded ${value}.`,
      log: {
        info: (message: string) => void loaded.push(message),
        warn: () => {},
        error: (message: string) => void errors.push(message),
      },
    },
    0,
  );
}

/** Makes all reads fail, as the kernel does if a process has too many open files. */
function failReads(code: string): () => void {
  const mock = vi.spyOn(fs, 'readFileSync').mockImplementation(() => {
    throw Object.assign(new Error(`${code}: reading failed, open '${path}'`), { code });
  });
  syncBuiltinESMExports();
  return () => {
    mock.mockRestore();
    syncBuiltinESMExports();
  };
}

function loopLink(): () => void {
  unlinkSync(path);
  symlinkSync(path, path);
  return () => {
    unlinkSync(path);
    writeFileSync(path, 'old');
  };
}

/** How a file becomes unreadable. Each function returns a function that restores the file. */
const FAILURES: readonly [string, () => () => void][] = [
  ['ELOOP', loopLink],
  ['EMFILE', () => failReads('EMFILE')],
  ['EACCES', () => failReads('EACCES')],
  [
    'EISDIR',
    () => {
      unlinkSync(path);
      mkdirSync(path);
      return () => {
        rmSync(path, { recursive: true });
        writeFileSync(path, 'old');
      };
    },
  ],
  [
    'ENOTDIR',
    () => {
      const moved = `${folder}-moved`;
      renameSync(folder, moved);
      writeFileSync(folder, '');
      return () => {
        unlinkSync(folder);
        renameSync(moved, folder);
      };
    },
  ],
  [
    'ENOENT',
    () => {
      const other = join(folder, 'other.yaml');
      renameSync(path, other);
      return () => renameSync(other, path);
    },
  ],
  [
    'pipe',
    () => {
      unlinkSync(path);
      execFileSync('mkfifo', [path]);
      return () => {
        unlinkSync(path);
        writeFileSync(path, 'old');
      };
    },
  ],
];

it.each(FAILURES)(
  'keeps the last version during %s, reports it once, and recovers',
  (code, fail) => {
    writeFileSync(path, 'old');
    const file = watch();
    // The file can be unreadable without a change of its version, so it changes at the same time.
    writeFileSync(path, 'changed');
    const restore = fail();
    for (const now of [1, 2, 3]) expect(file.refresh(now)).toBe(false);
    expect(file.value).toBe('old');
    expect(file.status).toMatchObject({ file: path, loadedMs: 0 });
    expect(file.status.problems.map(({ message }) => message)).toEqual([
      expect.stringContaining(code),
    ]);
    expect(errors).toEqual([
      expect.stringMatching(/^PS_FILE_UNREADABLE: The file .* can't be read/),
    ]);
    restore();
    writeFileSync(path, 'new');
    expect(file.refresh(4)).toBe(true);
    expect(file.value).toBe('new');
    expect(file.status).toEqual({ file: path, loadedMs: 4, problems: [] });
    expect(errors).toHaveLength(1);
  },
);

it.each(FAILURES)('starts with the defaults during %s, and loads the file later', (code, fail) => {
  writeFileSync(path, 'old');
  const restore = fail();
  const file = watch();
  expect(file.value).toBe('default');
  expect(errors).toEqual([expect.stringContaining(code)]);
  expect(errors[0]).toMatch(/^PS_FILE_UNREADABLE: /);
  restore();
  expect(file.refresh(1)).toBe(true);
  expect(file.value).toBe('old');
  expect(loaded).toEqual(['Loaded old.']);
});

it('reports each reason, and keeps the version before an invalid one', () => {
  writeFileSync(path, 'valid');
  const file = watch();
  writeFileSync(path, 'invalid text');
  expect(file.refresh(1)).toBe(false);
  expect(file.status.problems).toEqual([expect.objectContaining({ line: 3 })]);
  const restore = loopLink();
  expect(file.refresh(2)).toBe(false);
  unlinkSync(path);
  expect(file.refresh(3)).toBe(false);
  expect(errors[0]).toMatch(/^The last valid version stays in effect/m);
  expect(errors.map((error) => error.split(':')[0])).toEqual([
    'PS_RULES_INVALID',
    'PS_FILE_UNREADABLE',
    'PS_FILE_UNREADABLE',
  ]);
  expect(file.value).toBe('valid');
  symlinkSync(path, path);
  restore();
  expect(file.refresh(4)).toBe(true);
});

it('follows the symbolic links of a Kubernetes ConfigMap', () => {
  // https://kubernetes.io/docs/concepts/configuration/configmap: the file links to `..data`, which links to a folder.
  const publish = (version: string, text: string) => {
    mkdirSync(join(folder, version));
    writeFileSync(join(folder, version, 'rules.yaml'), text);
    symlinkSync(version, join(folder, '..data_tmp'));
    renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
  };
  publish('..1', 'first');
  symlinkSync(join('..data', 'rules.yaml'), path);
  const file = watch();
  expect(file.value).toBe('first');
  publish('..2', 'other');
  rmSync(join(folder, '..1'), { recursive: true });
  expect(file.refresh(1)).toBe(true);
  expect(file.value).toBe('other');
  rmSync(join(folder, '..2'), { recursive: true });
  expect(file.refresh(2)).toBe(false);
  expect(file.value).toBe('other');
  publish('..3', 'third');
  expect(file.refresh(3)).toBe(true);
  expect(errors).toHaveLength(1);
});
