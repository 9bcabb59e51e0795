import type { ConfigPath } from '../../../core/config-files/config-validation.ts';
import {
  isPlainObject,
  type PlainObject,
  type YamlSource,
} from '../../../core/config-files/yaml-source.ts';
import { noteDeprecatedName } from '../../../core/vocabulary.ts';

/** How an objective's key follows from the first threshold of the alert rule with the same name. */
const FORMER_TARGETS: Readonly<Record<string, 'milliseconds' | 'badPercent' | 'goodPercent'>> = {
  'target-response-time': 'milliseconds',
  'target-error-rate': 'badPercent',
  'target-queue-processing': 'milliseconds',
  'target-uptime': 'goodPercent',
  'target-database-time': 'milliseconds',
};

/** An entry of `rules` that is now an entry of `objectives`. */
interface MovedEntry {
  readonly index: number;
  readonly data: PlainObject;
}

/**
 * Converts overrides of the alert rules `target-*` in a file to overrides of the objectives that replaced
 * them. Collects a notice for each of them. An entry with a complete rule isn't changed.
 *
 * @returns the file without these entries, and a source with only them. Positions refer to the file.
 */
export function moveFormerTargetRules(source: YamlSource): readonly YamlSource[] {
  const { data } = source;
  if (!isPlainObject(data) || !Array.isArray(data.rules)) return [source];
  const moved = data.rules.flatMap((entry: unknown, index): MovedEntry[] =>
    isFormerTarget(entry) ? [{ index, data: toObjectiveOverride(entry) }] : [],
  );
  if (moved.length === 0) return [source];
  for (const each of moved) {
    const name = String(each.data.name);
    noteDeprecatedName(`${name} in rules`, `${name} in objectives`);
  }
  const indexes = new Set(moved.map(({ index }) => index));
  const kept = [...data.rules.keys()].filter((index) => !indexes.has(index));
  const rules: unknown[] = data.rules;
  return [
    {
      file: source.file,
      data: { ...data, rules: kept.map((index) => rules[index]) },
      locate: createLocator(source, 'rules', kept),
    },
    {
      file: source.file,
      data: { objectives: moved.map((each) => each.data) },
      locate: createLocator(source, 'objectives', [...indexes]),
    },
  ];
}

function isFormerTarget(entry: unknown): entry is PlainObject {
  if (!isPlainObject(entry) || typeof entry.name !== 'string') return false;
  const { name, measure, sql, internal } = entry;
  const isComplete = isPlainObject(measure) && measure.aggregate !== undefined;
  return Object.hasOwn(FORMER_TARGETS, name) && !isComplete && (sql ?? internal) === undefined;
}

/** Returns a function that finds entries of `list` at their original positions in `rules`. */
function createLocator(
  source: YamlSource,
  list: string,
  indexes: readonly number[],
): YamlSource['locate'] {
  return (path, on) => {
    const [first, index, ...rest] = path;
    if (first !== list || typeof index !== 'number') return source.locate(path, on);
    return source.locate(['rules', indexes[index] ?? index, ...toFormerPath(rest)], on);
  };
}

/** Converts the path of an objective's key to the path of the rule's key. */
function toFormerPath([key, ...rest]: ConfigPath): ConfigPath {
  if (key === 'tenants' && rest.length > 1)
    return ['tenants', rest[0]!, ...toFormerPath(rest.slice(1))];
  if (key === 'target' || key === 'threshold') return ['thresholds'];
  if (key === 'filter' || key === 'groupBy') return ['measure', key, ...rest];
  return key === undefined ? [] : [key, ...rest];
}

function toObjectiveOverride(entry: PlainObject): PlainObject {
  const { name, enabled, measure, tenants } = entry;
  const { filter, groupBy } = isPlainObject(measure) ? measure : {};
  const limit = toLimit(String(name), entry.thresholds);
  return {
    name,
    ...limit,
    ...(enabled !== undefined && { enabled }),
    ...(filter !== undefined && { filter }),
    ...(groupBy !== undefined && { groupBy }),
    ...(Array.isArray(tenants) && {
      tenants: tenants.map((tenant: unknown) =>
        isPlainObject(tenant) ? toTenantOverride(String(name), tenant) : tenant,
      ),
    }),
  };
}

function toTenantOverride(name: string, tenant: PlainObject): PlainObject {
  const { organization, property, enabled } = tenant;
  return {
    organization,
    ...(property !== undefined && { property }),
    ...(enabled !== undefined && { enabled }),
    ...toLimit(name, tenant.thresholds),
  };
}

/** Converts the lowest threshold of a rule to the limit of the objective. */
function toLimit(name: string, thresholds: unknown): PlainObject {
  if (!isPlainObject(thresholds)) return {};
  const limit = ['warning', 'medium', 'high', 'critical']
    .map((severity) => thresholds[severity])
    .find((value) => typeof value === 'number');
  if (limit === undefined) return {};
  switch (FORMER_TARGETS[name]) {
    case 'milliseconds':
      return { threshold: `${Math.round(limit)}ms` };
    case 'badPercent':
      return { target: Number((100 - limit).toFixed(9)) };
    default:
      return { target: limit };
  }
}
