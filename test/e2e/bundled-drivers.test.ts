import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { PostgresServer } from '../../demo/database-servers.ts';
import { countStatements, runMeasuredProgram } from '../support/measured-program.ts';
import { runPerfscope } from '../support/run-perfscope.ts';

const run = promisify(execFile);
const DOCS = readFileSync('docs/instrumentation.md', 'utf8');
const LIBRARIES = resolve('test/libraries/bundlers');

const APP = `
  import express from 'express';
  import pg from 'pg';
  const pool = new pg.Pool({ connectionString: process.env.POSTGRES_URL });
  const app = express();
  app.get('/rooms/:id', async (request, response) => {
    await pool.query('SELECT 7 AS room');
    response.json((await pool.query('SELECT 8 AS guest')).rows);
  });
  const server = app.listen(0, async () => {
    const url = 'http://127.0.0.1:' + server.address().port;
    for (const id of [1, 2, 3]) console.log(await (await fetch(url + '/rooms/' + id)).text());
    await pool.end();
    server.closeAllConnections();
    server.close();
  });`;
const OUTPUT = '[{"guest":8}]\n'.repeat(3);

const postgres = new PostgresServer();
const folders: string[] = [];
beforeAll(() => postgres.start());
afterAll(async () => {
  for (const folder of folders) rmSync(folder, { recursive: true });
  await postgres.remove();
});

/** Returns the code in the first block of a section of the docs, such as the settings of webpack. */
function readDocs(section: string): string {
  const [, text = ''] = DOCS.split(`\n### ${section}\n`);
  const [, code = ''] = text.split(/^```(?:js)?\n/m);
  return code;
}

/** A bundler, with the settings from the docs. */
interface Bundler {
  /** Title of the section in the docs. */
  readonly section: string;
  /** File with the settings from the docs. */
  readonly settings: string;
  /** Changes the settings so that the libraries are bundled. */
  readonly bundleAll: (settings: string) => string;
  /** Source file of the application. */
  readonly source: string;
  /** Arguments of Node.js that build the application. */
  readonly build: readonly string[];
  /** The bundle. */
  readonly output: string;
}

/** esbuild needs it for CommonJS packages in ES modules. */
const BANNER = `banner: {
  js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
},`;

const BUNDLERS: readonly Bundler[] = [
  {
    section: 'esbuild',
    settings: 'build.mjs',
    bundleAll: (settings) => settings.replace('plugins: [perfscopePlugin()],', BANNER),
    source: 'src/app.ts',
    build: ['build.mjs'],
    output: 'dist/app.mjs',
  },
  {
    section: 'webpack',
    settings: 'webpack.config.cjs',
    bundleAll: (settings) => settings.replace(/externals: \{.*\},/, ''),
    source: 'src/app.js',
    build: ['webpack.cjs'],
    output: 'dist/app.cjs',
  },
  {
    section: 'Vite (SSR)',
    settings: 'vite.config.mjs',
    bundleAll: (settings) => settings.replace(/, external: \[.*\]/, ''),
    source: 'src/app.js',
    build: [resolve('node_modules/vite/bin/vite.js'), 'build', '--ssr', 'src/app.js'],
    output: 'dist/app.js',
  },
];

const WEBPACK = `
  const webpack = require('webpack');
  const settings = require('./webpack.config.cjs');
  const output = { path: __dirname + '/dist', filename: 'app.cjs' };
  const optimization = { minimize: false };
  const entry = './src/app.js';
  webpack({ mode: 'production', optimization, entry, ...settings, output }, (error, stats) => {
    if (error || stats.hasErrors()) throw error ?? new Error(stats.toString());
  });`;

/** Builds the application, and returns the path of the bundle. */
async function buildApp(bundler: Bundler, settings: string): Promise<string> {
  const folder = mkdtempSync(join(LIBRARIES, 'app-'));
  folders.push(folder);
  mkdirSync(join(folder, 'src'));
  mkdirSync(join(folder, 'node_modules/@perfscope'), { recursive: true });
  symlinkSync(resolve('dist/agent-package'), join(folder, 'node_modules/@perfscope/agent'));
  const files = {
    'package.json': '{ "type": "module" }',
    'webpack.cjs': WEBPACK,
    [bundler.source]: APP,
    [bundler.settings]: settings,
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  await run(process.execPath, [...bundler.build], { cwd: folder });
  return join(folder, bundler.output);
}

async function measure(script: string) {
  const env = { POSTGRES_URL: postgres.url };
  const program = await runMeasuredProgram(script, { env });
  const { stdout } = await runPerfscope(['doctor', script], {
    ...env,
    PATH: process.env.PATH,
    HOME: tmpdir(),
  });
  const routes = program.rows
    .filter(({ table }) => table === 'performance_metrics')
    .filter(({ columns }) => columns.name === 'http.server.request.duration')
    .map(({ columns }) => [columns.endpoint, columns.count]);
  return { ...program, routes, doctor: stdout };
}

it.concurrent.each(BUNDLERS)(
  'the settings for $section in the docs keep the libraries measurable',
  async (bundler) => {
    const settings = readDocs(bundler.section);
    const bundleAll = bundler.bundleAll(settings);
    expect(bundleAll).not.toBe(settings);
    const external = await measure(await buildApp(bundler, settings));
    expect([external.exit, external.output]).toEqual([0, OUTPUT]);
    expect(countStatements(external.rows)).toEqual([
      ['SELECT ? AS guest', '', 3],
      ['SELECT ? AS room', '', 3],
    ]);
    expect(external.routes).toEqual([['/rooms/:id', '3']]);
    expect(external.doctor).toMatch(/✓ express 5\./);
    expect(external.doctor).toMatch(/✓ pg 8\./);
    expect(external.doctor).not.toContain('bundled');

    const bundled = await measure(await buildApp(bundler, bundleAll));
    expect([bundled.exit, bundled.output]).toEqual([0, OUTPUT]);
    expect(countStatements(bundled.rows)).toEqual([]);
    for (const name of ['express', 'pg']) {
      expect(bundled.doctor).toContain(`✗ ${name} is bundled into the script.`);
      expect(bundled.doctor).not.toContain(`✓ ${name} `);
    }
  },
);
