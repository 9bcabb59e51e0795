import type { TargetedKeyboardEvent } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { useApi } from '../api/queries.ts';
import { rangeQuery } from '../api/range-query.ts';
import { isAllowed } from '../api/session.ts';
import { incidentLink } from '../data/incident-names.tsx';
import { navigate } from '../url/location.ts';
import { linkTo } from '../url/view-state.ts';
import { ROUTES } from '../views/routes.ts';
import { isPaletteOpen } from './header.tsx';

interface Entry {
  readonly kind: string;
  readonly label: string;
  readonly note?: string | undefined;
  readonly href: string;
}

const MAX_PER_KIND = 6;
const DELAY_MS = 120;
/** Preact's types allow this role only with a `list`. */
const COMBOBOX: object = { role: 'combobox' };

/** Finds any view, service, endpoint, queue, tenant, incident, or alert by a part of its name. */
export function CommandPalette() {
  const dialog = useRef<HTMLDialogElement>(null);
  const [text, setText] = useState('');
  const [selected, setSelected] = useState(0);
  // In the same task as Ctrl-K, so that the input receives all keys that follow.
  useLayoutEffect(() => dialog.current?.showModal(), []);
  const close = () => {
    isPaletteOpen.value = false;
  };
  const entries = useEntries(useDelayed(text.trim()), text.trim());
  const index = Math.min(selected, Math.max(0, entries.length - 1));
  const open = (entry: Entry | undefined) => {
    if (!entry) return;
    close();
    navigate(entry.href);
  };
  const onKeyDown = (event: TargetedKeyboardEvent<HTMLElement>) => {
    if (event.key === 'Enter') open(entries[index]);
    else if (event.key === 'ArrowDown') setSelected(Math.min(index + 1, entries.length - 1));
    else if (event.key === 'ArrowUp') setSelected(Math.max(index - 1, 0));
    else return;
    event.preventDefault();
  };
  return (
    <dialog
      class="dialog palette"
      ref={dialog}
      aria-label="Search"
      onClose={close}
      onClick={(event) => {
        if (event.target === dialog.current) close();
      }}
    >
      <input
        type="text"
        {...COMBOBOX}
        aria-expanded="true"
        aria-controls="palette-results"
        aria-activedescendant={entries.length > 0 ? `palette-${index}` : undefined}
        aria-label="Search for a view, service, endpoint, queue, tenant, incident, or alert"
        placeholder="View, service, endpoint, queue, tenant, incident, or alert"
        value={text}
        onInput={(event) => {
          setText(event.currentTarget.value);
          setSelected(0);
        }}
        onKeyDown={onKeyDown}
      />
      <div class="results" id="palette-results" role="listbox" aria-label="Results">
        {entries.map((entry, position) => (
          <Result
            key={entry.href + entry.label}
            {...{ entry, position, open }}
            isSelected={position === index}
            isFirst={entries[position - 1]?.kind !== entry.kind}
          />
        ))}
        {entries.length === 0 && (
          <p class="muted" style={{ padding: '10px' }}>
            Nothing in this time range has this name.
          </p>
        )}
      </div>
    </dialog>
  );
}

interface ResultProps {
  readonly entry: Entry;
  readonly position: number;
  readonly isSelected: boolean;
  /** Whether it is the first of its kind. */
  readonly isFirst: boolean;
  readonly open: (entry: Entry) => void;
}

function Result({ entry, position, isSelected, isFirst, open }: ResultProps) {
  const element = useRef<HTMLAnchorElement>(null);
  useEffect(() => {
    if (isSelected) element.current?.scrollIntoView({ block: 'nearest' });
  }, [isSelected]);
  return (
    <>
      {isFirst && (
        <div class="group" role="presentation">
          {entry.kind}
        </div>
      )}
      <a
        class="option"
        id={`palette-${position}`}
        ref={element}
        role="option"
        aria-selected={isSelected}
        href={entry.href}
        tabIndex={-1}
        onClick={(event) => {
          event.preventDefault();
          open(entry);
        }}
      >
        <span class="name truncate">{entry.label}</span>
        <span class="faint truncate">{entry.note}</span>
      </a>
    </>
  );
}

/** Returns the text after the user has stopped typing for a moment. */
function useDelayed(text: string): string {
  const [delayed, setDelayed] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setDelayed(text), DELAY_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return delayed;
}

function useEntries(search: string, text: string): Entry[] {
  const base = { ...rangeQuery.value, limit: MAX_PER_KIND, ...(search && { search }) };
  const services = useApi('values', { ...base, dimension: 'service' });
  const queues = useApi('values', { ...base, dimension: 'queue' });
  const tenants = useApi('values', { ...base, dimension: 'organizationId' });
  const endpoints = useApi(
    'values',
    { ...base, dimension: 'endpoint' },
    { enabled: search !== '' },
  );
  const alerts = useApi('alerts', { state: ['pending', 'firing', 'acknowledged'] });
  const incidents = useApi('incidents', { state: ['open'] });
  const needle = text.toLowerCase();
  const matches = (...texts: (string | undefined)[]) =>
    texts.some((value) => value?.toLowerCase().includes(needle));
  const toEntries = (
    kind: string,
    values: readonly { value: string }[] = [],
    toLink: (value: string) => string,
  ) =>
    values
      .filter(({ value }) => matches(value))
      .map(({ value }) => ({ kind, label: value, href: toLink(value) }));
  const views = ROUTES.filter(
    ({ keywords, permission, title }) =>
      keywords && (!permission || isAllowed(permission)) && matches(title, keywords),
  ).map(({ title, path }) => ({ kind: 'Views', label: title, href: linkTo(path) }));
  const firing = (alerts.data?.alerts ?? [])
    .map(({ id, rule, annotations, state }) => ({
      kind: 'Alerts',
      label: annotations.summary || rule,
      note: state,
      href: linkTo(`/alerts/${encodeURIComponent(id)}`),
    }))
    .filter(({ label }) => matches(label))
    .slice(0, MAX_PER_KIND);
  const open = (incidents.data?.incidents ?? [])
    .map(({ id, title, severity }) => ({
      kind: 'Incidents',
      label: title.replaceAll('`', ''),
      note: severity,
      href: incidentLink(id),
    }))
    .filter(({ label }) => matches(label))
    .slice(0, MAX_PER_KIND);
  return [
    ...toEntries('Services', services.data?.values, (service) => linkTo('/service', { service })),
    ...(text === ''
      ? []
      : toEntries('Endpoints', endpoints.data?.values, (endpoint) =>
          linkTo('/endpoint', { endpoint }),
        )),
    ...toEntries('Queues', queues.data?.values, (queue) => linkTo('/queue', { queue })),
    ...toEntries('Tenants', tenants.data?.values, (tenant) => linkTo('/tenants', { tenant })),
    ...open,
    ...firing,
    ...views,
  ];
}
