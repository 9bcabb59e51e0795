import { spawn } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hasConsent, planInstallation } from '../../../scripts/install-tools.mjs';
import { waitFor } from '../../support/wait-for.ts';

const JAVA = { name: 'Java 17', debianPackage: 'openjdk-17-jre-headless' };
const MAVEN = { name: 'Maven', debianPackage: 'maven' };
const CHROMIUM = { name: 'Chromium', debianPackage: 'chromium' };

it('plans the installation with apt-get as root, or else with Homebrew', () => {
  expect(planInstallation([JAVA, MAVEN], { isDebianRoot: true, hasBrew: true })?.commands).toEqual([
    ['apt-get', ['-q', 'update']],
    [
      'apt-get',
      ['-q', 'install', '-y', '--no-install-recommends', 'openjdk-17-jre-headless', 'maven'],
    ],
  ]);
  expect(planInstallation([JAVA, MAVEN], { isDebianRoot: false, hasBrew: true })?.commands).toEqual(
    [['brew', ['install', 'openjdk', 'maven']]],
  );
  expect(planInstallation([JAVA], { isDebianRoot: false, hasBrew: false })).toBeUndefined();
  expect(planInstallation([CHROMIUM], { isDebianRoot: false, hasBrew: true })).toBeUndefined();
});

it('reads the consent from an argument, from npm, or from PERFSCOPE_YES', () => {
  expect(hasConsent(['--yes'], {})).toBe(true);
  expect(hasConsent([], { npm_config_yes: 'true' })).toBe(true);
  expect(hasConsent([], { PERFSCOPE_YES: '1' })).toBe(true);
  expect(hasConsent(['serve'], { npm_config_yes: '', PERFSCOPE_YES: 'false' })).toBe(false);
});

/** The commands work without apt-get: the test's stubs replace it only for root on Debian. */
const manager = planInstallation([JAVA])?.manager === 'apt-get' ? 'apt-get' : 'brew';

describe.runIf(process.platform !== 'win32')('npm start in a fresh clone', () => {
  let folder: string;
  let bin: string;
  const getLog = () => {
    const file = join(folder, 'log');
    return existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n') : [];
  };
  /** Creates a program that logs its arguments and then runs `script`. */
  const writeStub = (name: string, script = '') => {
    const text = `#!/bin/sh\necho "${name} $*" >> ${join(folder, 'log')}\n${script}\n`;
    writeFileSync(join(bin, name), text);
    chmodSync(join(bin, name), 0o755);
  };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'perfscope-prepare-'));
    bin = join(folder, 'bin');
    mkdirSync(bin);
    mkdirSync(join(folder, 'scripts'));
    const tools = ['install-tools', 'missing-tools', 'tools', 'go', 'test-libraries'];
    for (const name of ['prepare', ...tools]) {
      cpSync(`scripts/${name}.mjs`, join(folder, 'scripts', `${name}.mjs`));
    }
    for (const name of ['questdb-jar', 'questdb-release']) {
      const path = `src/storage/questdb/${name}.mjs`;
      cpSync(path, join(folder, path));
    }
    writeFileSync(join(folder, 'scripts/build.mjs'), 'export const isStale = () => false;\n');
    writeFileSync(join(folder, 'server.mjs'), 'console.log("started", ...process.argv.slice(2));');
    writeFileSync(join(folder, 'package-lock.json'), '{}');
    symlinkSync('/bin/sh', join(bin, 'sh'));
    const java = `printf '#!/bin/sh\\necho version \\\\"17.0.1 >&2\\n' > ${bin}/java; /bin/chmod +x ${bin}/java`;
    for (const name of ['apt-get', 'brew'])
      writeStub(name, `case "$*" in *openjdk*) ${java};; esac`);
    const node = `/bin/mkdir -p node_modules/.bin; /bin/ln -s ${process.execPath} node_modules/.bin/node`;
    writeStub('npm', node);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const getEnv = (env: NodeJS.ProcessEnv) => ({
    PATH: bin,
    HOME: folder,
    // The cached jar, so that the test downloads nothing.
    XDG_CACHE_HOME: process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'),
    ...env,
  });
  const COMMAND = ['scripts/prepare.mjs', 'start', 'server.mjs', 'serve'];

  async function start(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    const child = spawn(process.execPath, [...COMMAND, ...args], { cwd: folder, env: getEnv(env) });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (part) => (output += part));
    child.stdin.end();
    const status = await new Promise((done) => child.once('close', done));
    return { status, output };
  }

  it('prints the commands and installs nothing without a terminal and without --yes', async () => {
    const { status, output } = await start([]);
    expect(status).toBe(1);
    expect(output).toContain('Missing: Java 17.');
    expect(output).toContain('`npm start -- --yes`');
    expect(getLog().filter((line) => !line.endsWith('--version'))).toEqual([]);
  });

  it.each([
    ['--yes', ['--yes'], {}],
    ['PERFSCOPE_YES', [], { PERFSCOPE_YES: 'true' }],
  ])('with %s, installs Java before the packages, and starts', async (_case, args, env) => {
    const { status, output } = await start(args, env);
    expect([status, output]).toEqual([0, expect.stringMatching(/started serve\n$/)]);
    const log = getLog().filter((line) => !line.endsWith('--version'));
    const expected = manager === 'apt-get' ? ['apt-get -q update', 'apt-get -q install'] : ['brew'];
    expect(log.map((line) => line.split(' -y')[0])).toEqual(
      [...expected, 'npm ci'].map((line) => expect.stringContaining(line)),
    );
  });

  it('needs neither Java nor Maven if the package with QuestDB is installed', async () => {
    const version = /VERSION = '(.*)'/.exec(
      readFileSync('src/storage/questdb/questdb-release.mjs', 'utf8'),
    )?.[1];
    const name = `@perfscope/questdb-${process.platform}-${process.arch}`;
    const packageFolder = join(folder, 'node_modules', name);
    mkdirSync(packageFolder, { recursive: true });
    writeFileSync(join(packageFolder, 'package.json'), JSON.stringify({ version }));
    writeFileSync(join(packageFolder, 'questdb.jar'), '');
    const { status, output } = await start([]);
    expect([status, output]).toEqual([0, expect.stringMatching(/started serve\n$/)]);
  });

  it.runIf(process.platform === 'linux').each([
    ['Enter', '\r', 0],
    ['n', 'n\r', 1],
    ['Ctrl-D', '\x04', 1],
    ['Ctrl-C', '\x03', 1],
  ])('asks on a terminal, and handles %s', async (_case, input, status) => {
    const text = `cd ${folder} && exec ${process.execPath} ${COMMAND.join(' ')}`;
    const terminal = spawn('/usr/bin/script', ['-qec', text, '/dev/null'], { env: getEnv({}) });
    let output = '';
    terminal.stdout.on('data', (part) => (output += part));
    const closed = new Promise((done) => terminal.once('close', done));
    await waitFor(async () => output.includes('[Y/n]'));
    expect(output).toMatch(/Install \S+ with (apt-get|brew)\? \[Y\/n\]/);
    terminal.stdin.write(input);
    expect(await closed).toBe(status);
    if (status === 0) expect(output).toMatch(/started serve\s*$/);
    else expect(getLog().some((line) => line.startsWith('npm'))).toBe(false);
  });
});
