import { type IconNode, X } from 'lucide';
import type { ComponentChildren, TargetedKeyboardEvent } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { Icon } from './icon.tsx';

export type Kind = 'critical' | 'warning' | 'ok' | 'accent' | 'none';

/** A short label with a background, such as the state of an alert. */
export function Badge({
  kind,
  children,
}: {
  kind?: Kind | undefined;
  children: ComponentChildren;
}) {
  return (
    <span class="badge" data-kind={kind}>
      {children}
    </span>
  );
}

/** A dot whose color and shape show a state. The label is for screen readers. */
export function Dot({ kind, label }: { kind: Kind; label: string }) {
  return <span class="dot" data-kind={kind} role="img" aria-label={label} title={label} />;
}

export interface MenuProps {
  /** Content of the button. */
  readonly label: ComponentChildren;
  readonly ariaLabel?: string;
  readonly children: (close: () => void) => ComponentChildren;
}

/** A button that opens a list below it. Escape and clicks elsewhere close it. */
export function Menu({ label, ariaLabel, children }: MenuProps) {
  const [isOpen, setOpen] = useState(false);
  const anchor = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!isOpen) return undefined;
    const onPointer = (event: Event) => {
      if (!anchor.current?.contains(event.target as Node)) setOpen(false);
    };
    document.addEventListener('pointerdown', onPointer);
    anchor.current?.querySelector<HTMLElement>('.popover :is(input, a, button)')?.focus();
    return () => document.removeEventListener('pointerdown', onPointer);
  }, [isOpen]);
  const close = () => {
    setOpen(false);
    anchor.current?.querySelector('button')?.focus();
  };
  return (
    <div
      class="popover-anchor"
      ref={anchor}
      onKeyDown={(event) => {
        if (event.key === 'Escape' && isOpen) {
          event.stopPropagation();
          close();
        } else moveFocus(event);
      }}
    >
      <button
        type="button"
        class="button"
        aria-expanded={isOpen}
        aria-haspopup="true"
        aria-label={ariaLabel}
        onClick={() => setOpen(!isOpen)}
      >
        {label}
      </button>
      {isOpen && <div class="popover">{children(close)}</div>}
    </div>
  );
}

/** The arrow keys move the focus in an open list. */
function moveFocus(event: TargetedKeyboardEvent<HTMLDivElement>): void {
  if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
  const items = [
    ...event.currentTarget.querySelectorAll<HTMLElement>('.popover :is(input, a, button)'),
  ];
  const index = items.indexOf(document.activeElement as HTMLElement);
  const next = items[index + (event.key === 'ArrowDown' ? 1 : -1)];
  if (!next) return;
  event.preventDefault();
  next.focus();
}

export interface DialogProps {
  readonly title: ComponentChildren;
  readonly onClose: () => void;
  /** A drawer covers the right side of the page. @default dialog */
  readonly kind?: 'dialog' | 'drawer';
  readonly children: ComponentChildren;
}

/** A modal dialog. Escape and clicks outside close it. */
export function Dialog({ title, onClose, kind = 'dialog', children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const opener = document.activeElement as HTMLElement | null;
    dialog.current?.showModal();
    return () => opener?.focus?.();
  }, []);
  return (
    <dialog
      class={kind}
      ref={dialog}
      aria-labelledby="dialog-title"
      onClose={onClose}
      onClick={(event) => {
        if (event.target === dialog.current) onClose();
      }}
    >
      <header>
        <h2 id="dialog-title">{title}</h2>
        <IconButton icon={X} label="Close" onClick={onClose} />
      </header>
      <div>{children}</div>
    </dialog>
  );
}

function IconButton({
  icon,
  label,
  onClick,
}: {
  icon: IconNode;
  label: string;
  onClick: () => void;
}) {
  return (
    <button
      type="button"
      class="button"
      data-kind="quiet"
      aria-label={label}
      title={label}
      onClick={onClick}
    >
      <Icon node={icon} />
    </button>
  );
}

export interface TabsProps<T extends string> {
  readonly label: string;
  readonly tabs: readonly {
    readonly id: T;
    readonly label: ComponentChildren;
    readonly href: string;
  }[];
  readonly current: T;
}

/** Links between the parts of a view. The current part is in the URL. */
export function Tabs<T extends string>({ label, tabs, current }: TabsProps<T>) {
  return (
    <nav class="tabs" aria-label={label}>
      {tabs.map((tab) => (
        <a key={tab.id} href={tab.href} aria-current={tab.id === current ? 'page' : undefined}>
          {tab.label}
        </a>
      ))}
    </nav>
  );
}

/** A text of the server, such as a cause. Parts between backticks are code. */
export function InlineCode({ text }: { text: string }) {
  return (
    <span class="name">
      {text
        .split('`')
        .map((part, index) => (index % 2 === 1 ? <code key={index}>{part}</code> : part))}
    </span>
  );
}

const COPIED_MS = 1500;

/** A block of code with a button that copies it. */
export function CodeBlock({ children, label }: { children: string; label?: string }) {
  const [isCopied, setCopied] = useState(false);
  useEffect(() => {
    if (!isCopied) return undefined;
    const timer = setTimeout(() => setCopied(false), COPIED_MS);
    return () => clearTimeout(timer);
  }, [isCopied]);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(children);
      setCopied(true);
    } catch {
      // The browser forbids it. The text can still be selected.
    }
  };
  return (
    <div class="code">
      <pre tabIndex={0} aria-label={label}>
        {children}
      </pre>
      {/* Browsers allow access to the clipboard only over HTTPS or loopback. */}
      {navigator.clipboard && (
        <button type="button" class="button" onClick={() => void copy()}>
          {isCopied ? 'Copied' : 'Copy'}
        </button>
      )}
    </div>
  );
}
