import { readFileSync } from 'node:fs';
import {
  type ConfigProblem,
  createRulesFileError,
} from '../../../core/config-files/config-validation.ts';
import { parseYamlSource, type YamlSource } from '../../../core/config-files/yaml-source.ts';
import { collectDeprecatedNames } from '../../../core/vocabulary.ts';

/** The files with the built-in rules, in the order in which the rules are listed. */
const DEFAULT_RULES_FILES = [
  'default-rules/general.yaml',
  'default-rules/applications.yaml',
  'default-rules/targets-and-availability.yaml',
  'default-rules/perfscope.yaml',
] as const;

let cachedDefaultRules: readonly YamlSource[] | undefined;

/** Returns the built-in rules from the `default-rules` folder, which the build also copies. */
export function loadDefaultRules(): readonly YamlSource[] {
  cachedDefaultRules ??= DEFAULT_RULES_FILES.map(readDefaultRules);
  return cachedDefaultRules;
}

function readDefaultRules(file: string): YamlSource {
  const text = readFileSync(new URL(`./${file}`, import.meta.url), 'utf8');
  const problems: ConfigProblem[] = [];
  // Users can't change these files, so their names need no notice.
  const { value: source } = collectDeprecatedNames(() => parseYamlSource(file, text, problems));
  if (!source) throw createRulesFileError(problems);
  return source;
}
