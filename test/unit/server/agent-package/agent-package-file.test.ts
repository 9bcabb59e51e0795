import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { VERSION } from '../../../../src/core/version.ts';
import { loadAgentPackage } from '../../../../src/server/agent-package/agent-package-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'perfscope-agent-package-'));
const fileName = `perfscope-agent-${VERSION}.tgz`;
const file = join(folder, fileName);
afterAll(() => rmSync(folder, { recursive: true }));

it('fails with the build command if the file is missing, and finds the file after a build', () => {
  expect(() => loadAgentPackage(folder)).toThrow(
    `The agent package ${file} is missing. Run \`npm run build\` in the Perfscope folder.`,
  );
  writeFileSync(file, 'a package');
  expect(loadAgentPackage(folder)).toMatchObject({ file, fileName });
});

it("computes the SHA-512 in npm's format", () => {
  const hash = execFileSync('openssl', ['dgst', '-sha512', '-binary', file]).toString('base64');
  expect(loadAgentPackage(folder).integrity).toBe(`sha512-${hash}`);
});

it("keeps the content of the first call, because the file's URL is immutable", () => {
  const first = loadAgentPackage(folder);
  writeFileSync(file, 'another package');
  expect(loadAgentPackage(folder)).toBe(first);
  expect(String(first.bytes)).toBe('a package');
});
