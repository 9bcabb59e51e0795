import { notFound } from 'next/navigation';

export const dynamic = 'force-dynamic';

async function book(data) {
  'use server';
  if (data.get('guest') === 'nobody') throw new Error('action failed');
  return { booked: true };
}

export default async function Page({ params }) {
  const { id } = await params;
  if (id === 'missing') notFound();
  return (
    <form action={book}>
      <h1>Room {id}</h1>
      <input name="guest" />
    </form>
  );
}
