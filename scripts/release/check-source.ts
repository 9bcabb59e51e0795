import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

export interface SourceState {
  /** Versions in `package.json` and `package-lock.json`. */
  readonly version: string;
  readonly lockVersion: string;
  readonly changelog: string;
  /** Lines of `git status --porcelain`. */
  readonly changedFiles: readonly string[];
  /** The tag that CI builds, or undefined. */
  readonly tag: string | undefined;
  /** Whether uncommitted changes and an unreleased section of the changelog are accepted. */
  readonly allowDirty: boolean;
}

/** Reads the state of the checkout in the current folder. */
export function readSourceState(allowDirty: boolean): SourceState {
  const readVersion = (file: string) =>
    (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
  const { GITHUB_REF_TYPE: refType, GITHUB_REF_NAME: refName } = process.env;
  return {
    version: readVersion('package.json'),
    lockVersion: readVersion('package-lock.json'),
    changelog: readFileSync('CHANGELOG.md', 'utf8'),
    changedFiles: runGit('status', '--porcelain').split('\n').filter(Boolean),
    tag: refType === 'tag' ? refName : undefined,
    allowDirty,
  };
}

/** Returns the reasons why this state can't be released, in complete sentences. */
export function findSourceProblems(state: SourceState): string[] {
  const { version, lockVersion, tag, changedFiles, allowDirty } = state;
  const problems: string[] = [];
  if (lockVersion !== version) {
    problems.push(
      `package-lock.json has version ${lockVersion}, but package.json has ${version}. Run npm install.`,
    );
  }
  if (tag !== undefined && tag !== `v${version}`)
    problems.push(`The tag is ${tag}, but package.json requires v${version}.`);
  problems.push(...findChangelogProblems(state));
  if (changedFiles.length > 0 && !allowDirty) {
    problems.push(
      `There are uncommitted changes. Commit them, or use --allow-dirty for a test:\n${changedFiles.join('\n')}`,
    );
  }
  return problems;
}

function findChangelogProblems({ changelog, version, allowDirty }: SourceState): string[] {
  const heading = changelog.split('\n').find((line) => `${line} `.startsWith(`## ${version} `));
  if (heading === undefined) return [`CHANGELOG.md has no section for ${version}.`];
  if (!heading.includes('(unreleased)') || allowDirty) return [];
  return [
    `CHANGELOG.md marks ${version} as unreleased. Replace "(unreleased)" by the date, or use --allow-dirty for a test.`,
  ];
}

/** Runs a git command in the current folder, and returns its output without the last line break. */
export function runGit(...args: readonly string[]): string {
  return execFileSync('git', args, { encoding: 'utf8' }).trimEnd();
}
