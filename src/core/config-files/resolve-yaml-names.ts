import { type Document, isPair, isScalar, isSeq, type Pair, type Scalar, visit } from 'yaml';
import { resolveName, toInternalName, toLabelName, toPreferredName } from '../vocabulary.ts';

/** Keys of maps whose keys are labels or texts of the user. */
const USER_MAPS: ReadonlySet<unknown> = new Set(['labels', 'annotations']);
/** Keys whose values are lists of label names. */
const LABEL_LISTS: ReadonlySet<unknown> = new Set(['groupBy', 'equal']);
const TENANT_NAMES: ReadonlySet<string> = new Set(['organizationId', 'propertyId']);

/**
 * Replaces the names of the vocabulary in a parsed configuration file by the names in our schemas. The
 * positions of the nodes don't change. Collects deprecated names.
 */
export function resolveYamlNames(document: Document): void {
  visit(document, {
    Pair(_, pair, ancestors) {
      if (!isScalar(pair.key)) return undefined;
      const parentKey = getKey(ancestors.findLast(isPair));
      if (USER_MAPS.has(parentKey)) return visit.SKIP;
      resolveKey(pair.key, parentKey);
      resolveValue(pair, parentKey);
      return undefined;
    },
  });
}

function getKey(pair: Pair<unknown, unknown> | undefined): unknown {
  return isScalar(pair?.key) ? pair.key.value : undefined;
}

function resolveKey(key: Scalar, parentKey: unknown): void {
  if (typeof key.value !== 'string') return;
  const isTenant = TENANT_NAMES.has(toPreferredName(key.value));
  if (isTenant || parentKey === 'filter') key.value = toInternalName(key.value);
}

function resolveValue(pair: Pair<unknown, unknown>, parentKey: unknown): void {
  const value: unknown = pair.value;
  const name = getKey(pair);
  if (isScalar(value) && typeof value.value === 'string') {
    const text = value.value;
    if (name === 'aggregate' || (name === 'of' && parentKey === 'measure'))
      value.value = toInternalName(text);
    if (name === 'fact') value.value = resolveName(text, ['errorRate']) ?? text;
  }
  if (!LABEL_LISTS.has(name) || !isSeq(value)) return;
  for (const item of value.items) {
    if (!isScalar(item) || typeof item.value !== 'string') continue;
    if (parentKey === 'measure') item.value = toInternalName(item.value);
    else item.value = toLabelName(item.value);
  }
}
