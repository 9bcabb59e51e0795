// Runs the code blocks that the documents mark as runnable, in order, as a reader would. `run=NAME` is the terminal.
// `until=TEXT` waits for this output, and `file=NAME` saves the block. SQL blocks run with `perfscope query`.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findFreePort } from '../../demo/server-process.ts';
import { type DocBlock, listDocuments, readRunnableBlocks } from '../support/doc-blocks.ts';
import { DocTerminal } from '../support/doc-terminal.ts';

/** Another test runs the SQL of these documents, and checks the results. */
const TESTED_ELSEWHERE = ['docs/sql-cookbook.md'];
const documents = listDocuments()
  .filter((file) => !TESTED_ELSEWHERE.includes(file))
  .map((file) => ({ file, blocks: readRunnableBlocks(file) }))
  .filter(({ blocks }) => blocks.length > 0);

let reader: DocReader;
beforeAll(async () => {
  reader = await DocReader.start();
});
afterAll(() => reader.close());

// The README is first, and starts the server that the other documents use.
it.each(documents)('the runnable blocks of $file work', async ({ blocks }) => {
  for (const block of blocks) await reader.run(block);
});

it('the README and the guides have runnable blocks', () => {
  const [first, ...others] = documents.map(({ file }) => file);
  expect(first).toBe('README.md');
  expect(others).toContain('docs/getting-started.md');
  expect(others).toContain('docs/migrate.md');
});

/** The environment without settings, so that the commands run with the defaults. It can contain npm's configuration. */
const BASE_ENV = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) => !/^(?:PERFORMANCE|SYSTEM_HEALTH|OTEL)_/.test(name),
  ),
);

/** A reader with terminals, each in its folder, and with free ports instead of the ports in the documents. */
class DocReader {
  readonly #folder = mkdtempSync(join(tmpdir(), 'perfscope-docs-'));
  readonly #terminals = new Map<string, DocTerminal>();
  readonly #ports: ReadonlyMap<string, number>;

  static async start(): Promise<DocReader> {
    return new DocReader(
      new Map([
        ['4001', await findFreePort()],
        ['3000', await findFreePort()],
      ]),
    );
  }

  constructor(ports: ReadonlyMap<string, number>) {
    this.#ports = ports;
    for (const name of ['bin', 'run', 'server', 'service']) mkdirSync(join(this.#folder, name));
    this.#installServer();
    this.#createService();
  }

  /** Adds a folder in which `npm start` and `npx perfscope` run the code of this checkout. */
  #installServer(): void {
    const folder = join(this.#folder, 'server');
    const bin = join(folder, 'node_modules', '.bin');
    mkdirSync(bin, { recursive: true });
    const scripts = { start: `cd ${resolve('.')} && npm start` };
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, scripts }));
    const command = `#!/bin/sh\nexec node ${resolve('dist/bin.js')} "$@"\n`;
    writeFileSync(join(bin, 'perfscope'), command, { mode: 0o755 });
    // The real npx takes one to three seconds to find the same file.
    const npx = `#!/bin/sh
if [ "$1" = perfscope ]; then shift; exec ./node_modules/.bin/perfscope "$@"; fi
PATH=\${PATH#*:} exec npx "$@"
`;
    writeFileSync(join(this.#folder, 'bin', 'npx'), npx, { mode: 0o755 });
  }

  /** Adds a service for documents that don't contain one. */
  #createService(): void {
    const code = `
      const server = require('node:http').createServer((request, response) => response.end());
      server.listen(process.env.PORT, () => console.log('Listening'));`;
    writeFileSync(join(this.#folder, 'service', 'app.js'), code);
  }

  async run({ file, line, language, marks, text }: DocBlock): Promise<void> {
    const position = `${file}:${line}`;
    const terminal = marks.get('run') || 'server';
    const saved = marks.get('file');
    if (saved !== undefined) {
      writeFileSync(join(this.#getFolder(terminal), saved), text);
      return;
    }
    const commands = this.#replacePorts(
      language === 'sql' ? `npx perfscope query <<'SQL'\n${text}\nSQL` : text,
    );
    expect(['sh', 'sql'], `${position}: language`).toContain(language);
    const until = marks.get('until');
    try {
      if (until === undefined) await this.#open(terminal).run(commands);
      else await this.#open(terminal).runUntil(commands, until);
    } catch (error) {
      throw new Error(`${position} failed`, { cause: error });
    }
  }

  async close(): Promise<void> {
    // The server was opened first, and the services stop before it.
    for (const terminal of [...this.#terminals.values()].toReversed()) await terminal.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Only the terminals of the service are in another folder than the server's. */
  #getFolder(terminal: string): string {
    return join(this.#folder, ['service', 'doctor'].includes(terminal) ? 'service' : 'server');
  }

  #open(name: string): DocTerminal {
    const known = this.#terminals.get(name);
    if (known) return known;
    const port = this.#ports.get(name === 'service' ? '3000' : '4001');
    const terminal = new DocTerminal(this.#getFolder(name), {
      ...BASE_ENV,
      PATH: [join(this.#folder, 'bin'), resolve('node_modules/.bin'), process.env.PATH].join(
        delimiter,
      ),
      PORT: name === 'doctor' ? '0' : String(port),
      XDG_RUNTIME_DIR: join(this.#folder, 'run'),
      PERFORMANCE_FLUSH_INTERVAL: '500',
      npm_config_prefer_offline: 'true',
      // A service finds the server as the documents say, so only the server knows its folder.
      ...(name !== 'service' && { PERFORMANCE_DATA_DIR: join(this.#folder, 'data') }),
    });
    this.#terminals.set(name, terminal);
    return terminal;
  }

  #replacePorts(text: string): string {
    let result = text;
    for (const [documented, port] of this.#ports)
      result = result.replaceAll(`127.0.0.1:${documented}`, `127.0.0.1:${port}`);
    return result;
  }
}
