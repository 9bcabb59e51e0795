import type { Logger } from '../../core/log.ts';
import { createError } from '../../core/perfscope-error.ts';
import {
  findJava,
  findMissingQuestdbTools,
  formatInstallHint,
  type MissingTool,
  resolveJar,
} from './questdb-jar.mjs';
import {
  findQuestdbPackage,
  getPackageLookup,
  getUsablePackageFile,
  type PackageLookup,
  type QuestdbRuntime,
} from './questdb-package.ts';

/**
 * Returns the Java command and the jar for the embedded QuestDB. Uses the installed platform package,
 * or else the system's Java and the jar from Maven. Verifies the jar's SHA-256.
 *
 * @throws PS_JAVA_MISSING, PS_QUESTDB_JAR_CHANGED, or an Error if the jar can't be downloaded
 */
export async function resolveQuestdbRuntime(
  log: Logger,
  lookup: PackageLookup = getPackageLookup(),
): Promise<QuestdbRuntime> {
  const packaged = findQuestdbPackage(log, lookup);
  if (packaged) return packaged;
  const java = findJava();
  const packageFile = getUsablePackageFile(lookup);
  if (java === undefined) {
    const hint = formatRuntimeHint(packageFile, findMissingQuestdbTools());
    throw createError('PS_JAVA_MISSING', { hint });
  }
  const reason = packageFile
    ? `${packageFile} is not installed`
    : `there is no QuestDB package for ${formatSystem(lookup)}`;
  log.info(`QuestDB runs on the system's Java ${java.version} (${java.command}): ${reason}.`);
  return { java: java.command, jar: await resolveJar({ log: (line) => log.info(line) }) };
}

/** Describes how to install the platform package, if there is one, and how to install Java. */
function formatRuntimeHint(
  packageFile: string | undefined,
  missing: readonly MissingTool[],
): string {
  const installHint = formatInstallHint(missing);
  if (packageFile === undefined) return installHint;
  return `Install the package ${packageFile}, which contains QuestDB and a Java runtime: npm install ./${packageFile}\ndocs/deploy.md in Perfscope's repository describes how to build it. To use the system's Java instead:\n${installHint}`;
}

function formatSystem({ platform, hasGlibc }: PackageLookup): string {
  return hasGlibc ? platform : `${platform} with musl`;
}
