import { findDimension } from './prometheus-metrics.ts';
import type { Quantity } from './quantity.ts';

/** What annotations of a rule can refer to. */
export interface AnnotationContext {
  /** Labels of the rule's groups. */
  readonly labels: readonly string[];
  /** Labels with one value, by their names in Prometheus. */
  readonly constants: Readonly<Record<string, string>>;
  readonly unit: Quantity['unit'];
  /** Whether the value in Perfscope differs from the value in Prometheus. */
  readonly isConverted: boolean;
}

const VALUE_TEMPLATES: Readonly<Partial<Record<Quantity['unit'], string>>> = {
  ms: '{{ $value | humanizeDuration }}',
  '%': '{{ $value | humanizePercentage }}',
  By: '{{ $value | humanizeBytes }}',
  '1/min': '{{ $value | humanize }}/min',
};

/** Functions of Prometheus templates with an equivalent filter. */
const FILTERS: Readonly<Record<string, string>> = {
  humanize: 'humanize',
  humanize1024: 'humanizeBytes',
  humanizeDuration: 'humanizeDuration',
  humanizePercentage: 'humanizePercentage',
  toUpper: 'toUpper',
  toLower: 'toLower',
};

/** A template action, and a unit that follows a value. */
const ACTION = /\{\{([^{}]*)\}\}( ?(?:%|(?:ms|s|seconds|milliseconds|bytes|req\/s|rps)\b))?/g;

/**
 * Converts the templates of an annotation.
 *
 * @param warn called with each template that has no equivalent. It is replaced by a text.
 */
export function translateAnnotation(
  text: string,
  context: AnnotationContext,
  warn: (message: string) => void,
): string {
  return text
    .replaceAll(ACTION, (match, inside: string, unit = '') => {
      // Dashes at the ends remove spaces around the action.
      const action = inside.replace(/^-/, '').replace(/-$/, '').trim();
      const translated = translateAction(action, context, warn);
      if (translated === undefined) {
        warn(`the template \`${match.slice(0, 60)}\` was removed`);
        return '';
      }
      const isValue = translated.startsWith('{{ $value');
      // The filter adds the unit.
      return isValue && hasUnit(context) ? translated : `${translated}${unit}`;
    })
    .replaceAll(/[ \t]{2,}/g, ' ')
    .trim();
}

function hasUnit({ unit, isConverted }: AnnotationContext): boolean {
  return isConverted && VALUE_TEMPLATES[unit] !== undefined;
}

function translateAction(
  action: string,
  context: AnnotationContext,
  warn: (message: string) => void,
): string | undefined {
  const printf =
    /^printf\s+"([^"]*)"\s+(\S+)$/.exec(action) ?? /^(\S+)\s*\|\s*printf\s+"([^"]*)"$/.exec(action);
  if (printf) {
    const [, a = '', b = ''] = printf;
    const [format, operand] = action.startsWith('printf') ? [a, b] : [b, a];
    const inner = translateAction(operand, context, warn);
    const [, before = '', after = ''] = /^([^%]*)%[-+ #\d.]*[a-z](.*)$/.exec(format) ?? [];
    return inner === undefined
      ? undefined
      : `${before}${inner}${after.replaceAll('%%', hasUnit(context) ? '' : '%')}`;
  }
  const [subject = '', ...filters] = action.split('|').map((part) => part.trim());
  // `humanize $value` is the same as `$value | humanize`.
  const [, fn, argument] = /^(\w+)\s+(\$\S+|\.\S+)$/.exec(subject) ?? [];
  const all = fn === undefined ? filters : [fn, ...filters];
  const variable = argument ?? subject;
  if (all.some((name) => !Object.hasOwn(FILTERS, name))) return undefined;
  if (variable === '$value' || variable === '.Value') {
    if (hasUnit(context)) return VALUE_TEMPLATES[context.unit];
    const names = all.map((name) => FILTERS[name]!);
    return `{{ ${['$value', ...names].join(' | ')} }}`;
  }
  const [, label] = /^(?:\$labels|\.Labels)\.(\w+)$/.exec(variable) ?? [];
  return label === undefined ? undefined : translateLabel(label, context, warn);
}

function translateLabel(
  label: string,
  { labels, constants }: AnnotationContext,
  warn: (message: string) => void,
): string {
  const names = [label, findDimension(label), findDimension(label, true)];
  const found = names.find((name) => name !== undefined && labels.includes(name));
  if (found !== undefined) return `{{ $labels.${found} }}`;
  if (Object.hasOwn(constants, label)) return constants[label]!;
  warn(`alerts have no label \`${label}\`, so the annotations contain \`(${label})\``);
  return `(${label})`;
}
