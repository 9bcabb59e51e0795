import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, sep } from 'node:path';
import { describe, expect, it } from 'vitest';

/**
 * The layers from bottom to top. A file may import its own folder and any layer below it. Folders in
 * the same layer don't import each other. The longest matching folder applies.
 */
const LAYERS: readonly (readonly string[])[] = [
  ['core'],
  ['storage'],
  ['agent'],
  [
    'client',
    'server/access',
    'server/agent-package',
    'server/grafana',
    'server/error-tracking',
    'server/anomalies',
  ],
  ['web', 'server/alerts', 'server/notifications', 'server/actions'],
  ['server/backtest'],
  ['server/api'],
  ['server/otlp'],
  ['server/startup'],
  ['cli'],
];
/** The steps from OpenTelemetry data to rows. A step imports only earlier ones. */
const OTEL_STEPS = ['mapping', 'series', 'rows', 'encode'].map((step) => `core/otel/${step}/`);
const ENTRY_POINTS = [
  'agent-bin.ts',
  'bin.ts',
  'client.ts',
  'esbuild.ts',
  'index.ts',
  'opentelemetry.ts',
  'register.ts',
  'unsupported-library.ts',
  'unsupported-opentelemetry.ts',
];
/** Imports of data files that the package ships next to `dist`. */
const ALLOWED_OUTSIDE: readonly string[] = [];

const MAX_LINES = 350;

interface Import {
  readonly file: string;
  readonly target: string;
}

const files = readdirSync('src', { recursive: true })
  .map((name) => String(name).split(sep).join('/'))
  .filter((file) => /\.tsx?$/.test(file));
/** Relative imports between files. */
const imports = files.flatMap((file): Import[] =>
  listSpecifiers(file)
    .filter((specifier) => specifier.startsWith('.'))
    .map((specifier) => ({ file, target: normalize(join(dirname(file), specifier)) })),
);

/** Every static import, type import, re-export, dynamic import, and `import('…')` type. */
function listSpecifiers(file: string): string[] {
  const text = readFileSync(join('src', file), 'utf8');
  return [
    ...text.matchAll(/^(?:import|export)\b[^;']*?from '([^']+)'/gm),
    ...text.matchAll(/^import '([^']+)'/gm),
    ...text.matchAll(/\bimport\(\s*'([^']+)'/g),
  ].map(([, specifier = '']) => specifier);
}

function findLayer(file: string): { folder: string; index: number } | undefined {
  for (const [index, folders] of LAYERS.entries()) {
    const folder = folders.find((name) => file.startsWith(`${name}/`));
    if (folder) return { folder, index };
  }
  return undefined;
}

describe('the layers of src/', () => {
  it('contain every file except the entry points', () => {
    expect(files.length).toBeGreaterThan(200);
    expect(files.filter((file) => !findLayer(file))).toEqual(
      expect.arrayContaining(files.filter((file) => !file.includes('/'))),
    );
    expect(files.filter((file) => !file.includes('/')).sort()).toEqual(ENTRY_POINTS);
    expect(files.filter((file) => file.includes('/') && !findLayer(file))).toEqual([]);
  });

  it('are imported only from higher layers, including type imports', () => {
    const wrong = imports.filter(({ file, target }) => {
      const from = findLayer(file);
      const to = findLayer(target);
      if (!from || from.folder === to?.folder) return false;
      return !to || to.index >= from.index;
    });
    expect(imports.length).toBeGreaterThan(500);
    expect(wrong.map(({ file, target }) => `${file} imports ${target}`)).toEqual([]);
  });

  it('divide the conversion of OpenTelemetry data into steps that import only earlier ones', () => {
    const findStep = (file: string) => OTEL_STEPS.findIndex((step) => file.startsWith(step));
    const between = imports.filter(
      ({ file, target }) => findStep(file) >= 0 && findStep(target) >= 0,
    );
    const wrong = between.filter(({ file, target }) => findStep(target) > findStep(file));
    expect(between.length).toBeGreaterThan(50);
    expect(wrong.map(({ file, target }) => `${file} imports ${target}`)).toEqual([]);
  });

  it('import nothing outside of src/', () => {
    const outside = imports.filter(
      ({ target }) => target.startsWith('..') && !ALLOWED_OUTSIDE.includes(target),
    );
    expect(outside.map(({ file, target }) => `${file} imports ${target}`)).toEqual([]);
  });

  it('have no import cycles between files, including type imports', () => {
    expect(findCycles(imports)).toEqual([]);
  });
});

/** Returns each cycle as the list of its files, found depth-first. */
function findCycles(edges: readonly Import[]): string[][] {
  const targets = Map.groupBy(edges, ({ file }) => file);
  const finished = new Set<string>();
  const cycles: string[][] = [];
  const visit = (file: string, path: readonly string[]) => {
    const start = path.indexOf(file);
    if (start >= 0) cycles.push([...path.slice(start), file]);
    if (start >= 0 || finished.has(file)) return;
    for (const { target } of targets.get(file) ?? []) visit(target, [...path, file]);
    finished.add(file);
  };
  for (const file of targets.keys()) visit(file, []);
  return cycles;
}

it('files in src/ have at most 350 lines, except generated files and the error texts', () => {
  const long = files.filter(
    (file) => readFileSync(join('src', file), 'utf8').trimEnd().split('\n').length > MAX_LINES,
  );
  expect(long.sort()).toEqual(['client/generated-api-types.ts', 'core/error-docs.ts']);
});

it('finds a cycle of two files', () => {
  const edges = [
    { file: 'a.ts', target: 'b.ts' },
    { file: 'b.ts', target: 'a.ts' },
  ];
  expect(findCycles(edges)).toEqual([['a.ts', 'b.ts', 'a.ts']]);
});

it('the client and its types need only the HTTP client and one package', () => {
  const reached = new Set(['client.ts']);
  for (const file of reached) {
    for (const { target } of imports.filter((found) => found.file === file)) reached.add(target);
  }
  const outside = [...reached].filter((file) => !/^(?:client|agent\/http-client)[/.]/.test(file));
  expect(outside).toEqual([]);
  expect(reached.size).toBeGreaterThan(4);
  const packages = [...reached].flatMap(listSpecifiers).filter((name) => !name.startsWith('.'));
  expect(packages).toEqual(['eventsource-parser']);
});

it('only core/config reads the environment', () => {
  const readers = files
    .filter((file) => !file.startsWith('core/config/'))
    .filter((file) =>
      /^(?! *(?:\*|\/\/)).*process\.env\b/m.test(readFileSync(join('src', file), 'utf8')),
    );
  // The page shows code that reads the key from the environment.
  expect(readers).toEqual(['web/views/explore/api-call.tsx']);
});
