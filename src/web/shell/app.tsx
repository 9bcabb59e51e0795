import type { ComponentType } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { onRecovery, unreachableSince } from '../api/connection.ts';
import { caller, isAllowed, loadCaller, noteApiError, signInReason } from '../api/session.ts';
import { EmptyState } from '../design/states.tsx';
import { currentLocation, type ViewParameters } from '../url/location.ts';
import { linkTo } from '../url/view-state.ts';
import { findRoute, type Route } from '../views/routes.ts';
import { Banners } from './banners.tsx';
import { CommandPalette } from './command-palette.tsx';
import { Header, heading, isMenuOpen, isPaletteOpen } from './header.tsx';
import { Navigation } from './navigation.tsx';
import { SignIn } from './sign-in.tsx';

type View = ComponentType<{ parameters: ViewParameters }>;

onRecovery(() => {
  if (caller.value === undefined) loadCaller().catch(noteApiError);
});

/** The page: navigation, header, and the view of the current location. */
export function App() {
  const content = useRef<HTMLElement>(null);
  const { path, parameters: query } = currentLocation.value;
  const found = findRoute(path);
  useEffect(() => {
    isMenuOpen.value = false;
  }, [path]);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() === 'k' && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        isPaletteOpen.value = !isPaletteOpen.value;
      }
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, []);
  if (caller.value === undefined) return signInReason.value ? <SignIn /> : <Starting />;
  const identity = [
    found?.route.path,
    ...(found?.route.identity ?? []).map((name) => query.getAll(name)),
  ];
  return (
    <>
      <button type="button" class="skip-link" onClick={() => content.current?.focus()}>
        Skip to the content
      </button>
      <div
        class="shell"
        data-stale={unreachableSince.value === undefined ? undefined : ''}
        data-menu-open={isMenuOpen.value ? '' : undefined}
      >
        <Navigation current={found?.route} />
        {isMenuOpen.value && (
          <button
            type="button"
            class="scrim"
            aria-label="Close the menu"
            onClick={() => {
              isMenuOpen.value = false;
            }}
          />
        )}
        <div class="main">
          <Header />
          <Banners />
          <main class="content" ref={content} tabIndex={-1}>
            {found ? (
              <LoadedView
                key={JSON.stringify(identity) + JSON.stringify(found.parameters)}
                {...found}
              />
            ) : (
              <UnknownView />
            )}
          </main>
        </div>
      </div>
      {isPaletteOpen.value && <CommandPalette />}
      <SignIn />
    </>
  );
}

/** Views are loaded when they are opened first. */
const loadedViews = new Map<Route, View>();

function LoadedView({ route, parameters }: { route: Route; parameters: ViewParameters }) {
  const [view, setView] = useState<View | undefined>(() => loadedViews.get(route));
  const [error, setError] = useState<Error>();
  // Before the effects of the view, which can set a more specific heading.
  useLayoutEffect(() => {
    heading.value = { title: route.title };
    document.title = `${route.title} · Perfscope`;
  }, []);
  useEffect(() => {
    if (view) return;
    route.load().then(
      ({ default: component }) => {
        loadedViews.set(route, component);
        setView(() => component);
      },
      (reason: Error) => setError(reason),
    );
  }, []);
  if (route.permission && !isAllowed(route.permission)) {
    return (
      <EmptyState title="Your role does not include this view">
        Ask an administrator of this server for a key with the role ADMIN.
      </EmptyState>
    );
  }
  if (error) {
    return (
      <EmptyState title="The view could not be loaded">
        The server may have been updated. Reload the page. ({error.message})
      </EmptyState>
    );
  }
  const Current = view;
  return Current ? <Current parameters={parameters} /> : null;
}

function UnknownView() {
  useEffect(() => {
    heading.value = { title: 'Not found' };
    document.title = 'Not found · Perfscope';
  }, []);
  return (
    <EmptyState title="There is no such view">
      The link may be from another version. <a href={linkTo('/')}>Go to the overview</a>
    </EmptyState>
  );
}

/** Shown until the server has said who the caller is. */
function Starting() {
  return (
    <div class="shell" aria-busy="true">
      <div class="navigation" />
      <div class="main">
        <div class="header" />
        {unreachableSince.value !== undefined && <Banners />}
      </div>
    </div>
  );
}
