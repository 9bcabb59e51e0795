import { suggest } from '../../entries/problems.ts';
import { formatNumber } from '../../schema/format.ts';
import { NUMBER_FILTERS, TEXT_FILTERS } from './filters.ts';

/** What a template speaks of. */
interface TemplateData {
  readonly rule: string;
  readonly severity: string;
  readonly value: number | undefined;
  readonly threshold: number | undefined;
  readonly labels: Readonly<Record<string, string>>;
}

export type Template = (data: TemplateData) => string;

/** What stands for a number or a label that an alert does not have. */
const NOTHING = '(none)';
const NUMBERS = { $value: 'value', $threshold: 'threshold' } as const;
const TEXTS = { $rule: 'rule', $severity: 'severity' } as const;
const VARIABLES = [...Object.keys(NUMBERS), ...Object.keys(TEXTS), '$labels.NAME'];

/**
 * Reads `text` with its `{{ $variable | filter }}` places.
 *
 * @param labels names that the rule's alerts have; undefined where they cannot be known
 * @param fail told of each place that names something unknown or does not fit
 */
export function parseTemplate(
  text: string,
  labels: readonly string[] | undefined,
  fail: (message: string) => void,
): Template {
  const parts: Template[] = [];
  let rest = text;
  for (;;) {
    const open = rest.indexOf('{{');
    if (open < 0) break;
    const close = rest.indexOf('}}', open);
    if (close < 0) {
      fail('`{{` is never closed with `}}`');
      break;
    }
    const before = rest.slice(0, open);
    parts.push(() => before, place(rest.slice(open + 2, close), labels, fail));
    rest = rest.slice(close + 2);
  }
  const tail = rest;
  parts.push(() => tail);
  return (data) => parts.map((part) => part(data)).join('');
}

function place(
  inside: string,
  labels: readonly string[] | undefined,
  fail: (message: string) => void,
): Template {
  const [variable = '', ...filters] = inside.split('|').map((word) => word.trim());
  if (Object.hasOwn(NUMBERS, variable)) {
    const field = NUMBERS[variable as keyof typeof NUMBERS];
    const show = numberFilter(filters, fail);
    return (data) => {
      const value = data[field];
      return value === undefined ? NOTHING : show(value);
    };
  }
  const read = textVariable(variable, labels, fail);
  const change = textFilter(filters, fail);
  return (data) => change(read(data) ?? NOTHING);
}

function textVariable(
  variable: string,
  labels: readonly string[] | undefined,
  fail: (message: string) => void,
): (data: TemplateData) => string | undefined {
  if (Object.hasOwn(TEXTS, variable)) {
    const field = TEXTS[variable as keyof typeof TEXTS];
    return (data) => data[field];
  }
  const label = /^\$labels\.([a-zA-Z_]\w*)$/.exec(variable)?.[1];
  if (label === undefined) {
    fail(`\`${variable}\` is no variable; ${suggest(variable, VARIABLES)}`);
  } else if (labels && !labels.includes(label)) {
    const known = labels.map((name) => `$labels.${name}`);
    fail(
      known.length === 0
        ? `\`${variable}\`: the alerts of this rule have no labels; add some to \`groupBy\``
        : `\`${variable}\` is no label of this rule; ${suggest(variable, known)}`,
    );
  }
  return (data) =>
    label !== undefined && Object.hasOwn(data.labels, label) ? data.labels[label] : undefined;
}

function numberFilter(
  names: readonly string[],
  fail: (message: string) => void,
): (value: number) => string {
  const [first, ...others] = names;
  if (first === undefined) return formatNumber;
  const filter = Object.hasOwn(NUMBER_FILTERS, first) ? NUMBER_FILTERS[first] : undefined;
  if (!filter)
    fail(`\`${first}\` is no filter of a number; ${suggest(first, Object.keys(NUMBER_FILTERS))}`);
  const after = textFilter(others, fail);
  return (value) => after((filter ?? formatNumber)(value));
}

function textFilter(
  names: readonly string[],
  fail: (message: string) => void,
): (value: string) => string {
  const filters = names.flatMap((name) => {
    const filter = Object.hasOwn(TEXT_FILTERS, name) ? TEXT_FILTERS[name] : undefined;
    if (!filter)
      fail(`\`${name}\` is no filter of a text; ${suggest(name, Object.keys(TEXT_FILTERS))}`);
    return filter ?? [];
  });
  return (value) => filters.reduce((text, filter) => filter(text), value);
}
