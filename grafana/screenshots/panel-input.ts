import type { ColumnType } from '../../test/support/check-dashboards.ts';
import type { PanelJson } from '../../test/support/dashboard-json.ts';

/** The result of a query. Times are in ms since the epoch. */
export interface ResultTable {
  readonly columns: readonly string[];
  readonly types: readonly ColumnType[];
  readonly rows: readonly Readonly<Record<string, unknown>>[];
}

/** A panel to draw, with the result of its query. */
export interface PanelInput {
  readonly panel: PanelJson;
  readonly result: ResultTable | undefined;
}

/** A mark on the time axis. Times are in ms since the epoch. */
export interface AnnotationMark {
  readonly timeMs: number;
  /** End of a region. Default: a mark without an end. */
  readonly endMs?: number | undefined;
  readonly color: string;
  /** IDs of the panels that don't show the mark. */
  readonly excludedPanels: readonly number[];
}

/** Everything that the page needs to draw a dashboard. */
export interface DashboardInput {
  readonly title: string;
  readonly panels: readonly PanelInput[];
  readonly annotations: readonly AnnotationMark[];
  readonly fromMs: number;
  readonly toMs: number;
}

declare global {
  /** Draws a dashboard. The page defines this function. */
  var drawDashboard: (input: DashboardInput) => void;
}
