import { useState } from 'preact/hooks';
import { queryCache } from '../api/queries.ts';
import { caller, noteApiError, signIn, signInReason } from '../api/session.ts';
import { Logo } from '../design/icon.tsx';

const TEXTS = {
  required: 'This server needs an API key or a token.',
  expired:
    'Your key has expired or was revoked. Sign in again to continue. The page keeps its state.',
  rejected:
    'The server does not accept this key. Check that it is complete, and that it is not expired.',
  unchecked:
    'The server could not check the key, because it does not answer. Try again in a moment.',
} as const;

/** Asks for a key. It covers the page only if the user was not signed in before. */
export function SignIn() {
  const [isBusy, setBusy] = useState(false);
  const reason = signInReason.value;
  if (reason === undefined) return null;
  const submit = async (form: HTMLFormElement) => {
    setBusy(true);
    const isAccepted = await signIn(String(new FormData(form).get('key') ?? ''));
    setBusy(false);
    if (isAccepted) await queryCache.resetQueries();
    else form.querySelector('input')?.focus();
  };
  return (
    <div
      class={caller.value ? 'scrim-full' : ''}
      style={{ display: 'grid', placeItems: 'center', minHeight: '100vh' }}
    >
      <form
        class="card"
        style={{ width: 'min(400px, calc(100vw - 24px))', gap: '10px' }}
        onSubmit={(event) => {
          event.preventDefault();
          submit(event.currentTarget).catch(noteApiError);
        }}
        aria-label="Sign in"
      >
        <h1 style={{ display: 'flex', gap: '8px', alignItems: 'center', fontSize: '15px' }}>
          <Logo /> Sign in to Perfscope
        </h1>
        <p
          class={reason === 'rejected' || reason === 'unchecked' ? 'critical' : 'muted'}
          role="status"
        >
          {TEXTS[reason]}
        </p>
        <label class="field">
          <span>API key or token</span>
          <input
            class="input"
            name="key"
            type="password"
            autocomplete="current-password"
            required
            autofocus
          />
        </label>
        <button type="submit" class="button" data-kind="primary" disabled={isBusy}>
          {isBusy ? 'Signing in …' : 'Sign in'}
        </button>
        <p class="small faint">
          To create a key, run <code>npx perfscope keys create</code> on the server. The browser
          forgets the key when you close the tab.
        </p>
      </form>
    </div>
  );
}
