export async function POST(_request, { params }) {
  const { id } = await params;
  if (id === '13') throw new Error('Room 13 does not exist.');
  return Response.json({ id }, { status: 201 });
}
