import { EmptyState } from '../../design/states.tsx';

/** Placeholder. */
export default function View() {
  return <EmptyState title="Not built yet" />;
}
