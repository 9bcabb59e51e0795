import { execFileSync } from 'node:child_process';
import {
  accessSync,
  appendFileSync,
  constants,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  getPackageFile,
  getPackageName,
  hashFile,
  PLATFORM_JAR_SHA256,
  QUESTDB_VERSION,
} from '../../src/storage/questdb/questdb-release.mjs';
import { PerfscopeServer } from '../support/perfscope-server.ts';
import { buildQuestdbPackage } from '../support/questdb-package.ts';
import { waitFor } from '../support/wait-for.ts';

const platform = `${process.platform}-${process.arch}`;
const folder = mkdtempSync(join(tmpdir(), 'perfscope-questdb-package-'));
const project = join(folder, 'project');
const installed = join(project, 'node_modules', getPackageName(platform));

beforeAll(async () => {
  mkdirSync(project);
  writeFileSync(join(project, 'package.json'), '{ "private": true }');
  const flags = ['--offline', '--no-audit', '--no-fund', '--loglevel=error'];
  execFileSync('npm', ['install', ...flags, await buildQuestdbPackage()], { cwd: project });
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Returns a server that finds neither Java, nor Maven, nor a cached jar. */
function createServerWithoutJava(cwd: string): PerfscopeServer {
  const empty = join(folder, 'empty');
  mkdirSync(empty, { recursive: true });
  const server = new PerfscopeServer({ PATH: empty, HOME: empty });
  server.cwd = cwd;
  return server;
}

it('serves from the installed package, with neither Java nor Maven', async () => {
  const server = createServerWithoutJava(project);
  try {
    await server.start();
    const java = realpathSync(join(installed, 'runtime', 'bin', 'java'));
    expect(realpathSync(`/proc/${server.questdbPid}/exe`)).toBe(java);
    expect(server.output).not.toMatch(/system's Java|Downloading/);
    await server.sql(
      'CREATE TABLE package_test (name SYMBOL, value LONG, ts TIMESTAMP) TIMESTAMP(ts) PARTITION BY DAY WAL',
    );
    await server.sql("INSERT INTO package_test VALUES ('one', 1, '2026-01-01T00:00:00Z')");
    const rows = await waitFor(async () => {
      const found = await server.sql('SELECT name, value FROM package_test');
      return found.length > 0 && found;
    });
    expect(rows).toEqual([['one', 1]]);
  } finally {
    await server.remove();
  }
});

it('names the package file and then Java if neither is installed', async () => {
  const elsewhere = join(folder, 'elsewhere');
  mkdirSync(elsewhere);
  const server = createServerWithoutJava(elsewhere);
  await expect(server.start()).rejects.toThrow(
    new RegExp(`PS_JAVA_MISSING[^]*npm install \\./${getPackageFile(platform)}[^]*Java 17`),
  );
  await server.remove();
});

it('does not start a changed jar', async () => {
  const changed = join(folder, 'changed');
  cpSync(project, changed, { recursive: true });
  const jar = join(changed, 'node_modules', getPackageName(platform), 'questdb.jar');
  appendFileSync(jar, 'x');
  const server = createServerWithoutJava(changed);
  await expect(server.start()).rejects.toThrow(`PS_QUESTDB_JAR_CHANGED`);
  await server.remove();
});

describe('the package', () => {
  it('contains the jar with the pinned SHA-256 and executable programs', () => {
    expect(hashFile(join(installed, 'questdb.jar'))).toBe(PLATFORM_JAR_SHA256[platform]);
    for (const program of ['bin/java', 'lib/jspawnhelper']) {
      accessSync(join(installed, 'runtime', program), constants.X_OK);
    }
  });

  it('contains every license text as a file', () => {
    const legal = join(installed, 'runtime', 'legal');
    const modules = readdirSync(legal);
    expect(modules).toContain('java.sql');
    for (const name of modules) {
      expect(statSync(join(legal, name, 'ASSEMBLY_EXCEPTION')).size).toBeGreaterThan(1000);
      expect(readFileSync(join(legal, name, 'LICENSE'), 'utf8')).toContain(
        'GNU General Public License',
      );
    }
    expect(readFileSync(join(installed, 'LICENSE'), 'utf8')).toContain('Apache License');
    const thirdParty = readFileSync(join(installed, 'THIRD_PARTY_LICENSES.txt'), 'utf8');
    for (const name of ['asmlib', 'zstd', 'jni', 'simdjson', 'HdrHistogram', 'Monaco Editor']) {
      expect(thirdParty).toContain(name);
    }
    expect(thirdParty).toContain(`in QuestDB ${QUESTDB_VERSION}\n`);
  });

  it('can be installed only on its platform, and neither runs scripts nor needs packages', () => {
    const manifest = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
    expect(manifest).toEqual({
      name: getPackageName(platform),
      version: QUESTDB_VERSION,
      description: expect.stringContaining(`QuestDB ${QUESTDB_VERSION} and a Java `),
      license: 'Apache-2.0 AND GPL-2.0-only WITH Classpath-exception-2.0',
      os: [process.platform],
      cpu: [process.arch],
      libc: ['glibc'],
      preferUnplugged: true,
    });
  });
});
