import type { DataFrame } from '@grafana/data';
import type { DashboardInput } from '../panel-input.ts';
import { THEME } from './panel-data.ts';

interface Props {
  readonly frame: DataFrame;
  readonly range: Pick<DashboardInput, 'fromMs' | 'toMs'>;
  readonly width: number;
}

const NAME_WIDTH = 150;

/** Draws one line of states for each series. A state lasts until the next one. */
export function StateTimelinePanel({ frame, range, width }: Props) {
  const [time, ...series] = frame.fields;
  const toX = (ms: number) =>
    ((width - NAME_WIDTH) * (ms - range.fromMs)) / (range.toMs - range.fromMs);
  return (
    <div>
      {series.map((field) => (
        <div key={field.name} style={{ display: 'flex', height: 28, alignItems: 'center' }}>
          <span style={{ width: NAME_WIDTH, overflow: 'hidden', whiteSpace: 'nowrap' }}>
            {field.name}
          </span>
          <span style={{ position: 'relative', flex: 1, height: 22 }}>
            {field.values.map((value, i) => {
              const fromX = toX(time!.values[i]);
              const toNextX = toX(time!.values[i + 1] ?? range.toMs);
              const shown = field.display!(value);
              const style = {
                position: 'absolute' as const,
                left: fromX,
                width: toNextX - fromX,
                height: 22,
                background: value === null ? 'transparent' : shown.color,
                color: THEME.colors.getContrastText(shown.color ?? '#000'),
                overflow: 'hidden',
              };
              const isFirst = value !== field.values[i - 1];
              return (
                <span key={time!.values[i]} style={style}>
                  {isFirst && value !== null ? shown.text : ''}
                </span>
              );
            })}
          </span>
        </div>
      ))}
    </div>
  );
}
