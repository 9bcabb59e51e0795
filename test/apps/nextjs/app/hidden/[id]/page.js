/** Only the IDs of `generateStaticParams` exist. */
export const dynamicParams = false;

export function generateStaticParams() {
  return [{ id: '1' }];
}

export default async function Page({ params }) {
  const { id } = await params;
  return <h1>{id}</h1>;
}
