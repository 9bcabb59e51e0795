import { caller } from '../api/session.ts';

type Permission = NonNullable<typeof caller.value>['permissions'][number];

/** Whether changes with this permission need a key that the caller does not have. */
export function needsKey(permission: Permission): boolean {
  return caller.value?.keyRequiredFor.includes(permission) ?? false;
}

/** Says how to get the key that changes need. */
export function KeyNotice() {
  return (
    <p class="callout" data-kind="warning">
      Changes need an API key. Create one on the server with{' '}
      <code>npx perfscope keys create --name admin --role ADMIN</code>, and sign in with it.
    </p>
  );
}
