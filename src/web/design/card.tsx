import type { ComponentChildren } from 'preact';

export interface CardProps {
  readonly title?: ComponentChildren;
  /** Short text at the right of the title. */
  readonly note?: ComponentChildren;
  /** Width in columns of a grid with 12 columns. Small screens use the full width. @default 12 */
  readonly span?: 3 | 4 | 5 | 6 | 7 | 8 | 9 | 12;
  readonly class?: string;
  readonly children?: ComponentChildren;
}

/** A bordered area with a title. */
export function Card({ title, note, span = 12, class: extra = '', children }: CardProps) {
  return (
    <section class={`card ${span === 12 ? '' : `span-${span}`} ${extra}`}>
      {(title || note) && (
        <header>
          {title && <h2>{title}</h2>}
          {note && <span class="note">{note}</span>}
        </header>
      )}
      {children}
    </section>
  );
}
