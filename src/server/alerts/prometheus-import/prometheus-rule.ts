/** Where a rule is in its file. Lines and columns start at 1. */
export interface RulePosition {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** One rule of a Prometheus rule file. */
export interface PrometheusRule extends RulePosition {
  /** Name of the alert, or of the series of a recording rule. */
  readonly name: string;
  readonly isRecording: boolean;
  readonly expr: string;
  /** Position of the expression. */
  readonly exprPosition: RulePosition;
  readonly forMs: number;
  readonly keepFiringForMs: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}
