// Creates a `java` command that starts QuestDB in half the time. Only tests use it, because its code runs slower.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, delimiter, join } from 'node:path';
import { formatBasicAuthorization } from '../src/core/config/questdb-targets.ts';
import { launchQuestdb, waitUntilReady } from '../src/storage/questdb/launch-questdb.ts';
import { findJava, getCacheFolder, resolveJar } from '../src/storage/questdb/questdb-jar.mjs';
import { findFreePorts, writeServerConf } from '../src/storage/questdb/server-conf.ts';

const FOLDER_PREFIX = 'test-java-';
/** Compiles only with the fast compiler, because most QuestDB processes in tests run for a few seconds. */
const COMPILER_FLAG = '-XX:TieredStopAtLevel=1';
/** Java reports on stdout that an archive is for another jar. Then it starts without the archive. */
const LOG_FLAGS = '-Xlog:cds=off -Xlog:cds+dynamic=off';

/**
 * Returns a folder for the `PATH` whose `java` starts QuestDB with a class archive. Other programs run as usual.
 * Creates the archive on first use, and stores it in the user's cache folder.
 *
 * @throws Error if QuestDB can't be started with this machine's Java
 */
export async function createFastJava(): Promise<string> {
  const java = findExecutable(findJava()?.command ?? 'java');
  const jar = await resolveJar({ log: () => {} });
  const { stderr: version } = spawnSync(java, ['-version'], { encoding: 'utf8' });
  // Java ignores an archive if the jar has another time.
  const jarTime = statSync(jar).mtimeMs;
  const recipe = [java, version, jar, jarTime, COMPILER_FLAG, LOG_FLAGS].join('\n');
  const hash = createHash('sha256').update(recipe).digest('hex').slice(0, 16);
  const folder = join(getCacheFolder(), `${FOLDER_PREFIX}${hash}`);
  if (existsSync(folder)) return folder;
  mkdirSync(getCacheFolder(), { recursive: true });
  const temporary = mkdtempSync(`${folder}.`);
  try {
    await createArchive({ java, jar, folder: temporary });
    const archive = `-XX:SharedArchiveFile='${join(folder, 'questdb.jsa')}'`;
    writeCommand(join(temporary, 'java'), java, `${COMPILER_FLAG} ${LOG_FLAGS} ${archive}`);
    // Tests start QuestDB as other users too.
    chmodSync(temporary, 0o755);
    // The rename is atomic, so several checkouts can create the folder at the same time.
    renameSync(temporary, folder);
  } catch (error) {
    if (!existsSync(folder)) throw error;
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  return folder;
}

/** Starts QuestDB once. At its end, Java writes the loaded classes to `questdb.jsa` in the folder. */
async function createArchive(options: { java: string; jar: string; folder: string }) {
  const { java, jar, folder } = options;
  const recorder = join(folder, 'recorder');
  writeCommand(recorder, java, `-XX:ArchiveClassesAtExit='${join(folder, 'questdb.jsa')}'`);
  const root = join(folder, 'root');
  mkdirSync(root);
  const ports = await findFreePorts({ http: 0, pg: 0 });
  const credentials = { user: 'archive', password: 'archive' };
  writeServerConf(root, ports, { writer: credentials, reader: credentials });
  const logFile = join(folder, 'log');
  const child = launchQuestdb({ java: recorder, jar, root, logFile, heapMb: 256 });
  const exited = once(child, 'exit');
  const authorization = formatBasicAuthorization(credentials.user, credentials.password);
  try {
    await waitUntilReady(child, { url: `http://127.0.0.1:${ports.http}`, authorization }, logFile);
  } finally {
    child.kill();
    await exited;
  }
  for (const file of [recorder, root, logFile]) rmSync(file, { recursive: true });
}

/** Writes a shell script that runs Java, with additional flags if it starts QuestDB. */
function writeCommand(file: string, java: string, flags: string): void {
  const script = `#!/bin/sh
case " $* " in
  *' io.questdb.ServerMain '*) exec '${java}' ${flags} "$@" ;;
esac
exec '${java}' "$@"
`;
  writeFileSync(file, script, { mode: 0o755 });
}

/** Returns the path of a command without links, because `java` in the `PATH` is usually a link. */
function findExecutable(command: string): string {
  const folders = command.includes('/') ? [''] : (process.env.PATH ?? '').split(delimiter);
  const file = folders
    .filter((folder) => !basename(folder).startsWith(FOLDER_PREFIX))
    .map((folder) => join(folder, command))
    .find((path) => existsSync(path));
  if (file === undefined) throw new Error(`${command} was not found`);
  return realpathSync(file);
}
