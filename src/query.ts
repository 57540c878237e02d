/** The query of an address, in the order of the properties and encoded so that every server reads what was meant. */
export function toSearch(query: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(query).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  return `?${pairs.join('&')}`;
}
