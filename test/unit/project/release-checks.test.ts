import { describe, expect, it } from 'vitest';
import { findSourceProblems } from '../../../scripts/release/check-source.ts';
import { listOwnReferences } from '../../../scripts/release/check-tarballs.ts';
import { createManifest } from '../../../scripts/release/pack-perfscope.ts';
import { formatProvenance } from '../../../scripts/release/provenance.ts';
import {
  formatReleaseCommand,
  parseReleaseOptions,
} from '../../../scripts/release/release-options.ts';
import {
  getPackageName,
  PLATFORM_JAR_SHA256,
  QUESTDB_VERSION,
} from '../../../src/storage/questdb/questdb-release.mjs';

const LOCAL = `${process.platform}-${process.arch}`;
const OTHER = LOCAL === 'darwin-arm64' ? 'linux-x64' : 'darwin-arm64';

describe('the source of a release', () => {
  const state = {
    version: '1.2.0',
    lockVersion: '1.2.0',
    changelog: '# Changelog\n\n## 1.2.0 (2026-12-01)\n',
    changedFiles: [],
    tag: 'v1.2.0',
    allowDirty: false,
  };

  it('has no problem if versions, tag, and changelog match', () => {
    expect(findSourceProblems(state)).toEqual([]);
    expect(findSourceProblems({ ...state, tag: undefined })).toEqual([]);
  });

  it.each([
    [{ lockVersion: '1.1.0' }, /package-lock\.json has version 1\.1\.0/],
    [{ tag: 'v1.2.1' }, /The tag is v1\.2\.1, but package\.json requires v1\.2\.0/],
    [{ changelog: '## 1.2.00\n' }, /no section for 1\.2\.0/],
    [{ changelog: '## 1.2.0 (unreleased)\n' }, /marks 1\.2\.0 as unreleased/],
    [{ changedFiles: [' M src/bin.ts'] }, /uncommitted changes.*src\/bin\.ts/s],
  ])('is rejected with %j', (change, message) => {
    const problems = findSourceProblems({ ...state, ...change });
    expect(problems).toEqual([expect.stringMatching(message)]);
  });

  it('accepts changes and an unreleased section with --allow-dirty', () => {
    const changelog = '## 1.2.0 (unreleased)\n';
    const changedFiles = [' M src/bin.ts'];
    expect(findSourceProblems({ ...state, changelog, changedFiles, allowDirty: true })).toEqual([]);
  });
});

describe('the options of the release script', () => {
  it('build the QuestDB package for this platform by default', () => {
    expect(parseReleaseOptions([]).questdb).toEqual([{ platform: LOCAL, jdk: undefined }]);
    expect(parseReleaseOptions(['--no-questdb']).questdb).toEqual([]);
    expect(parseReleaseOptions(['--questdb-from', 'packages']).questdb).toEqual([]);
  });

  it('accept several platforms with their JDKs, and hide the folders in the command', () => {
    const args = ['--questdb', LOCAL, '--questdb', OTHER, '--jdk', `${OTHER}=/opt/jdk=17`];
    const options = parseReleaseOptions(args);
    expect(options.questdb).toEqual([
      { platform: LOCAL, jdk: undefined },
      { platform: OTHER, jdk: '/opt/jdk=17' },
    ]);
    expect(formatReleaseCommand(options)).toBe(
      `npm run release -- --questdb ${LOCAL} --questdb ${OTHER}`,
    );
  });

  it.each([
    [['--questdb', 'solaris-x64'], /no QuestDB package for solaris-x64\. Platforms: .*linux-x64/],
    [['--questdb', OTHER], new RegExp(`Add --jdk ${OTHER}=FOLDER`)],
    [['--jdk', '/opt/jdk'], /--jdk must be PLATFORM=FOLDER, not \/opt\/jdk/],
    [['--jdk', `${OTHER}=/opt/jdk`], new RegExp(`--questdb ${OTHER} is missing`)],
    [['--no-questdb', '--questdb', LOCAL], /Use --no-questdb without --questdb/],
    [['--publish'], /Unknown option '--publish'/],
  ])('reject %j', (args, message) => {
    expect(() => parseReleaseOptions(args)).toThrow(message);
  });
});

