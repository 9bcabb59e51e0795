import { formatSuggestion } from '../../../core/config-files/format-suggestion.ts';
import { formatBytes, formatDuration, formatNumber, formatPercent } from '../../../core/format.ts';
import { toLabelName } from '../../../core/vocabulary.ts';

/** Filters for numbers. `humanizeDuration` takes ms, and `humanizePercentage` takes percent. */
const NUMBER_FILTERS: Readonly<Record<string, (value: number) => string>> = {
  humanize: formatNumber,
  humanizeDuration: formatDuration,
  humanizePercentage: (value) => formatPercent(value),
  humanizeBytes: formatBytes,
};

const TEXT_FILTERS: Readonly<Record<string, (value: string) => string>> = {
  toUpper: (value) => value.toUpperCase(),
  toLower: (value) => value.toLowerCase(),
};

/** The variables of a template. */
interface TemplateData {
  readonly rule: string;
  readonly severity: string;
  readonly value: number | undefined;
  readonly threshold: number | undefined;
  readonly labels: Readonly<Record<string, string>>;
}

export interface Template {
  (data: TemplateData): string;
  /** The text with its placeholders. Undefined for a single placeholder. */
  readonly text?: string | undefined;
  /** Formats a number in the same way as the template's first `$value`. Undefined without `$value`. */
  readonly formatValue?: ((value: number) => string) | undefined;
}

/** Text for a number or a label that an alert doesn't have. */
const MISSING_VALUE = '(none)';
const NUMBER_VARIABLES = { $value: 'value', $threshold: 'threshold' } as const;
const TEXT_VARIABLES = { $rule: 'rule', $severity: 'severity' } as const;
const VARIABLES = [
  ...Object.keys(NUMBER_VARIABLES),
  ...Object.keys(TEXT_VARIABLES),
  '$subject',
  '$labels.NAME',
];

/**
 * Parses a text with placeholders such as `{{ $variable | filter }}`.
 *
 * @param labels label names of the rule's alerts, or `undefined` if they are unknown
 * @param report called with each problem in a placeholder
 */
export function parseTemplate(
  text: string,
  labels: readonly string[] | undefined,
  report: (message: string) => void,
): Template {
  const parts: Template[] = [];
  let rest = text;
  for (;;) {
    const open = rest.indexOf('{{');
    if (open < 0) break;
    const close = rest.indexOf('}}', open);
    if (close < 0) {
      report('`{{` is not closed with `}}`');
      break;
    }
    const before = rest.slice(0, open);
    parts.push(() => before, parsePlaceholder(rest.slice(open + 2, close), labels, report));
    rest = rest.slice(close + 2);
  }
  const tail = rest;
  parts.push(() => tail);
  const { formatValue } = parts.find((part) => part.formatValue !== undefined) ?? {};
  const render = (data: TemplateData) => parts.map((part) => part(data)).join('');
  return Object.assign(render, { text, formatValue });
}

function parsePlaceholder(
  inside: string,
  labels: readonly string[] | undefined,
  report: (message: string) => void,
): Template {
  const [variable = '', ...filters] = inside.split('|').map((part) => part.trim());
  if (Object.hasOwn(NUMBER_VARIABLES, variable)) {
    const field = NUMBER_VARIABLES[variable as keyof typeof NUMBER_VARIABLES];
    const format = parseNumberFilters(filters, report);
    const render = (data: TemplateData) => {
      const value = data[field];
      return value === undefined ? MISSING_VALUE : format(value);
    };
    return Object.assign(render, { formatValue: field === 'value' ? format : undefined });
  }
  const read = parseTextVariable(variable, labels, report);
  const applyFilters = parseTextFilters(filters, report);
  return (data) => applyFilters(read(data) ?? MISSING_VALUE);
}

function parseTextVariable(
  variable: string,
  labels: readonly string[] | undefined,
  report: (message: string) => void,
): (data: TemplateData) => string | undefined {
  if (Object.hasOwn(TEXT_VARIABLES, variable)) {
    const field = TEXT_VARIABLES[variable as keyof typeof TEXT_VARIABLES];
    return (data) => data[field];
  }
  if (variable === '$subject') return ({ labels: found }) => formatSubject(found);
  const written = /^\$labels\.([a-zA-Z_]\w*)$/.exec(variable)?.[1];
  const isOther = written !== undefined && labels !== undefined && !labels.includes(written);
  const label = isOther ? toLabelName(written) : written;
  if (label === undefined) {
    report(`\`${variable}\` is not a variable; ${formatSuggestion(variable, VARIABLES)}`);
  } else if (labels && !labels.includes(label)) {
    const known = labels.map((name) => `$labels.${name}`);
    report(
      known.length === 0
        ? `\`${variable}\`: alerts of this rule have no labels; add dimensions to \`groupBy\``
        : `\`${variable}\` is not a label of this rule; ${formatSuggestion(variable, known)}`,
    );
  }
  return (data) =>
    label !== undefined && Object.hasOwn(data.labels, label) ? data.labels[label] : undefined;
}

/**
 * Returns the object that an alert is about, for rules whose groups have different labels: `booking POST /pay`,
 * `Queue emails`, or `web-2`.
 *
 * @returns `undefined` if no label names an object
 */
function formatSubject(labels: TemplateData['labels']): string | undefined {
  const { service, queue, host, operation, endpoint, property, organization } = labels;
  const first = service ?? (queue === undefined ? host : `Queue ${queue}`);
  const parts = [first, operation, endpoint].filter((part) => part !== undefined);
  return parts.length > 0 ? parts.join(' ') : (property ?? organization);
}

function parseNumberFilters(
  names: readonly string[],
  report: (message: string) => void,
): (value: number) => string {
  const [first, ...others] = names;
  if (first === undefined) return formatNumber;
  const filter = Object.hasOwn(NUMBER_FILTERS, first) ? NUMBER_FILTERS[first] : undefined;
  if (!filter)
    report(
      `\`${first}\` is not a filter for numbers; ${formatSuggestion(first, Object.keys(NUMBER_FILTERS))}`,
    );
  const applyTextFilters = parseTextFilters(others, report);
  return (value) => applyTextFilters((filter ?? formatNumber)(value));
}

function parseTextFilters(
  names: readonly string[],
  report: (message: string) => void,
): (value: string) => string {
  const filters = names.flatMap((name) => {
    const filter = Object.hasOwn(TEXT_FILTERS, name) ? TEXT_FILTERS[name] : undefined;
    if (!filter)
      report(
        `\`${name}\` is not a filter for text; ${formatSuggestion(name, Object.keys(TEXT_FILTERS))}`,
      );
    return filter ?? [];
  });
  return (value) => filters.reduce((text, filter) => filter(text), value);
}
