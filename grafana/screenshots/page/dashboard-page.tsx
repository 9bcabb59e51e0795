import {
  type DataFrame,
  type DisplayValue,
  getDisplayValueAlignmentFactors,
  reduceField,
  ThemeContext,
} from '@grafana/data';
import {
  BigValue,
  BigValueColorMode,
  BigValueGraphMode,
  BigValueJustifyMode,
  BigValueTextMode,
  GlobalStyles,
  PanelChrome,
  PortalContainer,
  VizRepeater,
} from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';
import { createRoot } from 'react-dom/client';
import type { DashboardInput, PanelInput } from '../panel-input.ts';
import { HeatmapPanel } from './heatmap-panel.tsx';
import { THEME, toDataFrame } from './panel-data.ts';
import { StateTimelinePanel } from './state-timeline-panel.tsx';
import { TimeSeriesPanel, toTimeRange } from './time-series-panel.tsx';

/** Grafana's grid: 24 columns, rows of 30 px, and gaps of 8 px. */
const COLUMNS = 24;
const ROW_HEIGHT = 30;
const GAP = 8;
const PADDING = 16;
/** Height of Grafana's navigation, title, variables, and time picker, which the page leaves empty. */
const HEADER_HEIGHT = 56;

globalThis.drawDashboard = (input) => {
  const element = document.createElement('div');
  document.body.replaceChildren(element);
  createRoot(element).render(
    <ThemeContext.Provider value={THEME}>
      <GlobalStyles />
      <Dashboard input={input} />
      <PortalContainer />
    </ThemeContext.Provider>,
  );
};

function Dashboard({ input }: { readonly input: DashboardInput }) {
  const columnWidth = (innerWidth - 2 * PADDING + GAP) / COLUMNS;
  const bottom = Math.max(...input.panels.map(({ panel: { gridPos } }) => gridPos.y + gridPos.h));
  const height = HEADER_HEIGHT + bottom * (ROW_HEIGHT + GAP) + PADDING;
  return (
    <div style={{ position: 'relative', height, background: THEME.colors.background.canvas }}>
      <h1 style={{ margin: 0, padding: PADDING, fontSize: 18 }}>{input.title}</h1>
      {input.panels.map((each) => {
        const { x, y, w, h } = each.panel.gridPos;
        const style = {
          position: 'absolute' as const,
          left: PADDING + x * columnWidth,
          top: HEADER_HEIGHT + y * (ROW_HEIGHT + GAP),
        };
        const [width, panelHeight] = [w * columnWidth - GAP, h * (ROW_HEIGHT + GAP) - GAP];
        return (
          <div key={each.panel.id} style={style}>
            <PanelChrome title={each.panel.title} width={width} height={panelHeight}>
              {(innerWidth, innerHeight) => (
                <PanelContent {...each} input={input} width={innerWidth} height={innerHeight} />
              )}
            </PanelChrome>
          </div>
        );
      })}
    </div>
  );
}

interface ContentProps extends PanelInput {
  readonly input: DashboardInput;
  readonly width: number;
  readonly height: number;
}

function PanelContent({ panel, result, input, width, height }: ContentProps) {
  const frame = toDataFrame({ panel, result });
  if (panel.type === 'stat') return <StatPanel frame={frame} width={width} height={height} />;
  if (frame.length === 0) return <NoData text={panel.fieldConfig.defaults.noValue} />;
  if (panel.type === 'heatmap') {
    return <HeatmapPanel frame={frame} range={input} width={width} height={height} />;
  }
  if (panel.type === 'state-timeline') {
    return <StateTimelinePanel frame={frame} range={input} width={width} />;
  }
  if (panel.type === 'table') {
    const { maxRowHeight } = (panel.options ?? {}) as { maxRowHeight?: number };
    return (
      <TableNG
        data={frame}
        width={width}
        height={height}
        noValue=""
        {...(maxRowHeight !== undefined && { maxRowHeight })}
      />
    );
  }
  const marks = input.annotations.filter(
    ({ excludedPanels }) => !excludedPanels.includes(panel.id),
  );
  return (
    <TimeSeriesPanel
      frame={frame}
      range={toTimeRange(input)}
      width={width}
      height={height}
      legend={(panel.options?.legend ?? {}) as object}
      marks={marks}
    />
  );
}

function NoData({ text = 'No data' }: { readonly text?: string | undefined }) {
  return <div style={{ textAlign: 'center', color: THEME.colors.text.secondary }}>{text}</div>;
}

interface StatProps {
  readonly frame: DataFrame;
  readonly width: number;
  readonly height: number;
}

/** Shows the last value of each numeric column, as the stat panel does. */
function StatPanel({ frame, width, height }: StatProps) {
  const fields = frame.fields.filter(({ type }) => type !== 'time');
  const values = fields.flatMap((field): DisplayValue[] => {
    const last = reduceField({ field, reducers: ['lastNotNull'] }).lastNotNull ?? null;
    return [{ ...field.display!(last), title: field.name }];
  });
  if (values.length === 0) return <NoData />;
  return (
    <VizRepeater
      source={values}
      getValues={() => values}
      getAlignmentFactors={(all) =>
        getDisplayValueAlignmentFactors(all.map((display) => ({ display }) as never))
      }
      renderValue={({ value, width: each, height: eachHeight, alignmentFactors, count }) => (
        <BigValue
          value={value}
          width={each}
          height={eachHeight}
          theme={THEME}
          count={count}
          alignmentFactors={alignmentFactors}
          colorMode={BigValueColorMode.Value}
          graphMode={BigValueGraphMode.None}
          justifyMode={BigValueJustifyMode.Auto}
          textMode={count > 1 ? BigValueTextMode.ValueAndName : BigValueTextMode.Value}
        />
      )}
      width={width}
      height={height}
      orientation={'auto' as never}
      renderCounter={0}
    />
  );
}
