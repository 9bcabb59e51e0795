export const dynamic = 'force-dynamic';

export default async function Page({ params }) {
  const { slug } = await params;
  return <h1>{slug.join(' ')}</h1>;
}
