import { signal } from '@preact/signals';
import { Menu as MenuIcon, Search } from 'lucide';
import { Fragment } from 'preact';
import { liveState, setPaused } from '../api/live.ts';
import { serverNow } from '../api/server-clock.ts';
import { Menu } from '../design/controls.tsx';
import { Icon } from '../design/icon.tsx';
import {
  COMPARISONS,
  formatRange,
  LAST_RANGES,
  moveRange,
  nameComparison,
  parseRange,
  type TimeRange,
} from '../url/time-range.ts';
import {
  comparison,
  linkWith,
  range,
  setParameters,
  setRange,
  zoneChoice,
} from '../url/view-state.ts';
import { FilterMenus } from './filters.tsx';

export interface Heading {
  /** Links to the more general views. */
  readonly crumbs?: readonly { readonly label: string; readonly href: string }[];
  readonly title: string;
  /** For example the method and template of an endpoint. */
  readonly isCode?: boolean;
}

/** The heading that the current view has set. */
export const heading = signal<Heading>({ title: '' });
export const isMenuOpen = signal(false);
export const isPaletteOpen = signal(false);

/** The title of the view, and the time range, the comparison, and the filters of all figures. */
export function Header() {
  const { crumbs = [], title, isCode } = heading.value;
  return (
    <header class="header">
      <button
        type="button"
        class="button menu-button"
        aria-controls="navigation"
        aria-expanded={isMenuOpen.value}
        aria-label="Views"
        onClick={() => {
          isMenuOpen.value = !isMenuOpen.value;
        }}
      >
        <Icon node={MenuIcon} />
      </button>
      <h1>
        {/* New elements for each heading, because an element that moves is a layout shift. */}
        <Fragment key={JSON.stringify([crumbs, title])}>
          {crumbs.length > 0 && (
            <span class="crumbs">
              {crumbs.map(({ label, href }) => (
                <a key={href} class="name" href={href}>
                  {label} <span aria-hidden="true">/</span>
                </a>
              ))}
            </span>
          )}
          <span class={`name ${isCode ? 'mono' : ''}`} title={title}>
            {title}
          </span>
        </Fragment>
      </h1>
      <FilterMenus />
      <RangeMenu />
      <CompareMenu />
      <LiveButton />
      <button
        type="button"
        class="button"
        aria-keyshortcuts="Control+K Meta+K"
        title="Search"
        onClick={() => {
          isPaletteOpen.value = true;
        }}
      >
        <Icon node={Search} size={14} />
        <span class="visually-hidden">Search</span>
        <span class="label">Ctrl K</span>
      </button>
    </header>
  );
}

function RangeMenu() {
  const current = range.value;
  const zone = zoneChoice.value;
  const choose = (value: TimeRange, close: () => void) => {
    setRange(value);
    close();
  };
  return (
    <Menu
      label={<b>{formatRange(current, zone)}</b>}
      ariaLabel={`Time range: ${formatRange(current, zone)}`}
    >
      {(close) => (
        <>
          {LAST_RANGES.map(([last, label]) => (
            <button
              key={last}
              type="button"
              class="option"
              aria-pressed={'last' in current && current.last === last}
              onClick={() => choose({ last }, close)}
            >
              {label}
            </button>
          ))}
          <CustomRange onChoose={(value) => choose(value, close)} />
          <div class="buttons">
            {(['back', 'forward', 'out'] as const).map((direction) => (
              <button
                key={direction}
                type="button"
                class="button"
                onClick={() => setRange(moveRange(current, serverNow(), direction))}
              >
                {{ back: '← Earlier', forward: 'Later →', out: 'Zoom out' }[direction]}
              </button>
            ))}
          </div>
          <fieldset class="buttons" style={{ border: 0, padding: '6px 0 0', margin: 0 }}>
            <legend class="visually-hidden">Time zone</legend>
            {(['browser', 'utc'] as const).map((choice) => (
              <button
                key={choice}
                type="button"
                class="button"
                data-kind={zone === choice ? 'primary' : undefined}
                aria-pressed={zone === choice}
                onClick={() =>
                  setParameters({ tz: choice === 'utc' ? 'utc' : undefined }, { replace: true })
                }
              >
                {choice === 'utc' ? 'UTC' : 'Browser time'}
              </button>
            ))}
          </fieldset>
        </>
      )}
    </Menu>
  );
}

/** A form for any range. Times are in the time zone of the page. */
function CustomRange({ onChoose }: { onChoose: (range: TimeRange) => void }) {
  const toTime = (value: FormDataEntryValue | null) => {
    const text = String(value ?? '');
    if (text === '') return '';
    return zoneChoice.value === 'utc' ? `${text}Z` : new Date(text).toISOString();
  };
  return (
    <form
      style={{ display: 'grid', gap: '6px', padding: '6px 9px' }}
      onSubmit={(event) => {
        event.preventDefault();
        const data = new FormData(event.currentTarget);
        const parameters = new URLSearchParams({
          from: toTime(data.get('from')),
          to: toTime(data.get('to')),
        });
        const chosen = parseRange(parameters, serverNow());
        if (chosen) onChoose(chosen);
        else event.currentTarget.querySelector('input')?.focus();
      }}
    >
      <label class="field">
        <span>From</span>
        <input class="input" type="datetime-local" name="from" required />
      </label>
      <label class="field">
        <span>To (empty: now)</span>
        <input class="input" type="datetime-local" name="to" />
      </label>
      <button type="submit" class="button">
        Show this range
      </button>
    </form>
  );
}

function CompareMenu() {
  return (
    <Menu
      label={
        <>
          <span class="label">Compare</span> <b>{nameComparison(comparison.value) ?? 'off'}</b>
        </>
      }
    >
      {(close) =>
        ([[undefined, 'Off'], ...COMPARISONS] as const).map(([name, label]) => (
          <a
            key={label}
            class="option"
            href={linkWith({ compare: name })}
            aria-current={name === comparison.value ? 'true' : undefined}
            onClick={close}
          >
            {label}
          </a>
        ))
      }
    </Menu>
  );
}

const LIVE_LABELS = {
  live: 'Live',
  paused: 'Paused',
  fixed: 'Fixed range',
  disconnected: 'Disconnected',
} as const;

/** Says whether the page follows new measurements, and pauses or resumes it. */
function LiveButton() {
  const state = liveState.value;
  const toggle = () => {
    if (state === 'fixed') setRange({ last: '1h' });
    else setPaused(state === 'live');
  };
  const title = {
    live: 'New measurements appear by themselves. Press to pause.',
    paused: 'Press to follow new measurements.',
    fixed: 'The range has a fixed end. Press to show the last hour.',
    disconnected: 'The server does not answer.',
  }[state];
  return (
    <button
      type="button"
      class="button"
      data-live={state}
      title={title}
      disabled={state === 'disconnected'}
      onClick={toggle}
    >
      <span
        class="dot"
        data-kind={state === 'live' ? 'ok' : state === 'disconnected' ? 'critical' : 'none'}
      />
      {LIVE_LABELS[state]}
    </button>
  );
}
