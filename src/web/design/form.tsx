import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

export interface Submission {
  readonly submit: () => void;
  readonly error: Error | undefined;
  readonly isSending: boolean;
}

/** Runs an action once at a time, and keeps its error. */
export function useSubmit(action: () => Promise<void>): Submission {
  const [error, setError] = useState<Error>();
  const [isSending, setSending] = useState(false);
  const isMounted = useRef(true);
  useEffect(
    () => () => {
      isMounted.current = false;
    },
    [],
  );
  const submit = () => {
    if (isSending) return;
    setSending(true);
    setError(undefined);
    action()
      .catch((reason: Error) => isMounted.current && setError(reason))
      .finally(() => isMounted.current && setSending(false));
  };
  return { submit, error, isSending };
}

export interface FormProps {
  /** Text of the button that sends the form. */
  readonly label: string;
  readonly onSubmit: () => void;
  readonly onClose: () => void;
  readonly error: Error | undefined;
  readonly isSending: boolean;
  readonly isComplete: boolean;
  readonly children: ComponentChildren;
}

/** The fields of a dialog with its buttons and the error of the last attempt. */
export function Form(props: FormProps) {
  const { label, onSubmit, onClose, error, isSending, isComplete, children } = props;
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        onSubmit();
      }}
    >
      {children}
      {error && (
        <p class="critical" role="alert">
          {error.message}
        </p>
      )}
      <div class="buttons">
        <button type="button" class="button" onClick={onClose}>
          Cancel
        </button>
        <button
          type="submit"
          class="button"
          data-kind="primary"
          disabled={!isComplete || isSending}
        >
          {isSending ? 'Sending…' : label}
        </button>
      </div>
    </form>
  );
}
