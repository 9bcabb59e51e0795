import { loadRules, type RuleSet } from '../alerts/rules/load.ts';
import { readRulesFile } from '../alerts/run/rules-file.ts';
import type { Settings } from '../config/settings.ts';

/** The built-in rules with those of PERFORMANCE_RULES_FILE. @throws PS_RULES_INVALID */
export function checkRules(settings: Settings): RuleSet {
  const { PERFORMANCE_RULES_FILE: path } = settings;
  return loadRules(settings, path === undefined ? undefined : readRulesFile(path));
}