describe('the references of a published manifest', () => {
  const manifest = { name: 'perfscope', version: '1.2.0' };

  it.each([
    { dependencies: { '@perfscope/agent': '1.2.0' } },
    { devDependencies: { perfscope: '1.2.0' } },
    { optionalDependencies: { '@perfscope/questdb-linux-x64': QUESTDB_VERSION } },
    { peerDependencies: { agent: 'npm:@perfscope/agent@1.2.0' } },
    { bundleDependencies: ['@perfscope/agent'] },
    { overrides: { pg: { perfscope: '1.2.0' } } },
    { dependencies: { monitor: 'npm:perfscope@1.2.0' } },
  ])('include the packages of this project in %j', (fields) => {
    expect(listOwnReferences({ ...manifest, ...fields }, false)).toHaveLength(1);
  });

  it('include no other packages', () => {
    const dependencies = { 'perfscope-utils': '1', '@other/perfscope': '1', pg: '8' };
    expect(listOwnReferences({ ...manifest, dependencies }, false)).toEqual([]);
  });

  it('include the QuestDB packages only with --registry-dependencies', () => {
    const devDependencies = { vitest: '5' };
    const released = createManifest({ ...manifest, devDependencies, scripts: {} }, false);
    expect(released).toEqual(manifest);
    const registered = createManifest(manifest, true);
    const names = Object.keys(PLATFORM_JAR_SHA256).map(getPackageName);
    expect(registered).toEqual({
      ...manifest,
      optionalDependencies: Object.fromEntries(names.map((name) => [name, QUESTDB_VERSION])),
      publishConfig: { access: 'public', provenance: true },
    });
    expect(listOwnReferences(registered, false)).toEqual(names);
    expect(listOwnReferences(registered, true)).toEqual([]);
  });
});

describe('the provenance', () => {
  const input = {
    subjects: [{ name: 'perfscope-1.2.0.tgz', sha256: 'a1', sha512: 'b2' }],
    commit: 'c3',
    dirty: false,
    command: 'npm run release -- --no-questdb',
    lockSha256: 'd4',
    env: {},
  };

  it('names the tarballs, the commit, and the command', () => {
    const { predicate, ...statement } = JSON.parse(formatProvenance(input));
    expect(statement).toEqual({
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ name: 'perfscope-1.2.0.tgz', digest: { sha256: 'a1', sha512: 'b2' } }],
      predicateType: 'https://slsa.dev/provenance/v1',
    });
    const { buildDefinition, runDetails } = predicate;
    expect(buildDefinition.externalParameters).toEqual({ command: input.command });
    expect(buildDefinition.resolvedDependencies).toEqual([
      { name: 'source', digest: { gitCommit: 'c3' } },
      { name: 'package-lock.json', digest: { sha256: 'd4' } },
    ]);
    expect(runDetails.builder.id).toBe('urn:perfscope:builder:local');
  });

  it("describes the workflow on GitHub's runners", () => {
    const env = {
      GITHUB_SERVER_URL: 'https://github.example',
      GITHUB_REPOSITORY: 'hotel/perfscope',
      GITHUB_REF: 'refs/tags/v1.2.0',
      GITHUB_WORKFLOW_REF: 'hotel/perfscope/.github/workflows/release.yml@refs/tags/v1.2.0',
      GITHUB_RUN_ID: '7',
      GITHUB_RUN_ATTEMPT: '2',
    };
    const { buildDefinition, runDetails } = JSON.parse(
      formatProvenance({ ...input, env }),
    ).predicate;
    expect(buildDefinition.resolvedDependencies[0].uri).toBe(
      'git+https://github.example/hotel/perfscope@refs/tags/v1.2.0',
    );
    expect(runDetails).toEqual({
      builder: { id: `https://github.example/${env.GITHUB_WORKFLOW_REF}` },
      metadata: {
        invocationId: 'https://github.example/hotel/perfscope/actions/runs/7/attempts/2',
      },
    });
  });
});
