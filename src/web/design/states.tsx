import type { ComponentChildren } from 'preact';
import { ApiError } from '../../client/api-request.ts';
import type { ApiState } from '../api/queries.ts';

export interface EmptyProps {
  /** What is missing. */
  readonly title: string;
  /** Why it is missing, and what to do next. */
  readonly children?: ComponentChildren;
}

/** Says why there is nothing to show, and what to do next. */
export function EmptyState({ title, children }: EmptyProps) {
  return (
    <div class="state">
      <h3>{title}</h3>
      {children && <p>{children}</p>}
    </div>
  );
}

/** Says what failed, and what to do next. */
export function ErrorState({ error }: { error: Error }) {
  const { title, text } = describeError(error);
  return (
    <div class="state" role="alert">
      <h3>{title}</h3>
      <p>{text}</p>
      {error instanceof ApiError && error.code && <p class="mono faint">{error.code}</p>}
    </div>
  );
}

function describeError(error: Error): { title: string; text: string } {
  if (!(error instanceof ApiError)) {
    return { title: 'The request failed', text: error.message };
  }
  if (error.status === 403) {
    return { title: 'Your role does not include this data', text: error.message };
  }
  if (error.status === 404) return { title: 'Not found', text: error.message };
  if (error.status === 429) {
    return { title: 'Too many requests', text: 'The page tries again in a few seconds.' };
  }
  return { title: 'Perfscope could not answer', text: error.message };
}

/** A gray area of the size of the content that is being loaded. `height` is in px. */
export function Skeleton({ height }: { height: number }) {
  return <div class="skeleton" style={{ height: `${height}px` }} aria-hidden="true" />;
}

export interface LoadedProps<T> {
  readonly state: ApiState<T>;
  /** Reserved height, in px. Content that becomes taller moves the cards below it. */
  readonly height: number;
  readonly children: (data: T) => ComponentChildren;
}

/** Shows an answer of the API, or a placeholder of the same height while it is loaded. */
export function Loaded<T>({ state, height, children }: LoadedProps<T>) {
  if (state.data !== undefined) {
    return (
      <div
        class="loaded"
        style={{ '--reserved': `${height}px` }}
        data-previous={state.isPrevious || undefined}
      >
        {children(state.data)}
      </div>
    );
  }
  return (
    <div style={{ minHeight: `${height}px` }} aria-busy={state.error ? undefined : true}>
      {state.error ? <ErrorState error={state.error} /> : <Skeleton height={height} />}
    </div>
  );
}
