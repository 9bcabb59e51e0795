/** Runs a statement over QuestDB's HTTP endpoint. */
export async function execSql(
  { url, authorization }: { url: string; authorization?: string | undefined },
  statement: string,
): Promise<unknown[][]> {
  const response = await fetch(`${url}/exec?query=${encodeURIComponent(statement)}`, {
    headers: authorization ? { authorization } : {},
  });
  const body = (await response.json()) as { dataset: unknown[][]; error?: string };
  if (body.error) throw new Error(body.error);
  return body.dataset;
}
