import { getColor } from '../../design/theme.ts';

const PADDING = 16;
const TITLE_HEIGHT = 28;
const LEGEND_LINE = 20;
const LEGEND_GAP = 18;
const FONT = 'Inter, ui-sans-serif, system-ui, sans-serif';

interface LegendItem {
  readonly color: string;
  readonly text: string;
}

/** Draws the charts of an element with a title and their legends, in the colors of the current theme. */
export async function saveChart(element: HTMLElement, title: string): Promise<Blob> {
  const charts = [...element.querySelectorAll<HTMLElement>('.chart')].map((chart) => ({
    canvas: chart.querySelector('canvas')!,
    legend: readLegend(chart),
  }));
  const scale = devicePixelRatio;
  const width = element.clientWidth + 2 * PADDING;
  const target = document.createElement('canvas');
  const context = target.getContext('2d')!;
  context.font = `12px ${FONT}`;
  const lines = charts.map(({ legend }) => layoutLegend(context, legend, width - 2 * PADDING));
  const height = charts.reduce(
    (sum, { canvas }, index) =>
      sum + canvas.height / scale + lines[index]!.length * LEGEND_LINE + PADDING,
    PADDING + TITLE_HEIGHT,
  );
  target.width = Math.round(width * scale);
  target.height = Math.round(height * scale);
  context.scale(scale, scale);
  context.fillStyle = getColor('--surface');
  context.fillRect(0, 0, width, height);
  context.textBaseline = 'middle';
  context.fillStyle = getColor('--text');
  context.font = `600 14px ${FONT}`;
  context.fillText(title, PADDING, PADDING + 7, width - 2 * PADDING);
  let y = PADDING + TITLE_HEIGHT;
  charts.forEach(({ canvas }, index) => {
    context.drawImage(canvas, PADDING, y, canvas.width / scale, canvas.height / scale);
    y += canvas.height / scale;
    context.font = `12px ${FONT}`;
    for (const line of lines[index]!) {
      drawLegend(context, line, y + LEGEND_LINE / 2);
      y += LEGEND_LINE;
    }
    y += PADDING;
  });
  return new Promise((resolve, reject) =>
    target.toBlob((blob) =>
      blob ? resolve(blob) : reject(new Error('The browser could not create the image.')),
    ),
  );
}

function readLegend(chart: HTMLElement): LegendItem[] {
  return [...chart.querySelectorAll<HTMLElement>('.chart-legend button')]
    .filter((button) => button.getAttribute('aria-pressed') !== 'false')
    .map((button) => {
      const swatch = button.querySelector('.swatch');
      const part = (selector: string) => button.querySelector(selector)?.textContent ?? '';
      return {
        color: swatch ? getComputedStyle(swatch).backgroundColor : '',
        text: `${part('.name')}  ${part('.value')}`,
      };
    });
}

type Line = readonly (LegendItem & { readonly x: number })[];

function layoutLegend(
  context: CanvasRenderingContext2D,
  items: readonly LegendItem[],
  width: number,
): Line[] {
  const lines: (LegendItem & { x: number })[][] = [];
  let x = Number.POSITIVE_INFINITY;
  for (const item of items) {
    const itemWidth = 14 + context.measureText(item.text).width;
    if (x + itemWidth > width) {
      lines.push([]);
      x = 0;
    }
    lines.at(-1)!.push({ ...item, x });
    x += itemWidth + LEGEND_GAP;
  }
  return lines;
}

function drawLegend(context: CanvasRenderingContext2D, line: Line, y: number): void {
  for (const { x, color, text } of line) {
    context.fillStyle = color;
    context.fillRect(PADDING + x, y - 4, 9, 9);
    context.fillStyle = getColor('--muted');
    context.fillText(text, PADDING + x + 14, y);
  }
}
