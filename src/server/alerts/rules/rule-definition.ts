import { Document, isMap, isPair, isScalar, isSeq, visit } from 'yaml';
import type { PlainObject, YamlSource } from '../../../core/config-files/yaml-source.ts';
import { toPreferredName } from '../../../core/vocabulary.ts';
import { mergeByName } from './environment-thresholds.ts';

export const RULE_SOURCES = ['built-in', 'file'] as const;

/** A rule as it is configured, after the merge of all sources. */
export interface RuleDefinition {
  /** Whether the rule is built in, or defined only in the rules file. */
  readonly source: (typeof RULE_SOURCES)[number];
  /** Whether the rules file changes a built-in rule. */
  readonly overridden: boolean;
  /** The merged keys of the rule, with the names in our schemas. */
  readonly data: PlainObject;
}

/**
 * Returns the definition of each rule by name.
 *
 * @param user the user's file, which is also the last of `sources`
 */
export function collectRuleDefinitions(
  sources: readonly YamlSource[],
  user: YamlSource | undefined,
): ReadonlyMap<string, RuleDefinition> {
  const toNames = (some: readonly YamlSource[]) =>
    new Set(mergeByName(some, 'rules', []).map(({ name }) => name));
  const builtIn = toNames(sources.filter((source) => source !== user));
  const own = toNames(user ? [user] : []);
  return new Map(
    mergeByName(sources, 'rules', []).map(({ name, data }) => {
      const isBuiltIn = builtIn.has(name);
      const source = isBuiltIn ? 'built-in' : 'file';
      return [name, { source, overridden: isBuiltIn && own.has(name), data }];
    }),
  );
}

/** Formatting takes about 1 ms per rule, and definitions don't change. */
const yamlCache = new WeakMap<RuleDefinition, string>();

/** Returns the text of a rules file that contains only this rule. */
export function formatRuleYaml(definition: RuleDefinition): string {
  const yaml = yamlCache.get(definition) ?? createRuleYaml(definition);
  yamlCache.set(definition, yaml);
  return yaml;
}

function createRuleYaml({ data }: RuleDefinition): string {
  const document = new Document({ rules: [data] });
  visit(document, {
    Pair(_, pair, ancestors) {
      const { key, value } = pair;
      if (!isScalar(key)) return undefined;
      const parent = ancestors.findLast(isPair)?.key;
      const parentKey = isScalar(parent) ? parent.value : undefined;
      if (parentKey === 'labels' || parentKey === 'annotations') return visit.SKIP;
      const isName = parentKey === 'filter' || parentKey === 'tenants';
      if (isName && typeof key.value === 'string') key.value = toPreferredName(key.value);
      if ((key.value === 'aggregate' || key.value === 'of') && isScalar(value)) {
        value.value = toPreferredName(String(value.value));
      }
      if (key.value === 'groupBy' && isSeq(value)) {
        for (const item of value.items)
          if (isScalar(item)) item.value = toPreferredName(String(item.value));
      }
      if (key.value === 'sql' && isScalar(value)) value.type = 'BLOCK_LITERAL';
      // Short lists and maps are on one line, as in the built-in rules.
      const isShort = key.value === 'groupBy' || key.value === 'thresholds';
      if (isShort && (isSeq(value) || isMap(value))) value.flow = true;
      return undefined;
    },
  });
  return document.toString({ lineWidth: 120, flowCollectionPadding: false });
}
