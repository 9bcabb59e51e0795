import { computed, effect, signal } from '@preact/signals';

export type ThemeChoice = 'system' | 'light' | 'dark';

const STORAGE_KEY = 'perfscope.theme';
const systemIsDark = matchMedia('(prefers-color-scheme: dark)');
const isSystemDark = signal(systemIsDark.matches);
systemIsDark.addEventListener('change', ({ matches }) => {
  isSystemDark.value = matches;
});

/** The theme that the user chose. */
export const themeChoice = signal<ThemeChoice>(readChoice());
export const theme = computed((): 'light' | 'dark' => {
  if (themeChoice.value !== 'system') return themeChoice.value;
  return isSystemDark.value ? 'dark' : 'light';
});

effect(() => {
  document.documentElement.dataset.theme = theme.value;
});

export function setTheme(choice: ThemeChoice): void {
  themeChoice.value = choice;
  try {
    localStorage.setItem(STORAGE_KEY, choice);
  } catch {
    // The browser forbids the storage. The choice lasts until the page is closed.
  }
}

function readChoice(): ThemeChoice {
  try {
    const value = localStorage.getItem(STORAGE_KEY);
    return value === 'light' || value === 'dark' ? value : 'system';
  } catch {
    return 'system';
  }
}

/** Returns the value of a color variable of the current theme, for example `--grid`. */
export function getColor(variable: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(variable).trim();
}

/** Number of colors for series. More series than this repeat the colors. */
const SERIES_COLORS = 8;

/** Returns the CSS variable with the color of a series. */
export function seriesColor(index: number): string {
  return `--series-${(index % SERIES_COLORS) + 1}`;
}

/** Colors with a fixed meaning, so that a part has the same color in every view. */
export const PART_COLORS = {
  database: '--series-1',
  outgoing: '--series-2',
  queue: '--series-3',
  connectionWait: '--series-4',
  eventLoopWait: '--series-5',
  own: '--series-6',
} as const;
/** The color of functions that the application traces. They contain the other parts. */
export const FUNCTION_COLOR = '--series-8';
