/** Advice for files with Prometheus rules. */
export const PROMETHEUS_HINT =
  'this is a Prometheus rule; translate the file with `npx perfscope rules import FILE`';
const RECIPIENT_HINT =
  'set recipients in the notification file (`PERFORMANCE_NOTIFY_FILE`), as `route` and `receivers`';
const SEVERITY_HINT = 'use the severity as a key of `thresholds`, such as `critical: 5000`';
const ANNOTATION_HINT = 'move it into `annotations`';

/** Advice for keys of a rule that belong to other files, or to other places in the file. */
export const RULE_KEY_HINTS: Readonly<Record<string, string>> = {
  alert: PROMETHEUS_HINT,
  expr: PROMETHEUS_HINT,
  keep_firing_for: 'use `keepFiringFor`',
  receiver: RECIPIENT_HINT,
  receivers: RECIPIENT_HINT,
  severity: SEVERITY_HINT,
  summary: ANNOTATION_HINT,
};

/** Advice for keys at the top level of a rules file. */
export const RULES_FILE_KEY_HINTS: Readonly<Record<string, string>> = {
  groups: PROMETHEUS_HINT,
  route: RECIPIENT_HINT,
  receivers: RECIPIENT_HINT,
  inhibit_rules: 'use `inhibit`, with the matchers in `source` and `target`',
};
