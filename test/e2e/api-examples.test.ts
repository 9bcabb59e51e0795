// The examples in docs/api compile with strict types. Examples that need no server also run.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { API_DOCS_FOLDER } from '../../scripts/generate-api-docs.ts';
import { readDocBlocks } from '../support/doc-blocks.ts';
import { PackedInstall } from '../support/packed-install.ts';

/** Packages that the examples import. */
const PACKAGES = [
  '@opentelemetry/instrumentation-http@0.301.0',
  '@opentelemetry/sdk-metrics@3',
  '@opentelemetry/sdk-node@0.301.0',
  '@types/node@26',
  'esbuild@0.28',
];
/** Names that the examples of a page use but don't define. The code is added to examples without imports. */
const DEFINITIONS: Readonly<Record<string, string>> = {
  'client.md': `import { PerfscopeClient } from '@perfscope/agent/client';
const client = new PerfscopeClient({ url: 'http://127.0.0.1:4001' });`,
};
/** Examples that send requests to a Perfscope server or another server. */
const NEEDS_SERVER = /PerfscopeClient|getDashboard|getTrends|\bflush\(|\bfetch\(/;
const TIMEOUT_MS = 60_000;

interface Example {
  /** Page and line. */
  readonly name: string;
  readonly file: string;
  readonly code: string;
}

function readExamples(): Example[] {
  const pages = readdirSync(API_DOCS_FOLDER).toSorted();
  const blocks = pages.flatMap((page) =>
    readDocBlocks(readFileSync(join(API_DOCS_FOLDER, page), 'utf8'), page),
  );
  return blocks
    .filter(({ language, heading }) => language === 'ts' && heading === 'Example')
    .map(({ file: page, line, text }, i) => {
      const definitions = text.startsWith('import ') ? '' : (DEFINITIONS[page] ?? '');
      const code = `${definitions}\n${text}\nexport {};\n`;
      return { name: `${page}:${line}`, file: `example-${i}.mts`, code };
    });
}

const examples = readExamples();
const install = new PackedInstall('@perfscope/agent');
beforeAll(async () => {
  await install.install(...PACKAGES);
  mkdirSync(join(install.folder, 'examples'));
  for (const { file, code } of examples)
    writeFileSync(join(install.folder, 'examples', file), code);
  writeFileSync(join(install.folder, 'examples', 'app.ts'), 'console.log(1);\n');
});
afterAll(() => install.remove());

it('the examples compile with strict types', () => {
  expect(examples.length).toBeGreaterThan(40);
  const config = {
    compilerOptions: {
      module: 'nodenext',
      target: 'es2022',
      lib: ['es2023'],
      types: ['node'],
      strict: true,
      exactOptionalPropertyTypes: true,
      noUnusedLocals: true,
      skipLibCheck: true,
      noEmit: true,
    },
    files: examples.map(({ file }) => file),
  };
  const cwd = join(install.folder, 'examples');
  writeFileSync(join(cwd, 'tsconfig.json'), JSON.stringify(config));
  const compiler = resolve('node_modules/typescript/bin/tsc');
  const options = { cwd, encoding: 'utf8', timeout: TIMEOUT_MS } as const;
  const { stdout } = spawnSync(process.execPath, [compiler, '-p', '.'], options);
  const failures = stdout.replaceAll(
    /example-\d+\.mts/g,
    (file) => `${examples.find((each) => each.file === file)?.name} (${file})`,
  );
  expect(failures).toBe('');
});

describe('runs', () => {
  // Node.js has no decorators yet.
  const runnable = examples.filter(
    ({ code }) => !NEEDS_SERVER.test(code) && !/^\s*@\w+\(/m.test(code),
  );

  it('at least a third of the examples', () => {
    expect(runnable.length).toBeGreaterThan(examples.length / 3);
  });

  it.each(runnable)('$name', ({ file, code }) => {
    const cwd = join(install.folder, 'examples');
    const env = {
      PATH: process.env.PATH,
      PERFORMANCE_DATA_DIR: join(install.folder, 'data'),
      PERFORMANCE_SPOOL_DIR: join(install.folder, 'spool'),
    };
    const options = { cwd, env, encoding: 'utf8', timeout: TIMEOUT_MS } as const;
    const { status, stdout, stderr } = spawnSync(process.execPath, [file], options);
    expect({ status, stderr }).toEqual({ status: 0, stderr: expect.not.stringMatching(/error/i) });
    // A comment after an output states the printed value.
    const expected = [...code.matchAll(/console\.log\(.*\); \/\/ (.+)$/gm)].map(([, text]) => text);
    if (expected.length > 0) expect(stdout.trimEnd().split('\n')).toEqual(expected);
  });
});
