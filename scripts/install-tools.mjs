// Installs missing tools with the system's package manager. Runs before any package is installed, so this file can
// use only Node's built-in modules.
import { spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { isDebian, toBrewPackage } from '../src/storage/questdb/questdb-jar.mjs';

/**
 * Returns the commands that install the tools on this machine. Uses `apt-get` as root on Debian and Ubuntu, or else
 * Homebrew. Returns `undefined` if neither can install all tools.
 *
 * @param {readonly { name: string, debianPackage: string }[]} missing
 * @param {{ isDebianRoot: boolean, hasBrew: boolean }} system
 * @returns {{ manager: string, packages: string[], commands: [string, string[]][] } | undefined}
 */
export function planInstallation(missing, { isDebianRoot, hasBrew } = detectSystem()) {
  if (isDebianRoot) {
    const packages = missing.map(({ debianPackage }) => debianPackage);
    const install = ['-q', 'install', '-y', '--no-install-recommends', ...packages];
    const commands = [
      ['apt-get', ['-q', 'update']],
      ['apt-get', install],
    ];
    return { manager: 'apt-get', packages, commands };
  }
  const packages = missing.flatMap(({ debianPackage }) => toBrewPackage(debianPackage) ?? []);
  if (!hasBrew || packages.length < missing.length) return undefined;
  return { manager: 'brew', packages, commands: [['brew', ['install', ...packages]]] };
}

function detectSystem() {
  return {
    isDebianRoot: isDebian() && process.getuid?.() === 0,
    hasBrew: spawnSync('brew', ['--version']).status === 0,
  };
}

/**
 * Returns whether the user agreed in advance: with `--yes` or `-y` as an argument, `npm start --yes`, or
 * `PERFSCOPE_YES=true`.
 *
 * @param {readonly string[]} args
 * @param {NodeJS.ProcessEnv} env
 * @returns {boolean}
 */
export function hasConsent(args, env) {
  const isOption = args.some((arg) => arg === '--yes' || arg === '-y');
  return (
    isOption || env.npm_config_yes === 'true' || /^(1|true|yes)$/i.test(env.PERFSCOPE_YES ?? '')
  );
}

/**
 * Asks on the terminal whether to install the packages. Enter means yes. Ctrl-C and Ctrl-D mean no.
 *
 * @param {{ manager: string, packages: string[] }} plan
 * @returns {Promise<boolean>}
 */
export function askToInstall({ manager, packages }) {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  return new Promise((resolve) => {
    terminal.once('SIGINT', () => terminal.close());
    terminal.once('close', () => resolve(false));
    terminal.question(`Install ${formatList(packages)} with ${manager}? [Y/n] `, (answer) => {
      resolve(/^(y(es)?)?$/i.test(answer.trim()));
      terminal.close();
    });
  });
}

/** Formats `a`, `a and b`, or `a, b, and c`. */
function formatList(names) {
  if (names.length < 3) return names.join(' and ');
  return `${names.slice(0, -1).join(', ')}, and ${names.at(-1)}`;
}
