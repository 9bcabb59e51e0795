import { parseArgs } from 'node:util';
import { PLATFORM_JAR_SHA256 } from '../../src/storage/questdb/questdb-release.mjs';

export interface ReleaseOptions {
  /** The QuestDB packages to build. `jdk` is the folder of a JDK for the platform. Default: the local JDK. */
  readonly questdb: readonly { readonly platform: string; readonly jdk: string | undefined }[];
  /** A folder with QuestDB packages to include. */
  readonly questdbFrom: string | undefined;
  readonly registryDependencies: boolean;
  readonly allowDirty: boolean;
  readonly help: boolean;
}

const LOCAL_PLATFORM = `${process.platform}-${process.arch}`;
const PLATFORMS = Object.keys(PLATFORM_JAR_SHA256);

export const RELEASE_HELP = [
  'Usage: npm run release -- [OPTIONS]',
  '',
  'Builds the packages of a release, and writes them to release/ with hashes, SBOMs, and provenance.',
  '',
  '  --questdb PLATFORM       Build the QuestDB package for a platform. Can be repeated.',
  `                           Default: ${LOCAL_PLATFORM}.`,
  `                           Platforms: ${PLATFORMS.join(', ')}.`,
  '  --jdk PLATFORM=FOLDER    Use the JDK in this folder for a platform. Can be repeated.',
  `                           Required for every platform except ${LOCAL_PLATFORM}.`,
  '  --questdb-from FOLDER    Include the QuestDB packages in this folder. pack-questdb.mjs creates them.',
  '  --no-questdb             Build no QuestDB package.',
  `  --registry-dependencies  Add the QuestDB packages to perfscope's optional dependencies.`,
  '                           Use it only after the npm scope @perfscope belongs to this project.',
  '  --allow-dirty            For tests: accept uncommitted changes and an unreleased changelog section.',
  '  --help                   Show this help.',
].join('\n');

/**
 * Parses the arguments of the release script.
 *
 * @throws Error if an argument is invalid
 */
export function parseReleaseOptions(args: readonly string[]): ReleaseOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      questdb: { type: 'string', multiple: true },
      jdk: { type: 'string', multiple: true, default: [] },
      'questdb-from': { type: 'string' },
      'no-questdb': { type: 'boolean', default: false },
      'registry-dependencies': { type: 'boolean', default: false },
      'allow-dirty': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const { questdb, 'questdb-from': questdbFrom, 'no-questdb': noQuestdb } = values;
  if (noQuestdb && (questdb || questdbFrom !== undefined))
    throw new Error('Use --no-questdb without --questdb and --questdb-from.');
  const byDefault = noQuestdb || questdbFrom !== undefined ? [] : [LOCAL_PLATFORM];
  return {
    questdb: withJdks(questdb ?? byDefault, values.jdk),
    questdbFrom,
    registryDependencies: values['registry-dependencies'],
    allowDirty: values['allow-dirty'],
    help: values.help,
  };
}

/** Returns the command for these options, without local paths. */
export function formatReleaseCommand(options: ReleaseOptions): string {
  const { questdb, questdbFrom, registryDependencies, allowDirty } = options;
  const flags = [
    ...questdb.map(({ platform }) => `--questdb ${platform}`),
    ...(questdbFrom === undefined ? [] : ['--questdb-from FOLDER']),
    ...(questdb.length === 0 && questdbFrom === undefined ? ['--no-questdb'] : []),
    ...(registryDependencies ? ['--registry-dependencies'] : []),
    ...(allowDirty ? ['--allow-dirty'] : []),
  ];
  return ['npm run release --', ...flags].join(' ');
}

function withJdks(platforms: readonly string[], jdks: readonly string[]) {
  const folders = new Map(jdks.map(parseJdk));
  for (const platform of [...platforms, ...folders.keys()]) {
    if (!PLATFORMS.includes(platform)) {
      throw new Error(
        `There is no QuestDB package for ${platform}. Platforms: ${PLATFORMS.join(', ')}.`,
      );
    }
  }
  for (const platform of folders.keys()) {
    if (!platforms.includes(platform))
      throw new Error(`--jdk has a folder for ${platform}, but --questdb ${platform} is missing.`);
  }
  for (const platform of platforms) {
    if (platform !== LOCAL_PLATFORM && !folders.has(platform))
      throw new Error(`Add --jdk ${platform}=FOLDER with the folder of a JDK for ${platform}.`);
  }
  return [...new Set(platforms)].map((platform) => ({ platform, jdk: folders.get(platform) }));
}

function parseJdk(text: string): [platform: string, folder: string] {
  const [platform = '', ...folder] = text.split('=');
  if (folder.join('=') === '') throw new Error(`--jdk must be PLATFORM=FOLDER, not ${text}.`);
  return [platform, folder.join('=')];
}
