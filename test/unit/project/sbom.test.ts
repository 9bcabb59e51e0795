import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import { Spec, Validation } from '@cyclonedx/cyclonedx-library';
import { expect, it } from 'vitest';
import {
  formatAgentSbom,
  formatPerfscopeSbom,
  formatQuestdbSbom,
  formatWebSbom,
} from '../../../scripts/release/package-sboms.ts';
import { formatSbom, npmPurl, readSbomPackages } from '../../../scripts/release/sbom.ts';
import { PLATFORM_JAR_SHA256 } from '../../../src/storage/questdb/questdb-release.mjs';

const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot6);
const toFolder = (name: string) => join(realpathSync('node_modules'), name);
const bundledFolders = ['pg', 'pg-pool', '@opentelemetry/resources'].map(toFolder);
const agentSbom = formatAgentSbom('1.2.0', bundledFolders);
const webSbom = formatWebSbom('1.2.0', ['@fontsource-variable/inter', 'uplot'].map(toFolder));
const SBOMS = {
  agent: agentSbom,
  'the web UI': webSbom,
  perfscope: formatPerfscopeSbom('1.2.0', agentSbom, webSbom),
  QuestDB: formatQuestdbSbom('linux-x64', '17.0.15'),
};

const main = { purl: npmPurl('app', '1.0.0'), name: 'app', version: '1.0.0', license: 'MIT' };
const listNames = (text: string) => readSbomPackages(text).map(({ name }) => name);
const findPackage = (text: string, name: string) =>
  readSbomPackages(text).find((each) => each.name === name);

it.each(Object.entries(SBOMS))('the SBOM of %s is valid CycloneDX 1.6', async (_name, text) => {
  expect(await validator.validate(text)).toBeNull();
  expect(JSON.parse(text).specVersion).toBe('1.6');
});

it.each(Object.entries(SBOMS))('the SBOM of %s has unique references', (_name, text) => {
  const { metadata, components, dependencies } = JSON.parse(text);
  const refs = [metadata.component, ...components].map((each) => each['bom-ref']);
  expect(new Set(refs).size).toBe(refs.length);
  const used = dependencies.flatMap(({ dependsOn }: { dependsOn: string[] }) => dependsOn);
  expect(used.filter((ref: string) => !refs.includes(ref))).toEqual([]);
});

it("the agent's SBOM lists only the bundled packages, with license and hash", () => {
  expect(listNames(agentSbom)).toEqual(['@opentelemetry/resources', 'pg-pool', 'pg']);
  expect(findPackage(agentSbom, 'pg')).toEqual({
    purl: expect.stringMatching(/^pkg:npm\/pg@8\.\d+\.\d+$/),
    name: 'pg',
    version: expect.stringMatching(/^8\./),
    license: 'MIT',
    hashes: [{ alg: 'SHA-512', content: expect.stringMatching(/^[\da-f]{128}$/) }],
    dependsOn: [expect.stringMatching(/^pkg:npm\/pg-pool@/)],
  });
});

it("perfscope's SBOM lists the installed and bundled packages and the agent, but no development package", () => {
  const names = listNames(SBOMS.perfscope);
  expect(names).toEqual(expect.arrayContaining(['express', 'pg', 'body-parser', 'uplot']));
  expect(findPackage(SBOMS.perfscope, '@fontsource-variable/inter')?.license).toBe('OFL-1.1');
  expect(names).not.toContain('vitest');
  expect(findPackage(SBOMS.perfscope, '@perfscope/agent')?.dependsOn).toHaveLength(3);
  const express = findPackage(SBOMS.perfscope, 'express');
  expect(express?.dependsOn).toContainEqual(expect.stringMatching(/^pkg:npm\/body-parser@/));
});

it("QuestDB's SBOM lists the jar with its SHA-256, and OpenJDK", () => {
  expect(listNames(SBOMS.QuestDB)).toEqual(['openjdk', 'questdb']);
  expect(findPackage(SBOMS.QuestDB, 'questdb')?.hashes).toEqual([
    { alg: 'SHA-256', content: PLATFORM_JAR_SHA256['linux-x64'] },
  ]);
  expect(findPackage(SBOMS.QuestDB, 'openjdk')?.version).toBe('17.0.15');
});

it('has a timestamp only if a build time is set, and no random value', () => {
  const read = (epochSeconds?: string) => JSON.parse(formatSbom(main, [], epochSeconds));
  expect(read('1700000000').metadata.timestamp).toBe('2023-11-14T22:13:20.000Z');
  expect(read('').metadata).not.toHaveProperty('timestamp');
  expect(read()).not.toHaveProperty('serialNumber');
  expect(formatSbom(main, [main], '1')).toBe(formatSbom(main, [main, main], '1'));
});

it('rejects a bundled package that the lock file does not contain', () => {
  expect(() => formatAgentSbom('1.2.0', [join(realpathSync('node_modules'), 'unknown')])).toThrow(
    'package-lock.json has no package at node_modules/unknown.',
  );
});
