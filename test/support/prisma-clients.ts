import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { perfscopePlugin as PerfscopePlugin } from '../../src/esbuild.ts';

/** esbuild's function `build`, as far as the test uses it. */
type Build = (options: object) => Promise<unknown>;

const GENERATE_TIMEOUT_MS = 60_000;
const MODEL = `
model Room {
  id     Int    @id
  city   String
  status String
}
`;

/** A program in `test/apps/databases`, and the package and class of the adapter that it uses. */
export interface PrismaProgram {
  readonly file: string;
  readonly adapter: readonly [packageName: string, className: string];
}

interface PrismaGenerators {
  readonly provider: 'postgresql' | 'mysql';
  /** Options of `prisma-client-js`, whose client is the package `@prisma/client`. Undefined: not generated. */
  readonly packageOptions?: readonly string[];
  /** Options of `prisma-client`, which writes TypeScript. */
  readonly sourceOptions: readonly string[];
  /** Property of the database in the schema, such as its URL. */
  readonly database: string;
}

/** Generates the clients of a Prisma version in `test/libraries`, and programs that use them. */
export class PrismaClients {
  readonly #library: string;
  #folder = '';
  readonly #program: string;
  readonly #adapter: readonly [packageName: string, className: string];

  /** @param name folder in `test/libraries`, such as `prisma-7` */
  constructor(name: string, program: PrismaProgram) {
    this.#program = JSON.stringify(resolve('test/apps/databases', program.file));
    this.#adapter = program.adapter;
    this.#library = resolve('test/libraries', name);
  }

  /**
   * Runs `prisma generate` for both generators. It needs no network.
   *
   * @throws Error with the output if it fails, or exceeds a minute
   */
  async generate({
    provider,
    packageOptions,
    sourceOptions,
    database,
  }: PrismaGenerators): Promise<void> {
    this.#folder = mkdtempSync(join(this.#library, 'clients-under-test-'));
    // The generated TypeScript files are ES modules.
    this.#write('package.json', ['{"type":"module"}']);
    const schema = join(this.#folder, 'schema.prisma');
    const sourceClient = ['provider = "prisma-client"', 'output = "./client"', ...sourceOptions];
    const text = [
      formatBlock('datasource db', [`provider = "${provider}"`, database]),
      formatBlock('generator source', [...sourceClient, 'importFileExtension = "ts"']),
      packageOptions
        ? formatBlock('generator package', ['provider = "prisma-client-js"', ...packageOptions])
        : '',
      MODEL,
    ];
    writeFileSync(schema, text.join('\n'));
    const cli = join(this.#library, 'node_modules/prisma/build/index.js');
    await promisify(execFile)(process.execPath, [cli, 'generate', '--schema', schema], {
      cwd: this.#library,
      timeout: GENERATE_TIMEOUT_MS,
      // The engine for migrations is a download that `generate` doesn't need.
      env: {
        PATH: process.env.PATH,
        HOME: this.#folder,
        PRISMA_SCHEMA_ENGINE_BINARY: '/bin/true',
        CHECKPOINT_DISABLE: '1',
        PRISMA_HIDE_UPDATE_MESSAGE: '1',
      },
    });
  }

  /** Writes an ES module that uses a client, and returns its path. */
  writeModule(client: 'package' | 'source'): string {
    const from = client === 'package' ? '@prisma/client' : './client/client.ts';
    return this.#write(`${client}.mjs`, [
      `import { PrismaClient } from '${from}';`,
      ...this.#formatImports(),
      'console.log(JSON.stringify(await run(PrismaClient, Adapter)));',
    ]);
  }

  /** Writes a CommonJS program that uses the client of `prisma-client-js`, and returns its path. */
  writeScript(): string {
    const [packageName, className] = this.#adapter;
    return this.#write('package.cjs', [
      `const { PrismaClient } = require('@prisma/client');`,
      `const { ${className}: Adapter } = require('${packageName}');`,
      `require(${this.#program})(PrismaClient, Adapter).then(`,
      '  (result) => console.log(JSON.stringify(result)));',
    ]);
  }

  /** Bundles the program that uses the client of `prisma-client`, with the agent's plugin. Returns the path of the bundle. */
  async bundle(format: 'esm' | 'cjs'): Promise<string> {
    const { build } = createRequire(resolve('test/libraries/bundlers/package.json'))('esbuild') as {
      build: Build;
    };
    const { perfscopePlugin } = createRequire(import.meta.url)(
      resolve('dist/agent-package/esbuild.js'),
    ) as { perfscopePlugin: typeof PerfscopePlugin };
    const entry = this.#write(`bundled-${format}.ts`, [
      `import { PrismaClient } from './client/client.ts';`,
      ...this.#formatImports(),
      'void run(PrismaClient, Adapter).then((result) => console.log(JSON.stringify(result)));',
    ]);
    const outfile = join(this.#folder, `bundle.${format === 'esm' ? 'mjs' : 'cjs'}`);
    const js =
      "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";
    await build({
      ...{ entryPoints: [entry], outfile, format, bundle: true, platform: 'node' },
      ...(format === 'esm'
        ? { banner: { js } }
        : { define: { 'import.meta.url': JSON.stringify('file:///bundle.cjs') } }),
      logLevel: 'silent',
      plugins: [perfscopePlugin()],
    });
    return outfile;
  }

  remove(): void {
    if (this.#folder !== '') rmSync(this.#folder, { recursive: true, force: true });
  }

  #formatImports(): string[] {
    const [packageName, className] = this.#adapter;
    return [
      `import { ${className} as Adapter } from '${packageName}';`,
      `import run from ${this.#program};`,
    ];
  }

  /** Writes a file, but not again: a program of a concurrent test might be reading it. */
  #write(name: string, lines: readonly string[]): string {
    const file = join(this.#folder, name);
    if (!existsSync(file)) writeFileSync(file, `${lines.join('\n')}\n`);
    return file;
  }
}

function formatBlock(name: string, lines: readonly string[]): string {
  return [`${name} {`, ...lines, '}'].join('\n');
}
