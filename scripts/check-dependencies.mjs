// Reports outdated and vulnerable dependencies. Exits with 1 if a vulnerability is high or critical,
// or if the report can't be created. Runs weekly: .github/workflows/dependencies.yml.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const FAILING_SEVERITIES = ['high', 'critical'];

/**
 * Formats the output of `npm outdated --json`.
 *
 * @param {Record<string, { current?: string, wanted: string, latest: string }>} outdated
 * @returns {string[]} one line per package
 */
export function formatOutdated(outdated) {
  return Object.entries(outdated).map(
    ([name, { current = 'missing', latest }]) => `outdated: ${name} ${current}, latest ${latest}`,
  );
}

/**
 * Formats the output of `npm audit --json`.
 *
 * @param {{ vulnerabilities?: Record<string, { severity: string, range: string }> }} audit
 * @returns {{ lines: string[], failed: boolean }} failed if any severity is high or critical
 */
export function formatAudit({ vulnerabilities = {} }) {
  const found = Object.entries(vulnerabilities);
  return {
    lines: found.map(([name, { severity, range }]) => `vulnerable (${severity}): ${name} ${range}`),
    failed: found.some(([, { severity }]) => FAILING_SEVERITIES.includes(severity)),
  };
}

function readNpmJson(args) {
  const { stdout } = spawnSync('npm', [...args, '--json'], { encoding: 'utf8' });
  const result = JSON.parse(stdout.trim() || '{}');
  if (result.error) throw new Error(result.message || result.error.summary || 'npm failed');
  return result;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    const outdated = formatOutdated(readNpmJson(['outdated']));
    console.log(outdated.length > 0 ? outdated.join('\n') : 'All dependencies are current.');
    const { lines, failed } = formatAudit(readNpmJson(['audit']));
    console.log(lines.length > 0 ? lines.join('\n') : 'No known vulnerabilities.');
    process.exitCode = failed ? 1 : 0;
  } catch (error) {
    console.error(`Can't check the dependencies: ${error.message}`);
    process.exitCode = 1;
  }
}
