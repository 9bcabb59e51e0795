import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { OWN_SERVICE_NAME } from '../../../src/core/own-service.ts';
import { VERSION } from '../../../src/core/version.ts';

/** Files and folders with pages, messages, and documents for users. */
const SOURCES = [
  'README.md',
  'ARCHITECTURE.md',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'docs',
  'packages',
  'src',
  'demo',
  'deploy',
  'scripts',
  'docker-compose.yml',
];
/** Texts for people whose service has only the agent package. */
const AGENT_SOURCES = ['src/agent', 'src/web', 'src/agent-bin.ts', 'src/core/error-messages.ts'];

/** A command that gets one of the packages from the npm registry, where the names are not registered. */
const REGISTRY_COMMAND =
  /\b(?:npm (?:install|i|add|exec|x)|npx(?= -)|(?:pnpm|yarn) (?:add|dlx)|bun(?:x| add))(?=\s)[^\n#`"'<]*?\s(?:perfscope|@perfscope\/[\w-]+)(?:@\S+)?(?![\w/-]|\.\w)/;
const SERVER_COMMAND = /\bnpx perfscope\b/;

function listFiles(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path, { recursive: true })
    .map((name) => join(path, String(name)))
    .filter((file) => /\.(?:md|ts|mjs|json|ya?ml|html)$/.test(file));
}

/** Returns each line that matches, with its file. */
function findLines(sources: readonly string[], pattern: RegExp): string[] {
  return sources.flatMap(listFiles).flatMap((file) => {
    const lines = readFileSync(file, 'utf8').split('\n');
    return lines.filter((line) => pattern.test(line)).map((line) => `${file}: ${line.trim()}`);
  });
}

describe('the packages are installed only from files', () => {
  it('no page, message, or document installs them from the registry', () => {
    expect(SOURCES.flatMap(listFiles).length).toBeGreaterThan(200);
    expect(findLines(SOURCES, REGISTRY_COMMAND)).toEqual([]);
  });

  it('the README names the folder for the commands before the first command', () => {
    const text = readFileSync('README.md', 'utf8');
    const firstBlock = text.indexOf('```sh');
    expect(text.slice(0, firstBlock)).toMatch(/`npx perfscope`, in\s+the\s+server's\s+folder/);
  });

  it("the README's SQL example excludes Perfscope's own requests, as the API does", () => {
    const [, example] = /```sql.*?\n(.*?)```/s.exec(readFileSync('README.md', 'utf8')) ?? [];
    expect(example).toContain(`service != '${OWN_SERVICE_NAME}'`);
  });

  it('the documents name the file of the current version', () => {
    const names = ['README.md', 'docs'].flatMap((source) =>
      listFiles(source).flatMap((file) =>
        [...readFileSync(file, 'utf8').matchAll(/\bagent-(\d+\.\d+\.\d\S*?)\.tgz/g)].map(
          ([, version]) => `${file}: ${version}`,
        ),
      ),
    );
    expect(names.length).toBeGreaterThan(3);
    expect(names.filter((name) => !name.endsWith(`: ${VERSION}`))).toEqual([]);
  });

  it('no text for a service runs the command of the server package with npx', () => {
    expect(findLines(AGENT_SOURCES, SERVER_COMMAND)).toEqual([]);
  });

  it.each([
    'Run npm install perfscope in your service.',
    '<pre>npm install perfscope</pre>',
    'npm i --save @perfscope/agent@0.1.0',
    '`npm install -D @perfscope/agent`',
    'npx --yes perfscope serve',
    'npm exec perfscope',
    'yarn add @perfscope/agent',
  ])('finds "%s"', (line) => {
    expect(line).toMatch(REGISTRY_COMMAND);
  });

  it.each([
    'npm install ./vendor/perfscope-agent-0.1.0.tgz',
    'npm install /path/to/perfscope-0.1.0.tgz    # in your service',
    'npm install ./perfscope-0.1.0.tgz   # the package perfscope',
    'npx @perfscope/agent doctor app.js',
    'npm install bullmq ioredis',
  ])('accepts "%s"', (line) => {
    expect(line).not.toMatch(REGISTRY_COMMAND);
  });
});
