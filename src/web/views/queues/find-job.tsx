import { useState } from 'preact/hooks';
import { navigate } from '../../url/location.ts';
import { linkTo } from '../../url/view-state.ts';

/** A field that leads to the history of a job. */
export function FindJob() {
  const [id, setId] = useState('');
  return (
    <form
      class="buttons"
      onSubmit={(event) => {
        event.preventDefault();
        if (id.trim()) navigate(linkTo('/job', { job: id.trim() }));
      }}
    >
      <input
        class="input"
        type="search"
        style={{ width: '190px' }}
        placeholder="Find a job by its ID"
        aria-label="Find a job by its ID"
        maxLength={512}
        value={id}
        onInput={(event) => setId(event.currentTarget.value)}
      />
      <button type="submit" class="button" disabled={id.trim() === ''}>
        Find
      </button>
    </form>
  );
}
