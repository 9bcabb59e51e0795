import { notFound } from 'next/navigation';

async function reserve() {
  'use server';
  console.log('reserved');
}

export default async function Room({ params }) {
  const { id } = await params;
  if (id === '404') notFound();
  return (
    <form action={reserve}>
      <h1>Room {id}</h1>
      <button type="submit">Reserve</button>
    </form>
  );
}
