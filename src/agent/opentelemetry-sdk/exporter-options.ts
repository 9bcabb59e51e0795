import type { EnvironmentVariables } from '../../core/config/parse-settings.ts';
import { VARIABLES, type VariableName } from '../../core/config/setting-definitions.ts';
import type { Variable } from '../../core/config/variable-parsers.ts';
import { createArgumentError, readOptions } from '../argument-checks.ts';

/** Where rows are sent. Each option overrides an environment variable of docs/configuration.md. */
export interface ExporterOptions {
  /** HTTP URL of QuestDB. Default: `PERFORMANCE_QUESTDB_URL`, or the QuestDB of the local server. */
  url?: string | undefined;
  /** User name for QuestDB. Can't be used with `token`. Default: `PERFORMANCE_QUESTDB_USER`. */
  user?: string | undefined;
  /** Password for QuestDB. Default: `PERFORMANCE_QUESTDB_PASSWORD`. */
  password?: string | undefined;
  /** Token for QuestDB, used instead of a user name and password. Default: `PERFORMANCE_QUESTDB_TOKEN`. */
  token?: string | undefined;
  /** Folder for rows that QuestDB has not yet stored. Default: `PERFORMANCE_SPOOL_DIR`. */
  spoolDir?: string | undefined;
}

const OPTION_VARIABLES = {
  url: 'PERFORMANCE_QUESTDB_URL',
  user: 'PERFORMANCE_QUESTDB_USER',
  password: 'PERFORMANCE_QUESTDB_PASSWORD',
  token: 'PERFORMANCE_QUESTDB_TOKEN',
  spoolDir: 'PERFORMANCE_SPOOL_DIR',
} as const satisfies Record<keyof ExporterOptions, VariableName>;
const OPTION_NAMES = Object.keys(OPTION_VARIABLES) as (keyof ExporterOptions)[];

/**
 * Checks the options, and returns the environment variables that they override. Undefined if there are no options.
 *
 * @param fn name of the public function or class
 * @throws PS_ARGUMENT_INVALID if an option is invalid, or excludes another option
 */
export function toEnvironment(
  fn: string,
  options: ExporterOptions | null | undefined,
): EnvironmentVariables | undefined {
  const checked = readOptions(fn, options, OPTION_NAMES);
  const entries = Object.entries(checked) as [keyof ExporterOptions, unknown][];
  if (entries.length === 0) return undefined;
  for (const [name, value] of entries) checkOption(fn, name, value);
  const { user, password, token } = checked;
  if (token !== undefined && (user !== undefined || password !== undefined)) {
    throw createArgumentError(fn, 'token', "can't be used together with user or password");
  }
  return {
    ...Object.fromEntries(entries.map(([name, value]) => [OPTION_VARIABLES[name], String(value)])),
    // An option also replaces the file that contains the same secret, and the other kind of credentials.
    ...(password !== undefined && { PERFORMANCE_QUESTDB_PASSWORD_FILE: undefined }),
    ...((token ?? user ?? password) !== undefined && { PERFORMANCE_QUESTDB_TOKEN_FILE: undefined }),
    ...((user ?? password) !== undefined && { PERFORMANCE_QUESTDB_TOKEN: undefined }),
  };
}

function checkOption(fn: string, name: keyof ExporterOptions, value: unknown): void {
  if (typeof value !== 'string' || value.trim() === '') {
    throw createArgumentError(fn, name, 'is not a non-empty string');
  }
  const variable: Variable<unknown> = VARIABLES[OPTION_VARIABLES[name]];
  if (variable.parse(value.trim()) === undefined) {
    throw createArgumentError(fn, name, `is not ${variable.allowed}`);
  }
}

/** Returns the option that overrides a variable. */
export function getOptionName(variable: string): string {
  const name = OPTION_NAMES.find((each) => variable.startsWith(OPTION_VARIABLES[each]));
  return name ?? variable;
}
