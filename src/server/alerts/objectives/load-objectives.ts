import {
  type ConfigProblem,
  validateConfig,
} from '../../../core/config-files/config-validation.ts';
import type { YamlSource } from '../../../core/config-files/yaml-source.ts';
import { findClosestMatch } from '../../../core/did-you-mean.ts';
import { mergeByName } from '../rules/environment-thresholds.ts';
import { buildObjective } from './build-objective.ts';
import { findContradictions } from './find-contradictions.ts';
import type { Objective } from './objective.ts';
import { objectiveSchema } from './objective-schema.ts';

const LIST = 'objectives';

/**
 * Builds the objectives of all sources. Adds the errors of the user's file to `problems`.
 *
 * @param builtIn sources with the built-in objectives
 * @param userSources sources with entries of the user's file
 * @param retentionDays number of days for which roll-ups by minute are kept
 */
export function loadObjectives(
  builtIn: readonly YamlSource[],
  userSources: readonly YamlSource[],
  retentionDays: number,
  problems: ConfigProblem[],
): Objective[] {
  const builtInNames = mergeByName(builtIn, LIST, []).map(({ name }) => name);
  const ownNames = new Set(mergeByName(userSources, LIST, []).map(({ name }) => name));
  const entries = mergeByName([...builtIn, ...userSources], LIST, problems);
  const objectives = entries.flatMap(({ name, data, report }) => {
    const isBuiltIn = builtInNames.includes(name);
    if (!isBuiltIn && data.kind === undefined) {
      const closest = findClosestMatch(name, builtInNames);
      const suggestion = closest === undefined ? '' : ` did you mean \`${closest}\`?`;
      const message = `there is no objective \`${name}\` to override;${suggestion}`;
      report(['name'], `${message} a new objective requires \`kind\` and \`target\``);
      return [];
    }
    const config = validateConfig(objectiveSchema, data, report, { showsValues: true });
    if (!config?.enabled) return [];
    const checkedDays = ownNames.has(name) ? retentionDays : undefined;
    return buildObjective(config, isBuiltIn, checkedDays, report) ?? [];
  });
  // Built-in objectives are only defaults, so the user's objectives can be stricter.
  const own = objectives.filter(({ name, isTarget }) => !isTarget && ownNames.has(name));
  for (const { name, message } of findContradictions(own)) {
    entries.find((entry) => entry.name === name)?.report([], `\`${name}\`: ${message}`);
  }
  return objectives;
}
