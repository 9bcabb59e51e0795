import { Suspense } from 'react';

export const dynamic = 'force-dynamic';

async function Late() {
  await new Promise((resolve) => setTimeout(resolve, 50));
  throw new Error('stream failed');
}

export default function Page() {
  return (
    <Suspense fallback={<p>Loading</p>}>
      <Late />
    </Suspense>
  );
}
