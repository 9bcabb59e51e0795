import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { PLATFORM_JAR_SHA256 } from '../../../src/storage/questdb/questdb-release.mjs';

interface Step {
  readonly run?: string;
  readonly uses?: string;
  readonly env?: Readonly<Record<string, string>>;
}

interface Job {
  readonly if?: string;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly strategy?: { readonly matrix: { readonly include: readonly { platform: string }[] } };
  readonly steps: readonly Step[];
}

const { on, permissions, jobs } = parse(
  readFileSync('.github/workflows/release.yml', 'utf8'),
) as Readonly<Record<'on' | 'permissions', unknown>> & { jobs: Readonly<Record<string, Job>> };
const steps = Object.values(jobs).flatMap((job) => job.steps);

it('runs only for version tags, and has no write permission by default', () => {
  expect(on).toEqual({ push: { tags: ['v*'] } });
  expect(permissions).toEqual({ contents: 'read' });
});

it('builds the QuestDB package for every platform', () => {
  const platforms = jobs.questdb!.strategy!.matrix.include.map(({ platform }) => platform);
  expect(platforms.toSorted()).toEqual(Object.keys(PLATFORM_JAR_SHA256).toSorted());
});

it('publishes on npm only if a repository variable allows it', () => {
  const publishers = Object.entries(jobs).filter(([, job]) =>
    job.steps.some(({ run }) => run?.includes('npm publish')),
  );
  expect(publishers.map(([name, job]) => [name, job.if])).toEqual([
    ['publish', "vars.PUBLISH_TO_NPM == 'true'"],
  ]);
  const release = steps.find(({ run }) => run?.includes('npm run release'));
  expect(release?.run).toMatch(/\$\{REGISTRY:\+--registry-dependencies\}$/);
  expect(release?.env?.REGISTRY).toMatch(/ vars\.PUBLISH_TO_NPM == 'true' && 'yes' \|\| '' /);
});

it('attests the tarballs of the release', () => {
  expect(jobs.release!.permissions).toMatchObject({ 'id-token': 'write', attestations: 'write' });
  expect(steps.map(({ uses }) => uses)).toContainEqual(
    expect.stringMatching(/^actions\/attest-build-provenance@/),
  );
});
