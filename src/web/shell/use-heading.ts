import { useEffect } from 'preact/hooks';
import { type Heading, heading } from './header.tsx';

/** Sets the title of the page and its header. */
export function useHeading(value: Heading): void {
  useEffect(() => {
    heading.value = value;
    document.title = `${value.title} · Perfscope`;
  }, [value.title, JSON.stringify(value.crumbs)]);
}
