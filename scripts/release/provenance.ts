export interface ProvenanceInput {
  /** File names of the tarballs, with their hashes in hexadecimal. */
  readonly subjects: readonly {
    readonly name: string;
    readonly sha256: string;
    readonly sha512: string;
  }[];
  /** The commit that was built. */
  readonly commit: string;
  /** Whether the build included uncommitted changes. */
  readonly dirty: boolean;
  /** The build command without local paths. */
  readonly command: string;
  /** SHA-256 of `package-lock.json`. */
  readonly lockSha256: string;
  /** The environment of the build. GitHub's variables describe the builder and the repository. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

const BUILD_TYPE = 'urn:perfscope:release:v1';
const LOCAL_BUILDER = 'urn:perfscope:builder:local';

/**
 * Returns an unsigned in-toto statement with SLSA provenance as JSON text. It contains no times, so equal input gives
 * equal text.
 */
export function formatProvenance(input: ProvenanceInput): string {
  const { subjects, commit, dirty, command, lockSha256, env } = input;
  const statement = {
    _type: 'https://in-toto.io/Statement/v1',
    subject: subjects.map(({ name, sha256, sha512 }) => ({ name, digest: { sha256, sha512 } })),
    predicateType: 'https://slsa.dev/provenance/v1',
    predicate: {
      buildDefinition: {
        buildType: BUILD_TYPE,
        externalParameters: { command },
        internalParameters: { dirty, node: process.version },
        resolvedDependencies: [
          { name: 'source', uri: getSourceUri(env, commit), digest: { gitCommit: commit } },
          { name: 'package-lock.json', digest: { sha256: lockSha256 } },
        ],
      },
      runDetails: {
        builder: { id: getBuilderId(env) },
        metadata: { invocationId: getRunUrl(env) },
      },
    },
  };
  return `${JSON.stringify(statement, null, 2)}\n`;
}

function getRepositoryUrl({ GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: name }: Env) {
  return server && name ? `${server}/${name}` : undefined;
}

function getSourceUri(env: Env, commit: string): string | undefined {
  const repository = getRepositoryUrl(env);
  return repository && `git+${repository}@${env.GITHUB_REF ?? commit}`;
}

function getBuilderId(env: Env): string {
  const { GITHUB_SERVER_URL: server, GITHUB_WORKFLOW_REF: workflow } = env;
  return server && workflow ? `${server}/${workflow}` : LOCAL_BUILDER;
}

function getRunUrl(env: Env): string | undefined {
  const repository = getRepositoryUrl(env);
  const { GITHUB_RUN_ID: run, GITHUB_RUN_ATTEMPT: attempt } = env;
  return repository && run && `${repository}/actions/runs/${run}/attempts/${attempt ?? '1'}`;
}

type Env = ProvenanceInput['env'];
